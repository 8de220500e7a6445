"""What people come to the pages for, done in a real browser; once with the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from loopline.loop import open_loop
from tests.web.browser.serving import served
from tests.web.releasing import PACKAGE, declared, entries, waiting
from tests.web.world import reader

ASKS = "{approvals: {business: 1}}"


def test_the_owner_approves_a_release_with_a_reason(tab: Page, folder):
    owner = declared(folder, ASKS)
    waiting(folder)
    with served(folder) as base:
        tab.goto(f"{base}/release")
        said = tab.get_by_label("The word of business")
        expect(said).to_contain_text("asked for")
        said.get_by_label("Reason").first.fill("it earns more than it costs")
        said.get_by_role("button", name="Approve as business").click()
        expect(tab.get_by_role("status")).to_be_visible()
        expect(tab.get_by_label("The word of business")).to_contain_text("it earns more than it costs")
    (given,) = (entry for entry in entries(folder, "approval") if entry.subject == PACKAGE)
    assert (given.actor, given.body["role"], given.body["why"]) == (owner, "business", "it earns more than it costs")


def test_a_refused_row_is_mended_checked_and_enters_its_table(tab: Page, folder):
    with served(folder, reader("data")) as base:
        tab.goto(f"{base}/data/quarantine")
        tab.locator("main td a[href*='/data/quarantine/t/']").first.click()
        expect(tab.get_by_role("heading", level=1)).to_contain_text("Refused row")
        wrong = tab.locator("tr.wrong")
        column = wrong.locator("label").inner_text()
        wrong.get_by_role("textbox").fill({"size": "1.5", "kind": "a"}[column])
        tab.get_by_role("button", name="Check").click()
        expect(tab.locator("#verdict")).to_contain_text("The contract would accept it so")
        tab.get_by_label("Why (you may leave it out; it is kept beside your name)").fill("a slip of the scale")
        tab.get_by_role("button", name="Mend").click()
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        tab.wait_for_function("async () => (await (await fetch('/shop/data?as=json')).text()).includes('901')", polling=300)
    with open_loop(folder) as loop:
        assert loop.workspace.ledger.read(kinds=("mend",))[-1].actor == "dan@example.com"


def test_an_alert_is_acknowledged_with_the_keyboard_alone(tab: Page, folder):
    with served(folder, reader("science")) as base:
        tab.goto(f"{base}/")

        def press(name: str, *, role: str) -> None:
            """Tab on until what is named has the focus, then press it."""
            for _ in range(120):
                tab.keyboard.press("Tab")
                at = tab.evaluate(
                    "[document.activeElement.tagName, document.activeElement.textContent.trim(), document.activeElement.getAttribute('href') || '']"
                )
                if at[0] == role and (name in at[1] or name in at[2]):
                    tab.keyboard.press("Enter")
                    return
            raise AssertionError(f"{name} is not reached")

        press("/live/alerts/", role="A")
        tab.wait_for_url("**/live/alerts/*")
        alert = tab.url.rpartition("/")[2]
        for _ in range(60):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.id") == "why-acknowledged":
                break
        tab.keyboard.type("looking at the sizes")
        press("Acknowledge", role="BUTTON")
        expect(tab.get_by_role("status")).to_contain_text("acknowledged")
    with open_loop(folder) as loop:
        taken = loop.state().alerts[alert]
    assert (taken.body["state"], taken.actor, taken.body["why"]) == ("acknowledged", "sue@example.com", "looking at the sizes")
