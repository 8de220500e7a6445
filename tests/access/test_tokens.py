"""Tokens: known by their hash alone, for their roles and until their end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.tokens import LINK_ROLE, ROLES, denied, held, known, mint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=90)


def kept(token, **changed):
    return known([(token.id, json.loads(json.dumps({**token.as_json(), **changed})))])


def test_what_is_kept_does_not_hold_the_secret():
    text, token = mint("shop", ["predict"], LATER)
    # The secret may hold a - itself.
    assert text.split("-", 2)[2] not in json.dumps(token.as_json())
    assert mint("shop", ["predict"], LATER)[0] != text


@given(roles=st.sets(st.sampled_from(ROLES), min_size=1), role=st.sampled_from(ROLES))
def test_a_token_lets_in_for_its_roles_and_admin_for_all(roles, role):
    text, token = mint("shop", sorted(roles), LATER)
    why = denied(f"Bearer {text}", role, kept(token), NOW)
    assert (why is None) is (role in roles or "admin" in roles)
    assert why is None or (why.status == 403 and role in why.what and why.remedy.endswith(f"--role {role}"))
    assert denied(f"bearer {text}", None, kept(token), NOW) is None


@given(header=st.text(max_size=80))
def test_no_other_text_lets_in(header):
    _, token = mint("shop", ["admin"], LATER)
    assert denied(header, "predict", kept(token), NOW).status == 401
    assert denied(f"Bearer {header}", "predict", kept(token), NOW).status == 401


@pytest.mark.parametrize(("changed", "now", "says"), [({}, LATER, "expired"), ({"state": "revoked"}, NOW, "revoked")])
def test_an_expired_or_revoked_token_is_refused_by_name(changed, now, says):
    text, token = mint("shop", ["admin"], LATER)
    why = denied(f"Bearer {text}", "predict", kept(token, **changed), now)
    assert (why.status, says in why.what, "shop" in why.what) == (401, True, True)
    since = "it expired on 2026-04-01 at 00:00 UTC; " if says == "expired" else ""
    assert why.remedy == f"{since}ask for a new one: loopline access token create"


def test_the_right_id_with_another_secret_is_refused():
    text, token = mint("shop", ["admin"], LATER)
    other = f"{text[:-1]}{'A' if text[-1] != 'A' else 'B'}"
    assert denied(f"Bearer {other}", "predict", kept(token), NOW).what == "the token is not known here"


def test_a_link_is_no_token_of_a_server_and_the_other_way_round():
    link_text, link = mint("customers", [LINK_ROLE], LATER, kind="lc")
    server_text, server = mint("shop", ["admin"], LATER)
    tokens = {**kept(link), **kept(server)}
    assert denied(f"Bearer {link_text}", None, tokens, NOW).status == 401
    assert denied(f"Bearer {link_text.replace('lc-', 'lt-', 1)}", None, tokens, NOW).status == 401
    assert held(link_text, "lc", tokens).holder == "customers"
    assert held(server_text, "lc", tokens) is held(link_text, "lt", tokens) is None
