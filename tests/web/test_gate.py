"""The gate: other sites, other hosts and endless forms are turned away before anything is read."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from loopline.web.gate import BODY_BYTES, Gate, Rules
from tests.web.signing import DECLARATION
from tests.web.world import client

LOCAL, PUBLIC = Rules(), Rules(is_local=False, public_url="https://loop.example.com")


def status(rules, method="GET", scheme="http", **headers):
    turned = rules.turned(method, scheme, Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    return 0 if turned is None else turned.status


@pytest.mark.parametrize("host", ["127.0.0.1:8379", "localhost", "localhost:1", "[::1]:8379", "127.8.8.8"])
def test_this_machine_is_let_through_by_each_of_its_names(host):
    assert status(LOCAL, host=host) == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8379", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "192.0.2.1"])
def test_a_strangers_name_that_leads_here_reads_nothing(host):
    assert status(LOCAL, host=host) == 421


def test_only_the_declared_address_is_served():
    assert status(PUBLIC, host="Loop.example.com") == 0
    assert status(PUBLIC, host="loop.example.com:8379") == 421
    assert status(PUBLIC, host="127.0.0.1") == 421
    assert status(Rules(is_local=False), host="10.0.0.7:8379") == 0
    assert status(Rules(is_local=False)) == 400


@pytest.mark.parametrize("said", ["forwarded", "x_forwarded_for", "x_forwarded_host", "x_forwarded_proto", "x_real_ip", "via"])
def test_what_a_proxy_sends_on_is_no_request_of_this_machine(said):
    assert status(LOCAL, host="127.0.0.1:8379", **{said: "192.0.2.1"}) == 421
    assert status(PUBLIC, host="loop.example.com", **{said: "192.0.2.1"}) == 0


def test_a_proxy_that_is_not_believed_is_said_once(caplog):
    gate = Gate(lambda scope, receive, send: None, PUBLIC)

    def look(client, said):
        gate._look({"client": (client, 1)}, Headers({"x-forwarded-for": said}))

    look("192.0.2.1", "198.51.100.9, 192.0.2.1")
    assert not caplog.messages, "it is believed: whom it speaks for is who asks"
    for _ in range(2):
        look("10.0.0.5", "192.0.2.1")
    assert caplog.messages == ["10.0.0.5 says whom it asks for and is not believed: if it is your proxy, name it in pages.proxies"]


OURS = {"host": "127.0.0.1:8379", "origin": "http://127.0.0.1:8379", "sec_fetch_site": "same-origin"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 0),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://localhost:8379"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"content_length": str(BODY_BYTES)}, 0),
        ({"content_length": str(BODY_BYTES + 1)}, 413),
        ({"content_length": "9" * 40}, 413),
        ({"content_length": "-1"}, 413),
        ({"transfer_encoding": "chunked"}, 411),
    ],
)
def test_a_form_comes_from_here_and_has_an_end(changed, expected):
    assert status(LOCAL, "POST", **{**OURS, **changed}) == expected
    assert status(LOCAL, "GET", **{**OURS, **changed}) == 0, "a link from elsewhere may be followed"


def test_a_form_without_either_header_is_left_to_its_token():
    assert status(LOCAL, "POST", host="127.0.0.1") == 0


def test_behind_a_proxy_the_origin_is_that_of_the_public_address():
    sent = {"host": "loop.example.com", "origin": "https://loop.example.com", "sec_fetch_site": "same-origin"}
    assert status(PUBLIC, "POST", **sent) == 0
    assert status(PUBLIC, "POST", **{**sent, "origin": "http://loop.example.com"}) == 403


def test_who_is_turned_away_is_told_in_a_line_with_the_usual_headers(tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with client(tmp_path) as browser:
        plain = browser.get("/shop/", headers={"host": "evil.example"})
        said = browser.post("/shop/x", headers={"origin": "https://evil.example", "accept": "application/json"})
    assert (plain.status_code, plain.text) == (421, "These pages are for this machine alone. Open them at http://127.0.0.1 or http://localhost.\n")
    assert said.status_code == 403 and "another site" in said.json()["error"]["what"]
    assert plain.headers["cache-control"] == "no-store" and "default-src 'none'" in plain.headers["content-security-policy"]
