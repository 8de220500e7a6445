"""A form that is refused stands on its page again with what was typed and the error beside it, whatever the form; nobody else sees it."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from loopline.access import sessions
from loopline.web.refilled import refilled
from loopline.web.refusals import Refusal, Refusals
from tests.web.signing import behind
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>\"'&amp;"
FORM = """<main id="main"><details class="card"><summary>Say it</summary><form class="act" method="post" action="/shop/hall/a%20b">
<input type="hidden" name="token" value="fresh"><input type="hidden" name="role" value="ml">
<input id="why" name="why" type="text" class="reason" value="" required><textarea id="text" name="text" rows="3">old</textarea>
<input name="password" type="password" value=""><label><input type="radio" name="verdict" value="yes" checked> a</label>
<label><input type="radio" name="verdict" value="no"> b</label><input type="checkbox" name="replay" value="yes" checked>
<select name="span"><option selected>1h</option><option value="d">1d</option></select></form></details></main>"""


def refusal(**typed: str) -> Refusal:
    said = {"role": "ml", "verdict": "no", **typed}
    return Refusal(
        to="/shop/hall", action="/shop/hall/a b", typed=said, reader="ann", what="no reason", where="why", remedy="say one", changed=("a <b>",), status=400
    )


@given(st.text(), st.text())
def test_what_was_typed_stands_in_the_form_again_as_text(why, text):
    page = refilled(FORM, refusal(why=why, text=text, span="d"))
    assert f'class="reason" required value="{escape(why)}">' in page and f'rows="3">\n{escape(text)}</textarea>' in page


def test_choices_are_chosen_again_and_a_password_is_never_said():
    page = refilled(FORM, refusal(why="x", password="secret", span="d"))
    assert 'value="no" checked' in page and 'value="yes" checked' not in page and '<option value="d" selected>' in page and "<option>1h" in page
    assert "secret" not in page and 'value="fresh"' in page and "<details open" in page
    assert page.index("data-refused") < page.index("No reason") < page.index('id="why"') and "a &lt;b&gt;" in page


def test_a_form_that_is_not_offered_any_more_leaves_what_was_written_on_top():
    page = refilled(FORM, refusal(role="other", why=HOSTILE))
    assert 'a%20b" data-refused' not in page and escape(HOSTILE) in page and HOSTILE not in page and page.index("No reason") < page.index("<details")


def test_a_refusal_is_shown_once_to_its_reader_on_its_page():
    kept = Refusals(b"key")
    name = kept.keep(refusal())
    assert kept.take(name, "/shop/hall?", "ben") is kept.take(name, "/shop/other?", "ann") is kept.take("x", "/shop/hall?", "ann") is None
    assert kept.take(name, "/shop/hall?", "ann") is not None and kept.take(name, "/shop/hall?", "ann") is None


def test_what_is_kept_has_bounds_and_nobody_pushes_out_what_others_typed():
    kept = Refusals(b"key")
    mine = kept.keep(refusal(why="mine"))
    names = [kept.keep(replace(refusal(why=str(n)), reader="ben")) for n in range(100)]
    assert kept.take(mine, "/shop/hall?", "ann") is not None
    assert [name for name in names if kept.take(name, "/shop/hall?", "ben")] == names[-8:]


def test_what_a_page_asks_for_by_itself_takes_nothing_away(folder):
    with client(folder, reader("customer")) as browser:
        typed = {**hidden(browser.get("/shop/customer").text, "/customer/feedback"), "text": "y" * 3000}
        sent = browser.post("/shop/customer/feedback", data=typed, follow_redirects=False)
        assert sent.status_code == 303
        assert browser.get("/shop/customer", headers={"hx-request": "true"}).status_code == 200
        assert browser.get("/shop/customer").status_code == 400


def test_a_reason_that_is_too_long_is_said_to_a_customer_and_kept(folder):
    with client(folder, reader("customer")) as browser:
        typed = {**hidden(browser.get("/shop/customer").text, "/customer/feedback"), "text": HOSTILE, "why": "z" * 2001}
        answer = browser.post("/shop/customer/feedback", data=typed)
        assert answer.status_code == 400 and "The reason has 2,001 characters" in answer.text and escape(HOSTILE) in answer.text


def test_a_refused_form_leads_back_to_the_page_on_which_it_stands(folder):
    with client(folder, reader("customer")) as browser:
        fields = hidden(browser.get("/shop/customer").text, "/customer/feedback")
        typed = {**fields, "text": HOSTILE + "x" * 100_000, "rating": "2", "about": "7"}
        assert fields["stands"] == "/shop/customer"
        for elsewhere in ("http://evil.example/shop/customer", "//evil.example/shop/customer", "/shop/nowhere", "/other/customer", ""):
            bare = browser.post("/shop/customer/feedback", data={**typed, "stands": elsewhere})
            assert bare.status_code == 400 and bare.url.path == "/shop/customer/feedback" and "data-live" not in bare.text
        answer = browser.post("/shop/customer/feedback", data=typed)
        assert (answer.status_code, answer.url.path, answer.url.fragment) == (400, "/shop/customer", "refused") and "data-live" in answer.text
        assert escape(HOSTILE) in answer.text and HOSTILE not in answer.text and '<option value="2" selected>' in answer.text and 'value="7"' in answer.text
        # Once: the page that is loaded again is as it always is.
        again = browser.get("/shop/customer")
        assert again.status_code == 200 and escape(HOSTILE) not in again.text
        plain = browser.post("/shop/customer/feedback", data=typed, headers={"accept": "application/json"})
        assert plain.status_code == 400 and plain.json()["error"]["what"].startswith("the text has")


def test_what_was_typed_when_a_session_had_ended_waits_for_the_same_person_to_sign_in(tmp_path):
    with behind(tmp_path / "shop") as shop:
        browser, action = shop.browser, "/shop/customer/feedback"

        def signed_out(**changed: str):
            """Send what somebody typed on the page of another session."""
            shop.as_person(PEOPLE["customer"])
            fields = hidden(browser.get("/shop/customer").text, action)
            sessions.end_all(shop.safe, PEOPLE["customer"])
            return browser.post(action, data={**fields, "text": HOSTILE, **changed})

        def shown(name: str) -> str:
            """The page, to somebody who signs in."""
            shop.as_person(name)
            return browser.get("/shop/customer").text

        sent = signed_out()
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/shop/customer%23refused")
        assert "What you typed is kept for 15 minutes" in browser.get("/sign-in").text
        assert escape(HOSTILE) not in shown(PEOPLE["business"])
        again = shown(PEOPLE["customer"])
        assert escape(HOSTILE) in again and "You were signed out before this was sent" in again
        assert escape(HOSTILE) not in shown(PEOPLE["customer"]), "once"
        # A form that is not ours names nobody.
        signed_out(maker=URLSafeSerializer(b"another", salt="maker").dumps(PEOPLE["customer"]))
        assert "What you typed was not kept" in browser.get("/sign-in").text and escape(HOSTILE) not in shown(PEOPLE["customer"])


def test_a_part_of_a_page_is_led_on_and_never_filled_with_where_people_sign_in(tmp_path):
    with behind(tmp_path / "shop") as shop:
        part = {"hx-request": "true"}
        asked, sent = shop.browser.get("/shop/charter/what-if", headers=part), shop.browser.post("/shop/customer/feedback", headers=part)
    assert asked.status_code == 401 and not asked.content
    assert (sent.status_code, sent.headers["hx-redirect"]) == (401, "/sign-in")
