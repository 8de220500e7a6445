"""When a turn is entered, and when the next one is late: with clocks that the tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.spec_source import ScheduleSpec
from loopline.ledger.entry import Entry
from loopline.watch.turns import ONE_IN, is_news, late_after, watcher

T0 = datetime(2024, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BODY: dict[str, Any] = {"state": "done", "says": "nothing new", "seconds": 0.1, "every_s": 3600.0, "host": "box", "heartbeat": None}


def turn(time: datetime = T0, **other: Any) -> Entry:
    return Entry(seq=1, id="1", project="p", kind="turn", body={**BODY, **other}, time=time, prev_hash="", hash="")


def test_a_turn_that_did_nothing_is_entered_once_an_hour() -> None:
    assert is_news(BODY, None, T0, did_something=False)
    assert not is_news(BODY, turn(), T0 + 59 * HOUR / 60, did_something=False)
    assert is_news(BODY, turn(), T0 + HOUR, did_something=False)
    assert is_news(BODY, turn(), T0 + HOUR / 60, did_something=True)
    assert is_news(BODY, turn(), T0 - 5 * HOUR, did_something=False), "the clock was put back"


@pytest.mark.parametrize("change", [{"state": "failed"}, {"every_s": None}, {"heartbeat": "it answered 500"}])
def test_a_turn_that_ended_otherwise_is_entered_at_once(change: dict[str, Any]) -> None:
    assert is_news({**BODY, **change}, turn(), T0 + HOUR / 60, did_something=False)


@given(st.lists(st.integers(1, 7200), min_size=1, max_size=200))
def test_idle_turns_grow_no_quicker_than_hours(gaps_s: list[int]) -> None:
    last, now, entered = turn(), T0, 0
    for gap in gaps_s:
        now += timedelta(seconds=gap)
        if is_news(BODY, last, now, did_something=False):
            last, entered = turn(now), entered + 1
    assert entered <= (now - T0) / ONE_IN


def test_one_that_stays_is_late_after_twice_as_long_as_it_waits() -> None:
    late = watcher(turn(), None, None, [], T0 + 2 * HOUR + timedelta(seconds=1))
    assert late.is_late and "was due by 2024-03-04 14:00" in late.says
    assert not watcher(turn(), None, None, [], T0 + 2 * HOUR).is_late
    assert not watcher(turn(every_s=60.0), None, None, [], T0 + 2 * HOUR).is_late, "idle turns are entered once an hour"
    assert not watcher(turn(every_s=86400.0), None, None, [], T0 + 47 * HOUR).is_late


def test_what_is_declared_comes_first() -> None:
    assert not watcher(turn(), None, 26 * HOUR, [], T0 + 26 * HOUR).is_late
    assert watcher(turn(), None, 26 * HOUR, [], T0 + 27 * HOUR).is_late
    none = watcher(None, None, 26 * HOUR, [], T0)
    assert none.is_late and none.says == "no turn has been taken yet"


def test_a_turn_that_somebody_else_calls_for_is_late_by_the_schedules_alone() -> None:
    called = turn(every_s=None)
    daily = ScheduleSpec.model_validate("0 6 * * * Europe/Berlin")
    assert watcher(called, None, None, [], T0 + 9000 * HOUR).until is None
    assert watcher(called, None, None, [daily], T0).until == datetime(2024, 3, 5, 7, tzinfo=UTC)
    assert watcher(None, None, None, [daily], T0).says == ""


@pytest.mark.parametrize(("body", "declared"), [({}, None), ({}, 26 * HOUR), ({"every_s": None, "late_s": 7200.0}, None)])
def test_one_that_was_entered_by_a_clock_that_was_ahead_is_late(body: dict[str, Any], declared: timedelta | None) -> None:
    said = watcher(turn(T0 + 9000 * HOUR, **body), None, declared, [], T0)
    assert said.is_late and "its clock was ahead" in said.says
    assert not watcher(turn(T0 + HOUR / 60, **body), None, declared, [], T0).is_late, "two machines are never of one mind"


def test_one_that_cron_calls_for_is_late_after_three_times_as_long_as_usual() -> None:
    assert late_after([]) is None and late_after([T0 + at * HOUR for at in range(5)]) is None
    assert late_after([T0 + at * HOUR for at in range(9)]) == 3 * HOUR
    assert late_after([T0 + at * HOUR / 12 for at in range(200)]) == 2.75 * HOUR
    assert late_after([T0 + at * 24 * HOUR for at in (0, 1, 2, 3, 9, 10)]) == 72 * HOUR
    called = turn(every_s=None, late_s=10_800.0)
    assert not watcher(called, None, None, [], T0 + 3 * HOUR).is_late
    assert watcher(called, None, None, [], T0 + 4 * HOUR).is_late
    early = ScheduleSpec.model_validate("0 12 * * *")
    assert watcher(called, None, None, [early], T0).until == T0 + 3 * HOUR


@given(st.lists(st.integers(1, 5 * 24 * 60), min_size=1, max_size=60))
def test_whatever_the_distances_nobody_is_late_sooner_than_turns_are_entered(minutes: list[int]) -> None:
    moments = [T0 + timedelta(minutes=sum(minutes[:at])) for at in range(len(minutes) + 1)]
    late = late_after(moments)
    assert late is None or late >= 2 * HOUR


def test_a_step_that_began_is_a_sign_of_life() -> None:
    step = Entry(seq=2, id="2", project="p", kind="step", body={"state": "started"}, time=T0 + 3 * HOUR, prev_hash="", hash="")
    assert not watcher(turn(), step, None, [], T0 + 4 * HOUR).is_late
    assert watcher(turn(), step, None, [], T0 + 6 * HOUR).is_late


def test_it_is_told_as_plain_values() -> None:
    said = watcher(turn(heartbeat="it answered 500"), None, None, [], T0)
    assert "its heartbeat was not taken: it answered 500" in said.says
    assert said.as_json() == {
        "last_turn": {"time": T0.isoformat(), "state": "done", "says": "nothing new", "host": "box", "heartbeat": "it answered 500"},
        "late_after": (T0 + 2 * HOUR).isoformat(),
        "late": False,
    }


@given(st.integers(1, 20_000))
def test_a_watcher_that_died_before_the_clock_was_set_back_is_not_silent_until_it_has_caught_up(ahead_h: int) -> None:
    now = T0 - ahead_h * HOUR
    assert watcher(turn(), None, None, [], now).is_late == (ahead_h > 1)
    assert watcher(turn(), None, 26 * HOUR, [], now).is_late == (ahead_h > 1)
