"""A slider in a real browser: moved by the keyboard, answered by the server, and nothing is changed."""

from playwright.sync_api import Page, expect

from loopline.loop import open_loop
from tests.web.browser.serving import served
from tests.web.world import reader


def test_a_slider_is_moved_and_the_answer_follows(tab: Page, folder):
    with open_loop(folder) as loop:
        before = loop.workspace.ledger.seq()
    with served(folder, reader("business")) as base:
        tab.goto(f"{base}/charter/what-if")
        slider = tab.get_by_role("slider", name="What acting is worth where it happens")
        slider.focus()
        for _ in range(5):
            tab.keyboard.press("ArrowRight")
        expect(tab.get_by_text("loopline charter revise --set worth.act_right=10.5")).to_be_visible()
        expect(tab.locator("output").first).to_contain_text("10.5 EUR")
        expect(slider).to_be_focused()
        # The address keeps it: who is sent it sees the same.
        tab.reload()
        expect(tab.get_by_text("With these numbers")).to_be_visible()
    with open_loop(folder) as loop:
        assert loop.workspace.ledger.seq() == before
