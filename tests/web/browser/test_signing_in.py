"""Signing in with a real browser: its cookies, its word on where a form comes from, and the policy of the pages."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from loopline.access import accounts, passwords
from loopline.access.safe import Safe
from loopline.access.spec import PagesSpec
from loopline.ledger.entry import now
from loopline.web.signed_in import SignedIn
from tests.web.browser.serving import served
from tests.web.signing import DECLARATION
from tests.web.world import PEOPLE

GOOD = "correct horse battery"


def test_a_person_of_each_role_signs_in_sees_what_is_theirs_and_signs_out(tab: Page, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "loopline.yaml").write_text(DECLARATION)
    with Safe.open({"LOOPLINE_ACCOUNTS": str(tmp_path / "accounts.db")}) as safe:
        for name in (*PEOPLE.values(), "nobody@example.com"):
            accounts.create(safe, name, GOOD, now())
        with served(folder, door=SignedIn(safe, PagesSpec())) as base:
            for role, name in [*PEOPLE.items(), ("nobody", "nobody@example.com")]:
                tab.goto(f"{base}/ledger")
                assert "/sign-in?next=" in tab.url
                tab.get_by_label("Name or e-mail address").fill(name)
                tab.get_by_label("Password").fill(GOOD)
                tab.get_by_role("button", name="Sign in").click()
                tab.wait_for_url(f"{base}/ledger")
                is_theirs = role not in ("customer", "nobody")
                expect(tab.get_by_role("heading", level=1)).to_have_text("Ledger" if is_theirs else "Forbidden")
                expect(tab.get_by_text("Ask whoever keeps loopline.yaml to list you")).to_have_count(int(not is_theirs))
                expect(tab.get_by_text(name, exact=True)).to_be_visible()
                tab.get_by_role("button", name="Sign out").click()
                tab.wait_for_url("**/sign-in")


def test_a_form_of_another_site_is_refused_by_what_the_browser_says_of_it(tab: Page, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "loopline.yaml").write_text(DECLARATION)
    with served(folder) as base:
        # Of this machine, and still another site: no cookie would keep it apart.
        bait = f'<form method="post" action="{base}/round"><button>Win</button></form>'
        tab.route("http://localhost:8399/", lambda route: route.fulfill(body=bait, content_type="text/html"))
        tab.goto("http://localhost:8399/")
        tab.get_by_role("button", name="Win").click()
        expect(tab.get_by_text("The form comes from another site, and nothing was done.")).to_be_visible()
