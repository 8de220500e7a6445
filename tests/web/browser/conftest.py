"""A real browser at a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.web.browser.chromium import LACK, browsing, chromium

EXPECTED = ("status of 4", "ERR_CONNECTION_REFUSED")
"""What is no complaint: a refusal that a test asks for, and a server that ends before its reader."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window, for one file of tests: while it is open, no other event loop can run in this process.

    Where the system has no Chromium, the tests skip and say how to get one.
    """
    if chromium() is None:
        pytest.skip(LACK)
    with browsing() as found:
        yield found


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of its own, which fails the test where a page's script or policy complains."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" and not any(one in message.text for one in EXPECTED) else None)
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert not said, said
