"""The pages of the ledger: what is listed, one entry whole, what held at a moment, and the proof of the chain."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.ledger.entry import Draft
from loopline.ledger.lineage import nearest
from loopline.ledger.state import fold
from loopline.loop import open_loop
from loopline.web.pages.ledger.entry import GAP_X, WIDE, drawn, laid_out
from loopline.web.pages.ledger.past import past
from tests.watch.world import entry_of
from tests.web.world import client, hidden, reader

EVIL = "<script>alert(1)</script>"
T0 = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def browser(folder):
    with client(folder, reader("data")) as opened:
        yield opened


@pytest.fixture
def ledger(folder):
    with open_loop(folder) as loop:
        yield loop.workspace.ledger


def asked(browser, address):
    answer = browser.get(f"/shop/ledger{address}", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pages_of_entries_follow_each_other_without_a_gap(browser, ledger):
    ledger.append(*(Draft(kind="note", subject=f"n{at}") for at in range(120)))
    first = asked(browser, "")
    second = asked(browser, f"?before={first['before']}")
    places = [entry["seq"] for entry in first["entries"] + second["entries"]]
    assert len(places) == 100 and places == list(range(places[0], places[0] - 100, -1))
    third = asked(browser, f"?kind=note&before={second['before']}")
    assert len(third["entries"]) == 20 and third["before"] is None
    assert 'rel="next"' in browser.get("/shop/ledger").text and "note" in first["kinds"]


def test_entries_are_chosen_by_kind_subject_author_text_and_time(browser, ledger):
    (made,) = ledger.append(Draft(kind="note", subject="doors", body={"says": "the Gate is shut"}, actor="ann"))
    day = made.time.date()
    for chosen in ("?kind=note", "?subject=doors", "?by=ann", "?text=gate is", f"?by=ann&from={day}&until={day}"):
        assert [entry["id"] for entry in asked(browser, chosen)["entries"]] == [made.id], chosen
    assert asked(browser, f"?by=ann&until={day - timedelta(days=1)}")["entries"] == []


@pytest.mark.parametrize("wrong", ["?from=yesterday", "?until=2026-13-40", "?before=last", "/past?at=then"])
def test_what_is_no_moment_and_no_place_is_told_with_the_remedy(browser, wrong):
    answer = browser.get(f"/shop/ledger{wrong}")
    assert answer.status_code == 400 and "Write it as 2026-03-02" in answer.text or "Leave it out" in answer.text


def test_an_entry_is_shown_whole_with_what_is_around_it_and_its_charter(browser, ledger):
    (parent,) = ledger.append(Draft(kind="note", subject="parent", body={"says": EVIL, "deep": {EVIL: [{"one": True}]}}, actor=EVIL))
    (child,) = ledger.append(Draft(kind="note", subject="child", parents=(parent.id,)))
    said, page = asked(browser, f"/entries/{parent.id}"), browser.get(f"/shop/ledger/entries/{parent.seq}").text
    assert said["body"] == parent.body and said["charter"].startswith("1-")
    assert [one["id"] for one in said["below"]] == [child.id] and said["above"] == []
    assert EVIL not in page and "&lt;script&gt;" in page and f"/shop/ledger/entries/{child.id}" in page
    assert [one["id"] for one in asked(browser, f"/entries/{child.id}")["above"]] == [parent.id]


@pytest.mark.parametrize("id", ["999999", "abc", "1-000000000000", "1%2e"])
def test_an_entry_that_is_not_there_is_404(browser, id):
    assert browser.get(f"/shop/ledger/entries/{id}").status_code == 404


def test_as_of_a_moment_shows_what_held_then_and_nothing_later(browser, ledger):
    entries = ledger.read()
    crowned = next(entry for entry in entries if entry.kind == "champion")
    before, after = (asked(browser, f"/past?at={(crowned.time + timedelta(microseconds=shift)).isoformat().replace('+', '%2B')}") for shift in (-1, 0))
    assert before["champion"] is None and before["seq"] == crowned.seq - 1
    assert after["champion"]["package"] == crowned.subject and after["seq"] == crowned.seq
    assert after["charter"]["predict"] == "y" and after["tables"]["t"]["rows"] == 900 and after["alerts"] == []
    now = asked(browser, "/past")
    assert now["alerts"] and now["champion"]["until"] is None
    ahead = asked(browser, "/past?at=2130-01-01")
    assert ahead["ahead"] and not now["ahead"] and (ahead["seq"], ahead["alerts"]) == (now["seq"], now["alerts"])
    assert "here stands what holds now" in browser.get("/shop/ledger/past?at=2130-01-01").text
    nothing = browser.get("/shop/ledger/past?at=2001-01-01").text
    assert "no entry yet" in nothing and "choose a later moment" in nothing


def test_an_alert_stood_then_as_it_had_been_said_of_last(browser, ledger):
    said = [
        {"monitor": "volume", "package": "", "role": "devops", "since": "2026-03-02", "last": "2026-03-02", "says": "few", "state": state, "value": 1.0}
        for state in ("open", "acknowledged", "resolved")
    ]
    opened, taken, over = ledger.append(*(Draft(kind="alert", subject="volume1", body={**one, "feature": "", "cost": None, "what": "few"}) for one in said))
    assert [entry.id for entry in ledger.newest_of_each("alert", before=over.seq) if entry.subject == "volume1"] == [taken.id]
    assert [entry.id for entry in ledger.newest_of_each("alert", before=over.seq + 1) if entry.subject == "volume1"] == [over.id]
    assert "volume1" not in {alert["id"] for alert in asked(browser, "/past")["alerts"]}


def test_the_chain_is_proved_and_the_first_bad_entry_is_named(folder, browser):
    fields = hidden(browser.get("/shop/ledger").text, "/ledger/verify")
    assert "and the chain is intact" in browser.post("/shop/ledger/verify", data=fields).text
    with sqlite3.connect(folder / ".loopline" / "ledger.db") as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        database.execute("update ledger_entries set actor = 'nobody' where seq = 5")
    broken = browser.post("/shop/ledger/verify", data=fields)
    assert broken.status_code == 409 and "ampered with at entry 5" in broken.text


@settings(max_examples=25)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_body_is_laid_out_whole(body):
    def leaves(value):
        if isinstance(value, dict) and value:
            return [leaf for one in value.values() for leaf in leaves(one)]
        if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
            return [leaf for one in value for leaf in leaves(one)]
        if isinstance(value, list):
            return [", ".join(map(said, value)) or "none"]
        return [said(value)]

    def said(value):
        return "none" if value in (None, {}) and value is not False and value != 0 else ("yes" if value else "no") if isinstance(value, bool) else str(value)

    lines = laid_out(body)
    told = [line.value for line in lines]
    at = 0
    for leaf in leaves(body):
        at = told.index(leaf, at) + 1


def test_what_an_entry_names_in_its_body_is_a_link():
    assert [line.to for line in laid_out({"entry": "12-0123456789ab", "other": "12-x"})] == ["12-0123456789ab", ""]


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=1, max_size=30), st.integers(1, 5), st.integers(1, 20))
def test_a_lineage_is_found_by_its_nearest_each_once_and_no_two_boxes_lie_on_each_other(parents, depth, most):
    entries = [
        entry_of(Draft(kind="note", subject=str(at), parents=tuple(f"{one % at + 1}-{one % at + 1:x}" for one in named if at)), at + 1, T0)
        for at, named in enumerate(parents)
    ]
    by_id = {entry.id: entry for entry in entries}
    last = entries[-1]
    above = nearest(last, lambda entry: [by_id[id] for id in entry.parents], depth=depth, most=most)
    ids = [entry.id for _, entry, _ in above]
    assert len(set(ids)) == len(ids) <= most and last.id not in ids
    assert all(1 <= away <= depth and through in {last.id, *ids} for away, _, through in above)
    assert [away for away, *_ in above] == sorted(away for away, *_ in above)
    graph = drawn(last, above, [])
    assert len(graph.boxes) == len(above) + 1 and len(graph.lines) == len(above)
    places = sorted((box.y, box.x) for box in graph.boxes)
    assert all(low != high or right - left >= WIDE + GAP_X - 0.01 for (low, left), (high, right) in pairwise(places))


def test_the_past_is_a_fold_and_says_nothing_of_what_had_ended():
    crowned = entry_of(Draft(kind="champion", subject="a" * 64, body={"why": "it passed"}), 1, T0)
    left = entry_of(Draft(kind="champion", subject="", body={"why": "taken back"}), 2, T0 + timedelta(days=1))
    assert past(fold([crowned]), at=T0, seq=1, data=None).reign.package == "a" * 64
    assert past(fold([crowned, left]), at=T0 + timedelta(days=1), seq=2, data=None).reign is None
