"""What every page has from the site: HTML and JSON at one address, forms that are ours and fresh, words for what goes wrong."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from jinja2 import ChoiceLoader, FileSystemLoader
from starlette.testclient import TestClient

from loopline import charts
from loopline.errors import Mistake
from loopline.web import app as site
from loopline.web import rendering
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.drawn import Drawings, themed
from loopline.web.forms import Forms, seen_of
from loopline.web.page import Action, Done, Form, Missing, Page
from loopline.web.register import ACTIONS
from loopline.web.trouble import Trouble
from tests.web.world import client, hidden, reader

HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Hall:
    """What a page of the tests shows."""

    title: str
    doors: int

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"title": self.title, "doors": self.doors}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path) -> list[str]:
    """What the action of a page of the tests was asked to do; the page shows how often."""
    done: list[str] = []

    def show(current: Current, asked: Asked) -> Hall:
        if asked.query.get("which") == "none":
            raise Missing(f"there is no {HOSTILE}", remedy="look elsewhere")
        return Hall(HOSTILE, len(done))

    def act(current: Current, asked: Asked, form: Form) -> Done:
        if not form.get("what"):
            raise Mistake("nothing is said", remedy="say something")
        done.append(f"{asked.reader.name} {form['what']}")
        return Done(f"{HOSTILE} is open", "/hall")

    def seen(current: Current, asked: Asked, form: Form) -> str:
        return seen_of(len(done))

    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "hall.html.j2").write_text(
        '{% extends "page.html.j2" %}{% from "parts.html.j2" import form, field with context %}{% block main %}<h1>{{ view.title }}</h1>'
        '{% call form("/hall/open", "Open", view.doors | seen) %}{{ field("what", "what", "What") }}{% endcall %}{% endblock %}'
    )
    environment = rendering._environment()
    found = environment.loader
    assert found is not None
    monkeypatch.setattr(environment, "loader", ChoiceLoader([FileSystemLoader(tmp_path / "templates"), found]))
    pages = (Page("hall", "/hall", show, "hall.html.j2"), Page("vault", "/vault", show, "hall.html.j2", frozenset({"data"})))
    monkeypatch.setattr(site, "PAGES", pages)
    monkeypatch.setattr(site, "ACTIONS", (Action("/hall/open", act, frozenset({"business"}), seen),))
    return done


def test_one_address_gives_html_to_people_and_json_to_programs(folder, counted):
    with client(folder, reader("business")) as browser:
        page, plain, other = browser.get("/shop/hall"), browser.get("/shop/hall", headers={"accept": "application/json"}), browser.get("/shop/hall?as=json")
    assert "text/html" in page.headers["content-type"] and "<h1>" in page.text
    assert plain.json() == other.json() == {"title": HOSTILE, "doors": 0}


def test_a_script_in_a_text_is_a_text_and_no_script_but_ours_may_run(folder, counted):
    with client(folder, reader("business")) as browser:
        page, lost = browser.get("/shop/hall"), browser.get("/shop/hall?which=none")
    for answer in (page, lost):
        assert HOSTILE not in answer.text and "&lt;script&gt;" in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"] and "unsafe" not in answer.headers["content-security-policy"]
    assert lost.status_code == 404 and "Look elsewhere" in lost.text


def test_a_person_without_the_role_gets_403_and_no_trace(folder, counted):
    with client(folder, reader("customer")) as browser:
        answers = [browser.get("/shop/hall"), browser.get("/shop/vault?as=json")]
    with client(folder, reader("business")) as browser:
        answers.append(browser.get("/shop/vault"))
        assert "/shop/vault" not in browser.get("/shop/hall").text
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert all("<script>" not in answer.text and "doors" not in answer.text for answer in answers)
    assert "charter.stakeholders" in answers[0].text


def test_a_form_is_taken_once_from_whom_it_was_made_for(folder, counted):
    with client(folder, reader("business")) as browser:
        fields = hidden(browser.get("/shop/hall").text, "/hall/open")
        assert browser.post("/shop/hall/open", data={"what": "x"}).status_code == 403
        assert browser.post("/shop/hall/open", data={**fields, "token": "0" * 64, "what": "x"}).status_code == 403
        assert counted == []
        done = browser.post("/shop/hall/open", data={**fields, "what": "the gate"})
        assert done.status_code == 200 and str(done.url).endswith("/shop/hall") and "&lt;script&gt;alert(1)&lt;/script&gt; is open" in done.text
        assert counted == ["bea@example.com the gate"]
        assert "is open" not in browser.get("/shop/hall").text
        stale = browser.post("/shop/hall/open", data={**fields, "what": "again"})
        assert stale.status_code == 409 and "What changed" not in stale.text and len(counted) == 1
    with client(folder, reader("data")) as browser:
        fields = hidden(browser.get("/shop/hall").text, "/hall/open")
        assert browser.post("/shop/hall/open", data={**fields, "what": "x"}).status_code == 403


def test_what_a_form_lacks_is_said_with_the_remedy(folder, counted):
    with client(folder, reader("business")) as browser:
        answer = browser.post("/shop/hall/open", data=hidden(browser.get("/shop/hall").text, "/hall/open"))
    assert answer.status_code == 400 and "Say something" in answer.text


def test_a_wrong_declaration_does_not_take_the_pages_down(folder, counted):
    declaration = folder / "loopline.yaml"
    right = declaration.read_text()
    with client(folder, reader("business")) as browser:
        declaration.write_text(right.replace("positive:", "pozitive:"))
        page = browser.get("/shop/hall")
        assert page.status_code == 200 and "loopline.yaml is wrong as it is now" in page.text and "positive" in page.text
        declaration.write_text(right)
        assert "is wrong as it is now" not in browser.get("/shop/hall").text


def test_a_picture_is_drawn_for_those_who_may_see_its_page():
    drawings = Drawings()
    spec = charts.bars([charts.Bar(name=HOSTILE, value=1.0)], title="Bars", unit="EUR")
    kept = drawings.keep(spec, project="shop", roles=None)
    assert drawings.find("shop", kept.digest) is not None and drawings.find("other", kept.digest) is None
    assert kept.digest != drawings.keep(spec, project="shop", roles=frozenset({"data"})).digest
    drawn = drawings.svg(kept, charts.WIDE, "auto").decode()
    assert "<script" not in drawn and "prefers-color-scheme: dark" in drawn


def test_a_picture_follows_the_theme_that_the_reader_chose():
    assert "<style>" not in themed("<svg></svg>", "light")
    assert "@media" in themed("<svg></svg>", "auto") and "@media" not in themed("<svg></svg>", "dark")


def test_the_token_of_one_visit_is_no_token_of_another():
    forms = Forms()
    assert forms.is_ours("a", forms.token("a")) and not forms.is_ours("b", forms.token("a")) and not forms.is_ours("", forms.token(""))
    assert not Forms().is_ours("a", forms.token("a"))


def test_lens_and_theme_are_remembered(folder, counted):
    with client(folder, reader("business")) as browser:
        chosen = browser.get("/shop/hall?theme=dark&which=some", follow_redirects=False)
        assert chosen.status_code == 303 and chosen.headers["location"] == "/shop/hall?which=some"
        assert 'data-theme="dark"' in browser.get("/shop/hall").text


def test_every_form_that_may_be_refused_as_stale_names_what_tells_of_the_change():
    assert not [action.path for action in ACTIONS if action.seen is not None and action.about is None]


def test_what_is_no_lens_or_theme_is_not_kept(folder, counted):
    with client(folder, reader("business")) as browser:
        for chosen in ("lens=%E2%9C%93", "theme=%E2%9C%93", "lens=nobody"):
            answer = browser.get(f"/shop/hall?{chosen}&which=some", follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/shop/hall?which=some")
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("seq", ["9" * 30, "9" * 5_000, "-1", "\u0663", ""])
def test_a_form_says_how_far_its_reader_had_seen_in_any_way(folder, counted, seq):
    with client(folder, reader("business")) as browser:
        fields = hidden(browser.get("/shop/hall").text, "/hall/open")
        stale = browser.post("/shop/hall/open", data={**fields, "what": "x", "seen": "other", "seq": seq})
    assert stale.status_code == 409 and "nothing was done" in stale.text


def test_a_defect_is_told_without_its_text_and_logged(folder, counted, monkeypatch, caplog):
    def broken(current: Current, asked: Asked) -> Hall:
        raise ValueError("row 7: ann@example.com")

    monkeypatch.setattr(site, "PAGES", (Page("hall", "/hall", broken, "hall.html.j2"),))
    with client(folder, reader("business")) as browser:
        for answer in (browser.get("/shop/hall"), browser.get("/shop/hall?as=json")):
            assert answer.status_code == 500 and "ann@" not in answer.text and "defect of Loopline" in answer.text
    assert "ann@example.com" in caplog.text


def test_a_form_that_cannot_be_read_is_refused_with_the_usual_headers(folder, counted):
    with client(folder, reader("business")) as browser:
        browser.get("/shop/hall")
        answer = browser.post("/shop/hall/open", content=b"x", headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 400 and "form cannot be read" in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_failure_in_the_outermost_layer_has_the_headers(folder, monkeypatch):
    monkeypatch.setattr(site, "_failed", lambda *given: 1 / 0)
    with client(folder, reader("customer")) as browser:
        quiet = TestClient(browser.app, base_url="http://127.0.0.1:8379", raise_server_exceptions=False)
        answer = quiet.get("/shop/hall")
    assert answer.status_code == 500 and "default-src 'none'" in answer.headers["content-security-policy"] and "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize(("came", "back"), [("//evil.example/x", "/"), ("/shop/hall", "/shop/hall"), ("/\\evil.example", "/")])
def test_the_way_back_leads_nowhere_else(came, back):
    assert Trouble(Mistake("no"), "No", f"https://loop.example.com{came}", "loop.example.com").back == back
    assert Trouble(Mistake("no"), "No", "https://evil.example/x", "loop.example.com").back == ""


@pytest.mark.parametrize("servers", [1, 2])
def test_of_two_people_at_once_one_decides_and_the_other_is_told(folder, counted, monkeypatch, servers):
    def slow(current: Current, asked: Asked, form: Form) -> Done:
        time.sleep(0.1)
        counted.append(form["what"])
        return Done("done", "/hall")

    (action,) = site.ACTIONS
    monkeypatch.setattr(site, "ACTIONS", (replace(action, act=slow),))
    with client(folder, reader("business")) as one, client(folder, reader("business")) as other:
        browsers = (one, one if servers == 1 else other)
        forms = [hidden(browser.get("/shop/hall").text, "/hall/open") for browser in browsers]
        with ThreadPoolExecutor(2) as both:
            answers = both.map(lambda at: browsers[at].post("/shop/hall/open", data={**forms[at], "what": str(at)}, follow_redirects=False), (0, 1))
            assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(counted) == 1
