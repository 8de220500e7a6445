"""A form that is refused, one that is clicked twice, and one on a page that has ended, in a real browser."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from loopline.access.people import Person
from loopline.ledger.entry import now
from loopline.loop import open_loop
from loopline.web import links
from tests.web.browser.serving import served
from tests.web.world import reader

CLICK_TWICE = """button => {
  const stopped = [];
  addEventListener("submit", (event) => stopped.push(event.defaultPrevented));
  button.click();
  button.click();
  return stopped;
}"""


def test_what_is_refused_beside_the_page_is_told_in_its_form_and_a_second_click_sends_nothing(tab: Page, folder):
    with served(folder, reader("data")) as base:
        tab.goto(f"{base}/data/quarantine")
        tab.locator("main td a[href*='/data/quarantine/t/']").first.click()
        cell, why = tab.locator("tr.wrong").get_by_role("textbox"), tab.get_by_label("Why (you may leave it out; it is kept beside your name)")
        cell.fill("1.5")
        why.fill("x" * 2001)
        tab.get_by_role("button", name="Check").click()
        refused = tab.locator("form #refused")
        expect(refused).to_contain_text("Say it in 2,000")
        expect(refused).to_be_focused()
        assert (cell.input_value(), len(why.input_value())) == ("1.5", 2001)
        why.fill("x" * 2000)
        assert tab.get_by_role("button", name="Mend").evaluate(CLICK_TWICE) == [False, True]
        expect(tab.locator("#said")).to_contain_text("Mended")
    with open_loop(folder) as loop:
        assert len(loop.workspace.ledger.read(kinds=("mend",))) == 1


def test_who_begins_to_write_by_a_link_that_has_ended_is_told_and_keeps_their_words(tab: Page, folder):
    bea = Person("bea@example.com", "a test")
    with open_loop(folder) as loop:
        text, made = links.create(loop.workspace.ledger, "a club", timedelta(days=1), bea, now())
    with served(folder, reader("customer")) as base:
        tab.goto(f"{base}/c/{text}")
        with open_loop(folder) as loop:
            links.revoke(loop.workspace.ledger, made.id, bea)
        words = tab.get_by_label("Your words")
        words.press_sequentially("it was")
        expect(tab.locator("#connection")).to_contain_text("This page cannot be opened any more")
        words.press_sequentially(" wrong")
        expect(words).to_have_value("it was wrong")
        tab.get_by_role("button", name="Send").click()
        expect(tab.locator("main")).to_contain_text("What you wrote, which was not kept")
        expect(tab.locator("main")).to_contain_text("it was wrong")
