"""Storage, memory, disk and money."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.budget import Bound
from loopline.data.probe.history import FEWEST
from loopline.ledger.entry import Entry
from loopline.watch.machinery.reading import Reading
from loopline.watch.machinery.resources import budget, days_left, disk, memory, storage_worse
from tests.watch.machinery.facts import HOUR, NOW, entry, reading, seen, step, usage


def filling(per_hour: int, *, free: int, hours: int = 48) -> list[Reading]:
    return [reading(ago * HOUR, free + per_hour * ago, disk=10**6) for ago in range(hours, -1, -1)]


def test_a_disk_that_fills_is_told_in_days() -> None:
    (breach,) = disk(seen(readings=filling(1000, free=240_000))) or []
    assert breach.value == pytest.approx(10.0) and "full in 10 days" in breach.says
    assert disk(seen({"disk": "7d"}, readings=filling(1000, free=240_000))) == []
    assert disk(seen(readings=filling(-1000, free=240_000))) == []
    assert disk(seen(readings=filling(1000, free=240_000, hours=3))) is None


def test_a_reading_from_ahead_changes_nothing() -> None:
    readings = filling(1000, free=240_000)
    ahead = reading(-9000 * HOUR, 10**5, disk=10**6)
    assert days_left([*readings[:20], ahead, *readings[20:]]) == pytest.approx(10.0)


def test_a_disk_that_is_nearly_full_is_told_at_once() -> None:
    assert "3.0% of it" in (disk(seen(readings=[reading(0 * HOUR, 30)])) or [])[0].says
    assert disk(seen(readings=[reading(0 * HOUR, 500)])) is None
    assert disk(seen(readings=[Reading(NOW, "box", None, None, None)])) is None


@given(st.integers(1, 10**4), st.integers(10**4, 10**6), st.integers(0, 48))
def test_one_large_file_that_came_and_went_changes_nothing(per_hour: int, free: int, at: int) -> None:
    readings = filling(per_hour, free=free)
    one = readings[at]
    if at < len(readings) - 1:
        readings[at] = Reading(one.time, one.host, one.memory_bytes, 0, one.disk_bytes)
    days = days_left(readings)
    assert days is not None and math.isclose(days, free / per_hour / 24, rel_tol=0.05)


def test_what_was_read_before_the_clock_was_set_back_tells_no_pace() -> None:
    ahead = [Reading(one.time + 9000 * HOUR, "box", 100, 1, 10**6) for one in filling(0, free=1)]
    assert days_left([*ahead, *filling(1000, free=240_000)]) == pytest.approx(10.0)


def test_long_histories_are_thinned() -> None:
    days = days_left(filling(10, free=10_000, hours=5_000))
    assert days == pytest.approx(10_000 / 10 / 24, rel=0.01)


def test_memory_near_the_machines_is_told_with_who_held_it() -> None:
    steps = [step(HOUR, peak_bytes=95), step(2 * HOUR, peak_bytes=10), step(40 * HOUR, peak_bytes=99)]
    (breach,) = memory(seen(steps=steps, readings=[reading(0 * HOUR, 1)])) or []
    assert breach.value == 0.95 and breach.says.startswith("data, ingest held")
    (breach,) = memory(seen(usage=[usage(HOUR, peak_bytes=91)], readings=[reading(0 * HOUR, 1)])) or []
    assert breach.says.startswith("the server held")
    assert memory(seen(steps=[step(HOUR, peak_bytes=90)], readings=[reading(0 * HOUR, 1)])) == []
    assert memory(seen(steps=steps, readings=[reading(0 * HOUR, 1, memory=None)])) is None


def probes(place: str, *latencies_us: float) -> list[Entry]:
    measures = [[{"name": "random read", "p50_us": latency, "mb_per_s": 100.0}] for latency in latencies_us]
    return [entry("probe", place, HOUR, machine="m", bypassed="direct", measures=one) for one in measures]


def test_each_place_whose_storage_is_worse_is_told() -> None:
    worse, fine = probes("/lake", *[100] * FEWEST, 900), probes("/log", *[100] * FEWEST, 100)
    (breach,) = storage_worse(seen(probes=[*worse, *fine])) or []
    assert breach.feature == "/lake" and "9.0 times worse" in breach.says
    assert storage_worse(seen(probes=fine)) == []
    assert storage_worse(seen()) is None


def test_a_budget_that_is_nearly_spent_is_for_the_business() -> None:
    def bound(spent: float, limit: float = 100.0) -> Bound:
        return Bound("charter.budget.run", "2024-03", spent, limit, "EUR")

    (breach,) = budget(seen(bound=bound(92.0))) or []
    assert breach.role == "business" and "92 of 100 EUR are spent in 2024-03" in breach.says
    assert budget(seen(bound=bound(89.0))) == []
    assert budget(seen(bound=bound(0.0, 0.0))) == []
    assert budget(seen({"budget": 0.5}, bound=bound(50.0))) != []
    assert budget(seen()) is None
