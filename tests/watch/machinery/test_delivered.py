"""What comes: how old it is, what is held back, and how much of it is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.ledger.entry import Entry
from loopline.watch.machinery.delivered import contract, freshness, outcomes_contradict, quarantined
from loopline.watch.machinery.pipeline import pipeline_failed
from loopline.watch.machinery.seen import Seen
from tests.watch.machinery.facts import HOUR, NOW, entry, seen, step

DAY = timedelta(days=1)
MONDAY = datetime(2024, 3, 4, 6, tzinfo=NOW.tzinfo)


def taken(at: datetime, newest: datetime, source: str = "flights") -> Entry:
    """An intake whose newest row happened at a moment."""
    return entry("step", "data", NOW - at, state="succeeded", name="ingest", seconds=1.0, facts={"newest": {source: newest.isoformat()}})


def looked(steps: list[Entry], now: datetime, **spec: Any) -> Seen:
    """A look at a moment, after intakes of one source."""
    newest = {name: datetime.fromisoformat(moment) for name, moment in steps[-1].body["facts"]["newest"].items()}
    return replace(seen(spec or None, steps=steps, newest=newest), now=now)


def workdays(weeks: int) -> list[Entry]:
    """Deliveries on the mornings of working days, each with the rows up to the midnight before."""
    mornings = [MONDAY + (7 * week + day) * DAY for week in range(weeks) for day in range(5)]
    return [taken(at, at - 6 * HOUR) for at in mornings]


def test_rows_that_are_older_than_they_get_are_told_to_the_data_role_and_a_weekend_is_not() -> None:
    steps = workdays(4)
    friday = steps[-1].time
    assert [freshness(looked(steps, friday + days * DAY)) for days in (0, 1, 2, 3)] == [[]] * 4
    # From Friday's rows to Monday's intake they get three days and six hours old.
    (breach,) = freshness(looked(steps, friday + 7 * DAY)) or []
    assert (breach.monitor, breach.feature, breach.role) == ("freshness", "flights", "data")
    assert breach.says == "the newest row of flights is 7.2 days old, and 3.2 days is what it usually gets at the most"


def test_what_is_declared_comes_first_and_needs_no_past() -> None:
    steps = [taken(NOW - DAY, NOW - DAY)]
    assert freshness(looked(steps, NOW)) is None
    assert freshness(looked(steps, NOW, fresh={"flights": "2d"})) == []
    (breach,) = freshness(looked(steps, NOW, fresh={"flights": "6h"})) or []
    assert breach.says == "the newest row of flights is 24.0 hours old, and at most 6h is let pass" and (breach.value, breach.limit) == (24.0, 6.0)


def test_a_step_that_brought_nothing_newer_and_an_older_ledger_tell_nothing() -> None:
    again = [taken(NOW - hours * HOUR, NOW - 90 * HOUR) for hours in range(80, 0, -1)]
    assert freshness(looked(again, NOW)) is None
    assert freshness(seen(steps=[step(HOUR)])) is None


@given(st.lists(st.integers(1, 200), min_size=9, max_size=40), st.integers(0, 400))
def test_rows_are_never_called_old_at_an_age_that_they_reached_twice(pauses_h: list[int], age_h: int) -> None:
    at, steps = MONDAY, [taken(MONDAY, MONDAY)]
    for pause in pauses_h:
        at += pause * HOUR
        steps.append(taken(at, at))
    found = freshness(looked(steps, at + age_h * HOUR))
    assert found is not None and bool(found) == (age_h > 2 * sorted(pauses_h)[-2])


@given(st.lists(st.integers(1, 48), min_size=9, max_size=40), st.integers(49, 10_000))
def test_one_outage_makes_no_later_one_usual(pauses_h: list[int], outage_h: int) -> None:
    at, steps = MONDAY, [taken(MONDAY, MONDAY)]
    for pause in [*pauses_h, outage_h, 1]:
        at += pause * HOUR
        steps.append(taken(at, at))
    assert freshness(looked(steps, at + 97 * HOUR))


def test_what_the_contract_holds_back_is_told_to_the_data_role_and_is_no_fault_of_the_pipeline() -> None:
    why = "the batch 1a2b3c4d is held back: it has 3 rows, and 10.. are expected"
    failing = frozenset({("data", "ingest"), ("model", "search")})
    held = [step(HOUR, state="failed", why=why, check=True), entry("step", "model", HOUR, state="failed", name="search", why="no memory", check=False)]
    (breach,) = contract(seen(steps=held, failing=failing))
    assert (breach.role, breach.feature, breach.says) == ("data", "data ingest", f"data, ingest: {why}")
    assert [one.feature for one in pipeline_failed(seen(steps=held, failing=failing))] == ["model search"]
    broken = [step(HOUR, state="failed", why="no such file", check=False)]
    assert contract(seen(steps=broken, failing=frozenset({("data", "ingest")}))) == []
    assert contract(seen(steps=held)) == [], "it is over"


def batch(ago: timedelta, read: int, refused: int) -> Entry:
    return entry("batch", "flights", ago, read=read, quarantined=refused)


def refused_of(*batches: Entry) -> list[Any] | None:
    return quarantined(seen(batches={"flights": batches}))


USUAL = [batch((12 - at) * DAY, 1000, 10 + at % 3) for at in range(10)]


def test_a_share_of_refused_rows_far_above_the_usual_is_told_although_the_batch_passed() -> None:
    (breach,) = refused_of(*USUAL, batch(HOUR, 1000, 90)) or []
    assert (breach.monitor, breach.feature, breach.role, breach.value) == ("quarantined", "flights", "data", 0.09)
    assert breach.says == "9.0% of 1,000 new rows of flights are in quarantine, where 1.1% were before"
    assert refused_of(*USUAL, batch(HOUR, 1000, 20)) == []
    assert refused_of(*USUAL, batch(HOUR, 10, 1)) == [], "of ten rows one may be chance"
    assert refused_of(*USUAL) == [], "nothing came lately"
    assert refused_of(*USUAL[:5], batch(HOUR, 1000, 900)) is None, "what is usual is not known"


def test_many_batches_of_a_day_are_judged_together_against_those_before() -> None:
    hourly = [batch((200 - at) * HOUR / 10, 100, 1) for at in range(196)]
    assert refused_of(*hourly, *(batch(HOUR / 10, 100, 1) for _ in range(4))) == []
    assert refused_of(*hourly[:150], *(batch(HOUR, 100, 30) for _ in range(50)))


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 1)), min_size=9, max_size=30), st.integers(0, 8))
def test_a_share_that_came_twice_is_usual_whatever_else_came(made: list[tuple[int, float]], place: int) -> None:
    batches = [batch((40 - at) * DAY, read, round(read * share)) for at, (read, share) in enumerate(made)]
    one = batches[place].body
    twice = [*batches, batch(2 * DAY, one["read"], one["quarantined"])]
    assert refused_of(*twice, batch(HOUR, one["read"], one["quarantined"])) == []


@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_of_hardly_any_rows_says_nothing(rows: int) -> None:
    assert refused_of(*USUAL, batch(HOUR, rows, 0)) == []


def counted(ago: timedelta, received: int, contradictory: int) -> Entry:
    """A collection of outcomes that counted so many, all in all."""
    return entry("step", "serve", ago, state="succeeded", name="collect", facts={"outcomes": {"received": received, "contradictory": contradictory}})


def test_outcomes_that_turn_what_was_told_before_are_told() -> None:
    before, sent_again = counted(2 * DAY, 5000, 3), counted(HOUR, 5800, 203)
    (breach,) = outcomes_contradict(seen(steps=[before, sent_again])) or []
    assert (breach.monitor, breach.role, breach.value) == ("outcomes_contradict", "data", 0.25)
    assert breach.says.startswith("200 of 800 outcomes that came lately contradict what was told before; the latest word holds")
    assert outcomes_contradict(seen(steps=[counted(HOUR, 800, 200)])), "nothing was counted before"
    assert outcomes_contradict(seen(steps=[before, counted(HOUR, 5961, 4)])) == [], "of many one is a mistake"
    assert outcomes_contradict(seen({"contradicted": 0.5}, steps=[before, sent_again])) == []
    assert outcomes_contradict(seen(steps=[counted(3 * DAY, 5000, 3), counted(2 * DAY, 5800, 203)])) == [], "it is over"
    assert outcomes_contradict(seen()) is None
