"""A form that is refused, and one that is clicked twice, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from loopline.loop import open_loop
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
        cell, why = tab.locator("tr.wrong").get_by_role("textbox"), tab.get_by_label("Why (it is kept beside your name)")
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
