"""Secrets stand by reference, are filled in at use, and are never shown."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.secrets import Address, masked, refuse_literal, resolve, reveal
from loopline.declaration import Spec
from loopline.errors import Mistake

ENVIRONMENT = {"PW": "p@ss/w:rd?", "URL": "postgresql://a:b@c/d", "HOST": "db:5432", "EMPTY": ""}
passwords = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=30)


def test_a_whole_value_and_a_part_of_a_text_are_filled_in() -> None:
    assert resolve("env:PW", ENVIRONMENT) == "p@ss/w:rd?"
    assert resolve("${URL}", ENVIRONMENT) == "postgresql://a:b@c/d"
    assert resolve("Bearer ${PW}", ENVIRONMENT) == "Bearer p@ss/w:rd?"
    assert resolve("no reference at all", ENVIRONMENT) == "no reference at all"
    assert resolve("http://${HOST}/path", ENVIRONMENT) == "http://db:5432/path"


@given(passwords)
def test_any_password_survives_its_way_into_a_url(password: str) -> None:
    url = resolve("mailtos://ann:${PW}@example.com:25/box?token=${PW}", {"PW": password})
    parts = urlsplit(url)
    assert (parts.hostname, parts.port, parts.path) == ("example.com", 25, "/box")
    assert unquote(parts.password or "") == password


def test_what_was_filled_in_is_named_so_that_it_can_be_hidden() -> None:
    url, secrets = reveal("json://ann:${PW}@h/", ENVIRONMENT)
    assert set(secrets) == {"p@ss/w:rd?", "p%40ss%2Fw%3Ard%3F"}
    assert any(secret in url for secret in secrets)


@pytest.mark.parametrize("text", ["env:MISSING", "${MISSING}", "json://a:${EMPTY}@h"])
def test_a_variable_that_is_not_set_is_named(text: str) -> None:
    with pytest.raises(Mistake, match="workspace.ledger: the environment variable (MISSING|EMPTY) is not set"):
        resolve(text, ENVIRONMENT, where="workspace.ledger")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@db/loop",
        "postgresql://ann:hunter2/x@db/loop",
        "postgresql://ann:hunter2@x@db/loop",
        "mailtos://ann:hunter2${PW}@example.com",
        "postgresql://ann:env:hunter2@db",
        "json://h/?password=hunter2",
        "s3://bucket/x?region=eu&access_key=hunter2",
        "https://h/hook?X-Amz-Security-Token=hunter2",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Mistake, match="stands in plain words") as refused:
        refuse_literal(url, where="workspace.ledger")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in masked(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:${PW}@db/loop",
        "postgresql+psycopg://ann@db:5432/loop",
        "sqlite:////tmp/a@b.db",
        "http://h:8080/a@b?region=eu",
        "http://[::1]:8080/a@b",
        "env:LEDGER_URL",
        "${LEDGER_URL}",
        "s3://bucket/x?secret=${KEY}",
        ".loopline/lake",
        "mailto://owner@example.com",
        "mailto://mail:${PORT}?from=loop@example.com&to=owner@example.com",
    ],
)
def test_a_text_without_a_literal_secret_passes_and_is_shown_whole(url: str) -> None:
    assert refuse_literal(url, where="x") == url
    assert masked(url) == url


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#@:"), min_size=4, max_size=20).filter(lambda text: "$" not in text))
def test_a_password_is_never_shown(password: str) -> None:
    shown = masked(f"postgresql://ann:{password}@db.example.com/loop")
    assert shown == "postgresql://ann:***@db.example.com/loop"


class Declared(Spec):
    """A part of a declaration that holds an address."""

    ledger: Address


def test_a_declaration_takes_an_address_only_without_a_literal_secret() -> None:
    assert Declared(ledger="postgresql://ann:${PW}@db/loop").ledger == "postgresql://ann:${PW}@db/loop"
    with pytest.raises(ValueError, match="a password stands in plain words in postgresql://ann:...@db/loop; write .{NAME}"):
        Declared(ledger="postgresql://ann:hunter2@db/loop")
