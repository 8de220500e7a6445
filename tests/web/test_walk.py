"""Every page is reached by links, answers, and has nothing that the content policy would stop."""

from __future__ import annotations

from loopline.web.register import PAGES
from tests.web.walk import walk
from tests.web.world import client


def test_every_page_is_reached_by_links_and_no_link_is_dead(folder):
    with client(folder) as browser:
        steps = list(walk(browser, "/shop"))
    assert not [(step.url, step.status, f"from {step.came}") for step in steps if step.status != 200]
    assert not [(step.url, step.seen.bad) for step in steps if step.seen.bad]
    # A link for a customer is a secret; one version leaves none to restore, one package or one candidate none to compare with.
    reached = {"customer-link", "data restore", "compare", "compare candidates"} | {step.page.name for step in steps if step.page is not None}
    assert sorted({page.name for page in PAGES} - reached) == []
