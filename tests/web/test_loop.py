"""The first page, over a finished world, an empty one and broken ones."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.web.register import PAGES
from tests.web.world import DECLARATION, PEOPLE, client, hidden, reader

EVIL = "<script>alert(1)</script>"


class Order(HTMLParser):
    """The headings, links and buttons of a page that the keyboard reaches, in the order in which they come."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        assert "style" not in said and not any(name.startswith("on") for name in said)
        assert int(said.get("tabindex") or 0) <= 0
        if tag in ("h1", "h2", "a", "button", "summary") and said.get("tabindex") != "-1":
            self._open = tag

    def handle_data(self, text):
        if self._open and text.strip():
            self.seen.append(f"{self._open} {text.strip()}")
            self._open = ""


def plain(folder, role="business", query=""):
    with client(folder, reader(role)) as browser:
        answer = browser.get(f"/shop/?as=json{query}")
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def fresh(tmp_path):
    """A project that has never run."""
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh" / "loopline.yaml").write_text(DECLARATION)
    return tmp_path / "fresh"


def test_it_tells_the_loop_as_the_ledger_has_it(folder):
    said = plain(folder)
    assert [stage["stage"] for stage in said["stages"]] == ["charter", "data", "model", "release", "serve", "watch", "value"]
    assert {stage["state"] for stage in said["stages"]} == {"done"}
    assert said["month"]["decisions"] == said["month"]["outcomes"] == 420
    assert said["so_far"]["outcomes"] == 420 and said["so_far"]["earned"] == pytest.approx(said["month"]["earned"]["mean"])
    assert (said["month"]["is_now"], said["month"]["currency"], said["month"]["is_estimated"]) == (False, "EUR", False)
    assert said["alerts"] and said["next"]


def test_each_sees_what_waits_for_them_and_all_see_the_same_facts(folder):
    seen = {role: plain(folder, role) for role in PEOPLE if role != "customer"}
    refused = {role: [one["kind"] for one in said["waiting"]["mine"]] for role, said in seen.items()}
    assert "refused rows" in refused["data"] and "refused rows" in refused["expert"] and "refused rows" not in refused["business"]
    for said in seen.values():
        assert len(said["waiting"]["mine"]) + len(said["waiting"]["others"]) == len(seen["data"]["waiting"]["mine"]) + len(seen["data"]["waiting"]["others"])
        assert (said["stages"], said["month"], said["alerts"]) == (seen["data"]["stages"], seen["data"]["month"], seen["data"]["alerts"])
        assert said["cards"][0] == "waiting" and sorted(said["cards"]) == sorted(seen["data"]["cards"])


def test_the_ring_the_card_what_waits_and_the_overview_count_the_same_alerts(folder):
    def counts(browser):
        said, (row,) = browser.get("/shop/?as=json").json(), browser.get("/?as=json").json()["loops"]
        ring = next(one["number"] for one in said["stages"] if one["stage"] == "watch")
        waiting = sum(one["kind"] == "alert" for one in (*said["waiting"]["mine"], *said["waiting"]["others"]))
        return {int(ring.split()[0]), len(said["alerts"]) + said["more_alerts"], waiting, row["alerts"]}, said

    with client(folder, reader("business")) as browser:
        (before,), said = counts(browser)
        with open_loop(folder) as loop:
            entry = loop.state().alerts[said["alerts"][0]["id"]]
            loop.workspace.ledger.append(Draft(kind="alert", subject=entry.subject, key=entry.key, body={**entry.body, "state": "acknowledged", "by": "bea"}))
        (after,), said = counts(browser)
        page = browser.get("/shop/live/alerts").text
    assert "1 alert is taken on or silenced" in page
    assert before > 0 and after == before - 1 and said["known_alerts"] == 1


def test_a_chosen_lens_is_kept_and_changes_the_order_of_the_navigation_and_the_cards(folder):
    with client(folder, reader("data")) as browser:
        browser.get("/shop/?lens=business")
        page, said = browser.get("/shop/").text, browser.get("/shop/?as=json").json()
    assert said["lens"] == ["business"] and said["cards"][1] == "month" and "Seen as: Business" in page


def test_a_script_in_an_alert_an_author_or_a_reason_is_text(folder):
    with open_loop(folder) as loop:
        entry = next(iter(loop.state().open_alerts()))
        body = {**entry.body, "monitor": "worth_promised", "says": EVIL, "what": EVIL, "role": "business"}
        loop.workspace.ledger.append(Draft(kind="alert", subject=entry.subject, key=entry.key, body=body, actor=EVIL))
    with client(folder, reader("business")) as browser:
        page = browser.get("/shop/").text
    assert EVIL not in page and "&lt;script&gt;" in page
    assert plain(folder)["alerts"][0]["is_money"] is True


def test_the_keyboard_goes_as_the_eye_reads(folder):
    with client(folder, reader("data")) as browser:
        seen = Order(browser.get("/shop/").text).seen
    heads = [one for one in seen if one.startswith("h2")]
    assert [one.split(" ", 1)[1] for one in heads][:2] == ["Waiting for you", "The loop"]
    assert seen.index("h2 Waiting for you") < seen.index("a Review the refused rows") < seen.index("h2 The loop")
    # The navigation above has some of the same names.
    stages = [one for one in seen[seen.index("h2 The loop") :] if one in ("a Data", "a Charter", "a Model", "a Release", "a Serve", "a Watch", "a Value")]
    assert stages[0] == "a Data" and len(set(stages)) == 7


def test_every_link_of_the_page_leads_into_the_project(folder):
    with client(folder, reader("business")) as browser:
        page = browser.get("/shop/").text
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert all(link.startswith(("/shop/", "/static/", "/sign-in/")) or link == "/" for link in links)
    assert any(page.path == "/" for page in PAGES)


def test_a_project_that_has_never_run_says_what_to_do(fresh):
    with client(fresh, reader("business")) as browser:
        page = browser.get("/shop/")
        said = browser.get("/shop/?as=json").json()
    assert page.status_code == 200 and "Nothing has been done yet" in page.text and "loopline run" in page.text
    assert said["month"] is None and {stage["number"] for stage in said["stages"]} == {"not known yet"}


def test_a_wrong_declaration_stands_on_top_and_the_last_good_one_below(folder):
    declaration = folder / "loopline.yaml"
    with client(folder, reader("business")) as browser:
        declaration.write_text(declaration.read_text().replace("positive:", "pozitive:"))
        page = browser.get("/shop/").text
    assert page.index("loopline.yaml is wrong as it is now") < page.index("The loop")
    assert re.search(r"loopline.yaml, line \d+", page) and "Did you mean" in page


def test_a_ledger_that_cannot_be_read_says_what_to_do(folder):
    with client(folder, reader("business")) as browser:
        assert browser.get("/shop/").status_code == 200
        ledger = folder / ".loopline" / "ledger.db"
        for file in ledger.parent.glob("ledger.db*"):
            file.write_bytes(b"this is no ledger" * 1000)
        broken = browser.get("/shop/")
    assert broken.status_code >= 400 and "Traceback" not in broken.text and "ledger" in broken.text


def test_while_a_turn_runs_its_stage_is_marked_and_no_command_stands_there(folder):
    with client(folder, reader("ml")) as browser, open_loop(folder) as loop, loop.workspace.ledger.lease():
        loop.workspace.ledger.append(Draft(kind="step", subject="model", key="anew", body={"state": "started", "name": "search"}))
        said, page = browser.get("/shop/?as=json").json(), browser.get("/shop/").text
    assert {stage["stage"]: stage["state"] for stage in said["stages"]}["model"] == "running"
    assert (said["underway"]["stage"], said["underway"]["step"]) == ("model", "search")
    next_ = page[page.index('id="next"') :]
    next_ = next_[: next_.index("</section>")]
    assert "A turn is running since " in next_ and "model: search" in next_ and "<code>" not in next_ and "/round" not in next_


def test_a_customer_sees_nothing_of_it(folder):
    with client(folder, reader("customer")) as browser:
        answer = browser.get("/shop/?as=json")
    assert answer.status_code == 403 and "stages" not in answer.text


def test_a_round_is_taken_only_by_our_own_form(folder):
    with client(folder, reader("business")) as browser:
        token = browser.get("/shop/work").text.split('name="token" value="')
        assert "/shop/round" not in browser.get("/shop/").text and len(token) > 0
    with client(folder, reader("ml")) as browser:
        assert browser.post("/shop/round").status_code == 403
        fields = hidden(browser.get("/shop/").text, "/round")
    assert fields == {} or {*fields} == {"token", "seq", "seen"}


def test_no_button_leads_where_its_reader_may_not_go_and_a_customer_is_led_to_their_page(folder):
    with client(folder, reader("business")) as browser:
        page = browser.get("/shop/").text
        assert "3 rows are refused" in page and "/shop/data/quarantine" not in page and "/shop/data/review" not in page
    with client(folder, reader("data")) as browser:
        assert "/shop/data/" in browser.get("/shop/").text
    with client(folder, reader("customer")) as browser:
        assert browser.get("/shop/").url.path == "/shop/customer" and browser.get("/shop/charter").status_code == 403
