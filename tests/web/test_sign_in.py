"""Signing in: who does not is shown nothing, who does is known by a cookie that ends, and each sees what the charter lets them see."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from loopline.access import accounts, passwords, sessions
from loopline.access.people import Person
from loopline.access.safe import Safe
from loopline.access.spec import OidcSpec, PagesSpec
from loopline.errors import Fault, Mistake
from loopline.ledger.entry import now
from loopline.web import app as site
from loopline.web import links
from loopline.web.asked import Reader
from loopline.web.door import Local
from loopline.web.oidc import named
from loopline.web.page import Action, Done, File, Page
from loopline.web.pages import sign_in
from loopline.web.register import ACTIONS, DOWNLOADS, PAGES
from loopline.web.signed_in import SignedIn, open_door, safe_next
from tests.web.signing import PUBLIC, behind, token
from tests.web.world import PEOPLE

BEA = PEOPLE["business"]
GOOD, BETTER = "correct horse battery", "staple and some more"
SECRET = "what only some may see"


@dataclass(frozen=True)
class Hall:
    """What each page of the tests shows."""

    title: str = SECRET

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"title": self.title}


@pytest.fixture
def cheap(monkeypatch):
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def shop(tmp_path, cheap, monkeypatch):
    hall = Page("hall", "/hall", lambda current, asked: Hall(), "trouble.html.j2")
    monkeypatch.setattr(site, "PAGES", (hall, Page("guests", "/c/{link}", lambda current, asked: Hall(asked.reader.name), "x", frozenset({"customer"}), True)))
    monkeypatch.setattr(site, "ACTIONS", (Action("/hall/open", lambda current, asked, form: Done(asked.reader.name, "/hall")),))
    with behind(tmp_path / "shop") as found:
        accounts.create(found.safe, BEA, GOOD, now())
        yield found


@pytest.fixture
def stopped(monkeypatch):
    """The clock by which tries are counted stands still: on a busy machine a pause of a second is over before the next try."""
    moment = now()
    monkeypatch.setattr(sign_in, "now", lambda: moment)


def signed_in(shop, password=GOOD, name=BEA, to="/shop/hall"):
    page = shop.browser.get("/sign-in")
    return shop.browser.post("/sign-in", data={"token": token(page.text), "name": name, "password": password, "next": to})


def hall(shop):
    return shop.browser.get("/shop/hall?as=json")


def test_who_has_not_signed_in_is_sent_there_and_a_program_is_told_so(shop):
    sent = shop.browser.get("/shop/hall?from=1")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/shop/hall%3Ffrom%3D1")
    said = hall(shop)
    assert said.status_code == 401 and SECRET not in said.text and said.json()["error"]["remedy"].startswith("sign in at /sign-in")
    assert shop.browser.post("/shop/hall/open").status_code == 303
    assert shop.browser.get("/shop/drawn/00.svg").status_code == 303
    assert shop.browser.get("/sign-in").status_code == 200


def test_who_signs_in_goes_on_to_where_they_wanted_under_cookies_that_scripts_cannot_read(shop):
    answer = signed_in(shop)
    assert (answer.status_code, answer.headers["location"]) == (303, "/shop/hall")
    given = [line for line in answer.headers.get_list("set-cookie") if "loopline=" in line]
    assert len(given) == 1
    for word in ("__Host-loopline=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in given[0]
    assert hall(shop).json() == {"title": SECRET}
    assert shop.browser.get("/sign-in?next=/shop/hall").headers["location"] == "/shop/hall"
    assert "no-store" in hall(shop).headers["cache-control"]


def test_a_wrong_password_and_a_name_that_is_none_are_told_alike(shop):
    answers = [signed_in(shop, password=BETTER), signed_in(shop, name="nobody@example.com")]
    assert [answer.status_code for answer in answers] == [403, 403]
    texts = {answer.text.replace(BEA, "X").replace("nobody@example.com", "X").replace(token(answer.text), "T") for answer in answers}
    assert len(texts) == 1 and "Name or password is wrong" in texts.pop()
    assert hall(shop).status_code == 401


def test_after_some_wrong_passwords_there_is_a_pause_with_a_way_out(shop, stopped):
    for _ in range(5):
        assert signed_in(shop, password=BETTER).status_code == 403
    slowed = signed_in(shop)
    assert slowed.status_code == 429 and int(slowed.headers["retry-after"]) >= 1
    assert "Try again in 1 second" in slowed.text and "asks whoever runs" not in slowed.text.split("Sign in</h1>")[1].split("</p>")[0]


def test_a_browser_that_has_signed_in_before_is_not_kept_out_by_strangers(shop, stopped):
    signed_in(shop)
    shop.browser.cookies.delete("__Host-loopline")
    kept = shop.browser.cookies.get("__Host-device")
    shop.browser.cookies.clear()
    for _ in range(6):
        stranger = signed_in(shop, password=BETTER)
    assert stranger.status_code == 429
    shop.browser.cookies.set("__Host-device", kept, domain="loop.example.com", path="/")
    assert signed_in(shop).status_code == 303


def test_people_behind_a_proxy_are_told_apart_by_what_it_says(shop, stopped):
    ours = token(shop.browser.get("/sign-in").text)

    def guess(index, address):
        data = {"token": ours, "name": f"guess {index}", "password": BETTER}
        return shop.browser.post("/sign-in", data=data, headers={"x-forwarded-for": address}).status_code

    assert [guess(index, "192.0.2.1") for index in range(21)] == [403] * 20 + [429]
    assert guess(22, "192.0.2.2") == 403


def test_a_form_without_its_token_changes_nothing(shop):
    for data in ({}, {"token": "0" * 64}):
        assert shop.browser.post("/sign-in", data={**data, "name": BEA, "password": GOOD}).status_code == 403
    signed_in(shop)
    old = token(shop.browser.get("/sign-in/own").text)
    done = shop.browser.post("/shop/hall/open", data={"token": old}, headers={"accept": "application/json"})
    assert done.json()["says"] == BEA
    signed_in_again = shop.browser.post("/sign-in/out", data={"token": old})
    assert signed_in_again.headers["location"] == "/sign-in"
    signed_in(shop)
    assert shop.browser.post("/shop/hall/open", data={"token": old}).status_code == 403, "the token of another session"


def test_signing_in_takes_a_new_session_whatever_the_browser_brought(shop):
    shop.browser.cookies.set("__Host-loopline", "planted", domain="loop.example.com", path="/")
    signed_in(shop)
    first = shop.browser.cookies.get("__Host-loopline")
    assert first != "planted"
    shop.browser.cookies.set("__Host-loopline", "planted", domain="loop.example.com", path="/")
    assert hall(shop).status_code == 401


def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(shop):
    signed_in(shop)
    kept = shop.browser.cookies.get("__Host-loopline")
    out = shop.browser.post("/sign-in/out", data={"token": token(shop.browser.get("/sign-in/own").text)})
    assert out.status_code == 303 and "__Host-loopline" not in shop.browser.cookies
    shop.browser.cookies.set("__Host-loopline", kept, domain="loop.example.com", path="/")
    assert hall(shop).status_code == 401


def test_signing_out_everywhere_ends_the_others_too(shop):
    other = sessions.begin(shop.safe, accounts.listed(shop.safe)[0], shop.door.ends, now())
    signed_in(shop)
    shop.browser.post("/sign-in/out", data={"token": token(shop.browser.get("/sign-in/own").text), "everywhere": "yes"})
    assert sessions.found(shop.safe, other, shop.door.ends, now()) is None


def test_a_revoked_account_is_out_at_its_next_request(shop):
    signed_in(shop)
    accounts.revoke(shop.safe, BEA, now())
    assert hall(shop).status_code == 401
    assert signed_in(shop).status_code == 403


def test_ones_own_password_is_changed_with_the_present_one_and_the_ledger_says_so(shop):
    signed_in(shop)
    other = sessions.begin(shop.safe, accounts.listed(shop.safe)[0], shop.door.ends, now())

    def change(present, new):
        page = shop.browser.get("/sign-in/own").text
        return shop.browser.post("/sign-in/own", data={"token": token(page), "password": present, "new": new})

    assert change(BETTER, BETTER).status_code == 400
    short = change(GOOD, "short")
    assert short.status_code == 400 and "too short" in short.text and ">short<" not in short.text
    assert all('name="new"' in refused.text and 'role="alert"' in refused.text for refused in (short, change(BETTER, BETTER))), "the form stands there again"
    assert change(GOOD, BETTER).status_code == 303
    assert hall(shop).status_code == 200
    assert sessions.found(shop.safe, other, shop.door.ends, now()) is None
    assert accounts.proved(shop.safe, BEA, BETTER)
    entries = shop.followed.current().workspace.ledger.read(kinds=(accounts.KIND,))
    assert [(entry.subject, entry.actor, entry.body) for entry in entries] == [(BEA, BEA, {"state": "password set"})]


def test_who_holds_no_role_is_told_whom_to_ask_and_nothing_else(shop, caplog):
    shop.as_person("stranger@example.com")
    said, page = hall(shop), shop.browser.get("/shop/hall")
    assert said.status_code == page.status_code == 403
    assert said.json()["error"]["remedy"] == "ask whoever keeps loopline.yaml to list you under charter.stakeholders"
    for text in (said.text, page.text):
        assert SECRET not in text and BEA not in text
    with caplog.at_level(logging.ERROR), pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.followed, "current", lambda: (_ for _ in ()).throw(Fault(SECRET, where=SECRET)))
        broken = hall(shop)
        assert broken.status_code == 403 and SECRET not in broken.text, "nothing is worked out for who may not see it"
        shop.as_person(BEA)
        assert SECRET in hall(shop).text, "who may see the page is told what is wrong with it"


def test_a_role_that_is_given_or_taken_holds_at_the_next_request(shop):
    shop.as_person("new@example.com")
    assert hall(shop).status_code == 403
    declaration = shop.followed.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace(BEA, "new@example.com"))
    assert hall(shop).status_code == 200
    shop.as_person(BEA)
    assert hall(shop).status_code == 403


def test_a_link_opens_its_page_without_signing_in_and_nothing_else(shop):
    ledger = shop.followed.current().workspace.ledger
    text, made = links.create(ledger, "our readers", timedelta(days=1), Person(BEA, "a test"), now())
    to = f"/shop{links.path_of(text)}?as=json"
    assert shop.browser.get(to).json() == {"title": "our readers"}
    assert hall(shop).status_code == 401
    assert shop.browser.get(f"/shop/hall?as=json&link={text}").status_code == 401
    assert shop.browser.get(f"/shop/c/lt-{text[3:]}?as=json").status_code == 404
    links.revoke(ledger, made.id, Person(BEA, "a test"))
    closed = shop.browser.get(to)
    assert closed.status_code == 404 and closed.json()["error"]["remedy"] == "ask who gave it to you for a new one"


def test_the_names_of_projects_cannot_be_tried_out(shop):
    shop.as_person("nobody@example.com")
    for path in ("/hall?as=json", "/events", "/drawn/ab.svg?as=json"):
        here, elsewhere = shop.browser.get(f"/shop{path}"), shop.browser.get(f"/bank{path}")
        assert here.status_code == elsewhere.status_code == 403
        assert here.text.replace("/shop", "/bank") == elsewhere.text or path == "/events"


def test_an_open_page_does_not_keep_its_reader_signed_in(shop, monkeypatch):
    signed_in(shop)
    used = []
    monkeypatch.setattr(sessions, "found", lambda *given, is_used: used.append(is_used))
    shop.browser.get("/shop/hall")
    shop.browser.get("/shop/hall", headers={"x-loopline-by-itself": "1"})
    shop.browser.get("/shop/events")
    shop.browser.get("/shop/drawn/ab.svg")
    assert used == [True, False, False, False]


def test_what_the_browser_keeps_is_never_sent_in_the_clear(shop):
    for chosen in ("theme=dark", "lens=data"):
        (given,) = shop.browser.get(f"/shop/hall?{chosen}").headers.get_list("set-cookie")
        assert given.startswith(f"__Host-{chosen};") and "Secure" in given and "HttpOnly" in given


@given(
    said=st.text(max_size=30) | st.builds("".join, st.lists(st.sampled_from(["/", "\\", "//", "\t", "evil.example", ":", "@", "https:", "?", "#", "%2f", "a"])))
)
def test_after_signing_in_nobody_is_led_elsewhere(said):
    to = safe_next(said)
    assert to.startswith("/") and urlsplit(urljoin(PUBLIC, to)).netloc == "loop.example.com"
    assert not to.startswith(("//", "/\\"))


@pytest.mark.parametrize("to", ["/shop/", "/shop/data/tables/t?version=3&as=json", "/shop/ledger?text=a%20b"])
def test_after_signing_in_one_goes_where_one_wanted(to):
    assert safe_next(to) == to


@pytest.mark.parametrize("who", [*PEOPLE, "nobody"])
def test_each_role_sees_the_pages_that_are_for_it_and_no_other(who, tmp_path, monkeypatch):
    """Every page, file and action of the register, before a person of each role and before one of none."""
    monkeypatch.setattr(site, "PAGES", tuple(replace(page, view=lambda current, asked: Hall()) for page in PAGES if not page.by_link))
    done = Done(SECRET, "/")
    acts = tuple(replace(action, act=lambda current, asked, form: done, seen=None) for action in ACTIONS if not action.by_link)
    monkeypatch.setattr(site, "ACTIONS", acts)
    monkeypatch.setattr(site, "DOWNLOADS", tuple(replace(one, file=lambda current, asked: File("f", "text/plain", SECRET.encode())) for one in DOWNLOADS))
    reader = Reader("", frozenset() if who == "nobody" else frozenset({who}))
    with behind(tmp_path / "shop") as shop:
        shop.as_person(PEOPLE.get(who, "nobody@example.com"))
        ours = token(shop.browser.get("/sign-in/own").text)
        for page in (*site.PAGES, *site.DOWNLOADS):
            answer = shop.browser.get("/shop" + page.path.replace("{", "").replace("}", ""), headers={"accept": "application/json"})
            assert answer.status_code == (200 if reader.may(page.roles) else 403), page.path
            assert (SECRET in answer.text) is reader.may(page.roles)
        for action in site.ACTIONS:
            to = "/shop" + action.path.replace("{", "").replace("}", "")
            answer = shop.browser.post(to, data={"token": ours}, headers={"accept": "application/json"})
            assert answer.status_code == (200 if reader.may(action.roles) else 403), action.path
            assert (SECRET in answer.text) is reader.may(action.roles)


def test_the_door_asks_nobody_at_loopback_and_does_not_open_elsewhere_without_accounts(tmp_path, monkeypatch, cheap):
    monkeypatch.setenv("LOOPLINE_ACCOUNTS", str(tmp_path / "accounts.db"))
    assert isinstance(open_door(PagesSpec(), "127.0.0.1"), Local)
    assert not (tmp_path / "accounts.db").exists()
    for spec, host in ((PagesSpec(), "0.0.0.0"), (PagesSpec(public_url=PUBLIC), "127.0.0.1"), (PagesSpec(proxies=("127.0.0.1",)), "127.0.0.1")):
        with pytest.raises(Mistake, match="nobody has an account to sign in with; make one: loopline access account create NAME"):
            open_door(spec, host)
    with Safe.open() as safe:
        accounts.create(safe, BEA, GOOD, now())
    key = tmp_path / "pages.pem"
    monkeypatch.setenv("LOOPLINE_PAGES_KEY", str(key))
    assert isinstance(open_door(PagesSpec(), "127.0.0.1"), Local) and not key.exists()
    door = open_door(PagesSpec(), "0.0.0.0")
    assert key.exists(), "whoever starts the pages is told what to declare, before anybody signs"
    assert isinstance(door, SignedIn) and "in the clear" in door.remark
    door.safe.close()
    door = open_door(PagesSpec(public_url=PUBLIC), "127.0.0.1")
    assert isinstance(door, SignedIn) and not door.remark
    door.safe.close()
    for spec, is_said in ((PagesSpec(public_url=PUBLIC), True), (PagesSpec(public_url=PUBLIC, proxies=("10.0.0.5",)), False)):
        door = open_door(spec, "0.0.0.0")
        assert ("name it in pages.proxies" in door.remark) is is_said
        door.close()


# The provider, not we, uses what is to go from its library.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_people_sign_in_by_a_provider_of_openid_connect(tmp_path, monkeypatch):
    """A real one, over HTTP: code, PKCE, nonce; a verified address alone, and only in the browser that began."""
    monkeypatch.setattr(site, "PAGES", (Page("hall", "/hall", lambda current, asked: Hall(asked.reader.name), "x"),))
    monkeypatch.setenv("THE_SECRET", "s3cret")
    mock = importlib.import_module("oidc_provider_mock")
    people = [mock.User(sub=name, claims={"email": name, "email_verified": verified}) for name, verified in ((BEA, True), (PEOPLE["data"], False))]
    with mock.run_server_in_thread(require_nonce=True, user_claims=people) as provider:
        oidc = OidcSpec(issuer=f"http://localhost:{provider.server_port}", client_id="loop", client_secret="${THE_SECRET}")
        address = "http://127.0.0.1:8379"
        with behind(tmp_path / "shop", PagesSpec(public_url=address, oidc=oidc), address) as shop:

            def vouched(name, **form):
                begun = shop.browser.get("/sign-in/provider?next=/shop/hall%3Fas=json")
                asked = parse_qs(urlsplit(begun.headers["location"]).query)
                assert asked["code_challenge_method"] == ["S256"] and asked["nonce"] and asked["redirect_uri"] == [f"{address}/sign-in/back"]
                return httpx2.post(begun.headers["location"], data={"sub": name, **form}).headers["location"]

            page = shop.browser.get("/sign-in?next=/shop/hall")
            assert "Sign in with your organisation" in page.text and 'name="password"' not in page.text
            back = vouched(BEA)
            assert shop.browser.get(vouched(PEOPLE["data"])).status_code == 400, "an address that is not verified"
            assert hall(shop).status_code == 401
            back = vouched(BEA)
            stranger = shop.browser.get(back, cookies={"provider": ""})
            assert stranger.status_code == 400 and "not begun in this browser" in stranger.text
            back = vouched(BEA)
            answer = shop.browser.get(back)
            assert (answer.status_code, answer.headers["location"]) == (303, "/shop/hall?as=json")
            assert hall(shop).json() == {"title": BEA}
            shop.browser.cookies.delete("loopline")
            assert shop.browser.get(back).status_code == 400, "a code is good once"
            refused = shop.browser.get("/sign-in/back?error=access_denied&state=x")
            assert refused.status_code == 400 and "has not let you in" in refused.text
        away = shop.door.spec
    with behind(tmp_path / "shop", away, address) as shop:
        gone = shop.browser.get("/sign-in/provider")
        assert gone.status_code == 503 and "does not answer" in gone.text


@pytest.mark.parametrize(
    ("claims", "claim", "says"),
    [
        ({}, "email", "says not who you are"),
        ({"sub": "1"}, "email", "says nothing as 'email' of you"),
        ({"email": BEA}, "email", "has not verified"),
        ({"email": BEA, "email_verified": "true"}, "email", "has not verified"),
        ({"upn": "x" * 300}, "upn", "is no name of a person"),
        ({"upn": "\u212aim@example.com"}, "upn", "letters that are taken for others"),
        ({"upn": "ro\u017fa@example.com"}, "upn", "letters that are taken for others"),
        ({"upn": "\uff42ea@example.com"}, "upn", "letters that are taken for others"),
    ],
)
def test_a_word_of_the_provider_that_names_nobody_is_refused(claims, claim, says):
    with pytest.raises(Exception, match=says):
        named(claims, claim)
    assert named({"email": BEA, "email_verified": True}, "email") == named({"upn": BEA}, "upn") == BEA


def test_a_wait_is_said_in_whole_seconds_or_minutes():
    assert [sign_in._said(timedelta(seconds=one)) for one in (0.2, 89.5, 91, 900)] == ["1 second", "2 minutes", "2 minutes", "15 minutes"]
