"""A page that is left open follows what happens, leaves what somebody types, and says so when it hears of nothing any more."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from tests.web.browser.serving import served
from tests.web.releasing import pages_key
from tests.web.world import reader

PROBLEM = "Some orders come back"


def test_a_page_that_is_left_open(tab: Page, folder, monkeypatch):
    pages_key(folder, monkeypatch)
    declaration = folder / "loopline.yaml"
    text = declaration.read_text().replace("  stakeholders:", "  approvals: {business: 1}\n  stakeholders:")
    declaration.write_text(text)
    connection = tab.locator("#connection")
    with served(folder, reader("business")) as base:
        tab.goto(f"{base}/charter")
        why = tab.get_by_label("Why").first
        why.fill("half a word")
        tab.get_by_role("radio", name="refuse it").check()
        declaration.write_text(text.replace(PROBLEM, "Many orders come back"))
        with open_loop(folder) as loop:
            loop.workspace.ledger.append(Draft(kind="note", subject="a test"))
        expect(tab.get_by_text("Many orders come back")).to_be_visible()
        assert why.input_value() == "half a word" and tab.get_by_role("radio", name="refuse it").is_checked()
        expect(connection).to_be_empty()
    expect(connection).to_contain_text("Not connected since")
    declaration.write_text(text)
    with served(folder, reader("business"), port=urlsplit(base).port or 0):
        expect(connection).to_be_empty(timeout=15_000)
        expect(tab.get_by_text(PROBLEM)).to_be_visible()
