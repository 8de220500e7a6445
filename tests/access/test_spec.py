"""The pages as they are declared: a secret by reference, and an address that says where people come back to."""

from __future__ import annotations

import pytest

from loopline.errors import Mistake
from loopline.project import parse

BEGIN = "project: p\ncharter: {predict: y}\ndata: {sources: {rows: {path: rows.csv, key: [id]}}}\n"
OIDC = "{issuer: https://id.example.com, client_id: loop, client_secret: '${SECRET}'}"


def pages(text):
    return parse(f"{BEGIN}pages: {text}").pages


def test_what_is_not_said_has_a_default():
    spec = parse(BEGIN).pages
    assert (spec.host, spec.port, spec.oidc, spec.is_proxied) == ("127.0.0.1", 8379, None, False)
    assert (spec.session.total_seconds(), spec.idle.total_seconds()) == (43200, 7200)


def test_what_is_said_holds():
    spec = pages(f"{{port: 443, idle: 30min, public_url: https://Loop.example.com/, proxies: [10.0.0.0/24], oidc: {OIDC}}}")
    assert (spec.public_url, spec.proxies, spec.is_proxied) == ("https://loop.example.com", ("10.0.0.0/24",), True)
    assert (spec.oidc.claim, spec.oidc.client_secret) == ("email", "${SECRET}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{{oidc: {OIDC}}}", "no public_url says where they are"),
        (f"{{public_url: https://a.example, oidc: {OIDC.replace('${SECRET}', 'hunter2')}}}", "a secret stands in plain words here; write ${NAME} in its place"),
        (f"{{public_url: https://a.example, oidc: {OIDC.replace('https://id', 'http://id')}}}", "is no issuer"),
        ("{public_url: loop.example.com}", "is no address of the web"),
        ("{public_url: https://loop.example.com/pages}", "without a path"),
        ("{public_url: 'https://[::1'}", "is no address of the web"),
        ("{proxies: [proxy]}", "is no address of a machine or a network"),
        ("{session: 0s}", "beyond its limit"),
    ],
)
def test_what_cannot_be_is_refused(text, says):
    with pytest.raises(Mistake) as caught:
        pages(text)
    assert says in str(caught.value)
    assert "line 4" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("https://loop.example.com:443", "https://loop.example.com"),
        ("http://Loop.example.com:80/", "http://loop.example.com"),
        ("https://[::1]:443", "https://[::1]"),
        ("https://loop.example.com:", "https://loop.example.com"),
        ("https://loop.example.com:80", "https://loop.example.com:80"),
        ("http://loop.example.com:443", "http://loop.example.com:443"),
    ],
)
def test_the_usual_port_is_left_out_of_the_public_address_as_browsers_do(said, meant):
    assert pages(f"{{public_url: '{said}'}}").public_url == meant
