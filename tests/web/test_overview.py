"""Several loops on one page: the most urgent first, each only for who may see it, also those that only the ledger knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.value.review import told
from loopline.value.rules import Reason, Review
from loopline.web.app import build
from loopline.web.asked import Reader
from loopline.web.overview import Loop, overview, reviewed
from loopline.web.server import opened
from loopline.web.site import Site
from tests.value.cases import T0, case, window
from tests.web.world import PEOPLE, Stated

HOSTILE = "<script>alert(1)</script>"
LOOPS = st.builds(
    Loop,
    project=st.text(min_size=1, max_size=3),
    alerts=st.integers(0, 3),
    of_money=st.integers(0, 3),
    mine=st.integers(0, 2),
    verdict=st.sampled_from(["ahead", "behind", "unknown"]),
    is_late=st.booleans(),
    trouble=st.sampled_from(["", "it is away"]),
)


@given(st.lists(LOOPS, max_size=6))
def test_nothing_is_lost_and_what_costs_money_stands_before_what_does_not(loops: list[Loop]) -> None:
    shown = overview(loops).loops
    assert sorted(map(repr, shown)) == sorted(map(repr, loops))
    readable = [one for one in shown if not one.trouble]
    assert list(shown)[: len(shown) - len(readable)] == [one for one in shown if one.trouble]
    assert [one.of_money for one in readable] == sorted((one.of_money for one in readable), reverse=True)


def project(folder: Path, name: str, ledger: Path, business: str) -> Path:
    folder.mkdir()
    (folder / "loopline.yaml").write_text(
        f"project: {name}\ncharter: {{predict: y, stakeholders: {{business: [{business}]}}}}\n"
        f"data: {{sources: {{t: {{path: t.csv}}}}}}\nworkspace: {{ledger: 'sqlite:///{ledger}'}}\n"
    )
    return folder


def browser(site: Site, who: Reader | None = None) -> TestClient:
    if who is not None:
        site.door = Stated(who)
    return TestClient(build(site), base_url="http://127.0.0.1:8379")


def test_loops_of_one_ledger_are_shown_to_who_may_see_them(tmp_path: Path) -> None:
    bea = PEOPLE["business"]
    ledger = tmp_path / "ledger.db"
    site = opened([project(tmp_path / "one", "one", ledger, bea), project(tmp_path / "two", "two", ledger, "somebody@example.com")])
    try:
        with Ledger.open(f"sqlite:///{ledger}", "three") as three:
            body = {"charter": {"predict": "y", "stakeholders": {"business": [bea]}}, "changed": []}
            said = {"state": "open", "monitor": "worth", "feature": "", "package": "p", "role": "business", "says": HOSTILE, "value": 1.0}
            said |= dict.fromkeys(("since", "last", "opened"), "2026-03-01T00:00:00+00:00")
            three.append(Draft(kind="charter", subject="x", key="x", body=body), Draft(kind="alert", subject="a", body=said))
            three.append(Draft(kind="alert", subject="b", body={**said, "monitor": "volume", "state": "acknowledged"}))
        with browser(site, Reader(bea)) as mine:
            shown = mine.get("/?as=json").json()["loops"]
            page = mine.get("/").text
        assert [(one["project"], one["to"], one["alerts"]) for one in shown] == [("three", "", 1), ("one", "/one/", 0)]
        assert "two" not in page and 'href="/one/"' in page and HOSTILE not in page
        with browser(site, Reader("nobody@example.com")) as theirs:
            assert theirs.get("/").status_code == 403
        with browser(site, Reader("x", is_local=True)) as local:
            assert {one["project"] for one in local.get("/?as=json").json()["loops"]} == {"one", "two", "three"}
    finally:
        site.close()


def test_a_loop_that_is_declared_elsewhere_tells_its_months_money_by_its_newest_review() -> None:
    days = [window(day, rows=100, worth=5.0) for day in range(10)]
    facts = {**told(case(days, charter={"target": "12000 per year"}), Review("go_on", (Reason("x", "go_on", "It pays."),))), "priced": True}
    now = T0 + timedelta(days=20)
    found = reviewed(facts, now)
    assert (found["money"], found["verdict"]) == (pytest.approx(3000), "ahead") and found["target"] == pytest.approx(12_000 * 31 / 365.25)
    assert "up to 2024-01-11 00:00 UTC" in found["says"]
    for silent in ({}, {**facts, "priced": False}, {**facts, "month": None}):
        assert "money" not in reviewed(silent, now)
    assert "money" not in reviewed(facts, now + timedelta(days=30))


def test_a_single_loop_needs_no_overview(tmp_path: Path) -> None:
    site = opened([project(tmp_path / "one", "one", tmp_path / "ledger.db", "bea@example.com")])
    try:
        with browser(site, Reader("bea@example.com")) as mine:
            assert mine.get("/", follow_redirects=False).headers["location"] == "/one/"
    finally:
        site.close()


def test_a_ledger_that_cannot_be_read_is_a_row_and_the_others_are_followed_all_the_same(tmp_path: Path) -> None:
    bea = PEOPLE["business"]
    site = opened([project(tmp_path / name, name, tmp_path / f"{name}.db", bea) for name in ("one", "two")])
    try:
        site.projects["one"].current().workspace.ledger.append(Draft(kind="charter", subject="x", key="x", body={"charter": {}}))
        for file in tmp_path.glob("two.db*"):
            file.write_bytes(b"this is no ledger" * 1000)
        with browser(site, Reader(bea)) as mine:
            page, shown = mine.get("/"), mine.get("/?as=json").json()["loops"]
        assert page.status_code == 200 and "cannot be read" in page.text
        assert [(one["project"], bool(one["trouble"])) for one in shown] == [("two", True), ("one", False)]
        with browser(site, Reader("nobody@example.com")) as theirs:
            assert theirs.get("/").status_code == 403
        before = site.seen(Reader(bea))
        site.projects["one"].current().workspace.ledger.append(Draft(kind="charter", subject="y", key="y", body={"charter": {}}))
        assert site.seen(Reader(bea)).seq > before.seq
    finally:
        site.close()


def test_a_reader_hears_only_of_projects_that_they_may_see(tmp_path):
    folders = [project(tmp_path / name, name, tmp_path / f"{name}.db", who) for name, who in (("a", PEOPLE["business"]), ("b", "other@example.com"))]
    site = opened(folders)
    site.door = Stated(Reader(PEOPLE["business"]))
    try:
        bea, before = Reader(PEOPLE["business"]), site.seen(Reader(PEOPLE["business"]))
        site.projects["b"].current().workspace.ledger.append(Draft(kind="note", subject="a test"))
        assert site.seen(bea) == before
        site.projects["a"].current().workspace.ledger.append(Draft(kind="note", subject="a test"))
        assert site.seen(bea).seq == before.seq + 1
        assert site.pulse(bea) is site.pulse(bea) is not site.pulse(Reader("other@example.com"))
    finally:
        site.close()


def test_what_another_project_of_the_database_enters_moves_no_page_of_this_one(tmp_path):
    ledger, bea = tmp_path / "ledger.db", Reader(PEOPLE["business"])
    site = opened([project(tmp_path / name, name, ledger, who) for name, who in (("a", bea.name), ("b", "other@example.com"))])
    site.door = Stated(bea)
    try:
        a, b = site.projects["a"], site.projects["b"]
        a.ledger.append(Draft(kind="note", subject="a test"))
        before, all_seen, known = a.seen(), site.seen(bea), a.current()
        b.ledger.append(Draft(kind="note", subject="a test"), Draft(kind="note", subject="a test"))
        assert (a.seen(), site.seen(bea)) == (before, all_seen)
        assert a.current().status is known.status and a.current().seq == known.seq == b.current().seq - 2
        with Ledger.open(f"sqlite:///{ledger}", "c") as elsewhere:
            said = {"charter": {"predict": "y", "stakeholders": {"business": [bea.name]}}, "changed": []}
            elsewhere.append(Draft(kind="charter", subject="x", key="x", body=said))
            heard = site.seen(bea)
            elsewhere.append(Draft(kind="note", subject="a test"))
        assert a.seen() == before and site.seen(bea).seq > heard.seq > all_seen.seq
        a.ledger.append(Draft(kind="note", subject="a test"))
        assert a.seen().seq > before.seq and a.current().status is not known.status
    finally:
        site.close()
