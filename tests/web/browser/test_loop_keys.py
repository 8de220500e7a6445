"""The first page with a keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.web.browser.serving import served


def test_the_keyboard_reaches_each_stage_once_in_the_order_of_reading_and_never_the_drawing(tab: Page, folder):
    with served(folder) as base:
        tab.goto(f"{base}/")
        reached = []
        for _ in range(60):
            tab.keyboard.press("Tab")
            at = tab.evaluate("[document.activeElement.textContent.trim(), document.activeElement.closest('svg') !== null, document.activeElement.tagName]")
            if at[2] == "BODY":
                break
            reached.append(at)
    assert reached[0][0] == "To the content"
    assert not any(is_drawn for _, is_drawn, _ in reached)
    names = [name for name, _, tag in reached if tag == "A"]
    stages = [name for name in names if name in ("Charter", "Data", "Model", "Release", "Serve", "Watch", "Value")]
    assert stages[-7:] == ["Charter", "Data", "Model", "Release", "Serve", "Watch", "Value"]
    assert reached[-1][0] == "This page as JSON"
