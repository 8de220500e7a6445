"""Probes over time: what is usual, what has changed, and when that is worth a word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.probe.history import FEWEST, MOST, WORSE, bars, figures, worsened
from loopline.ledger.entry import Entry

LATENCIES = st.lists(st.floats(1, 1e6), min_size=1, max_size=20)


def probes(latencies: Sequence[float], *, rates: Sequence[float] | None = None, place: str = "/lake", start: int = 1, **body: Any) -> list[Entry]:
    made = []
    for seq, (latency, rate) in enumerate(zip(latencies, rates or [100.0] * len(latencies), strict=True), start=start):
        measures = [{"name": "random read", "p50_us": latency, "mb_per_s": rate}]
        said = {"machine": "m", "bypassed": "direct", "measures": measures, **body}
        made.append(Entry(kind="probe", subject=place, body=said, seq=seq, id=f"{seq}-a", project="p", time=datetime.now(UTC), prev_hash="", hash=""))
    return made


def test_the_newest_is_held_against_the_median_of_those_before() -> None:
    (figure,) = figures(probes([90, 100, 110, 200]))
    assert (figure.usual_p50_us, figure.change, figure.before) == (100, 2.0, 3)
    (alone,) = figures(probes([90]))
    assert alone.change is None and not alone.is_worse


@pytest.mark.parametrize(("newest", "rate", "told"), [(151, 100, True), (149, 100, False), (100, 66, True), (100, 67, False), (50, 200, False)])
def test_a_probe_is_worse_beyond_the_limit(newest: float, rate: float, told: bool) -> None:
    entries = probes([100] * FEWEST + [newest], rates=[100] * FEWEST + [rate])
    assert bool(worsened(entries)) is told


def test_too_few_probes_say_nothing() -> None:
    assert not worsened(probes([100] * (FEWEST - 1) + [10_000]))


def test_only_the_last_ones_count() -> None:
    assert not worsened(probes([10] * 30 + [100] * MOST + [100 * WORSE - 1]))


def test_what_was_taken_otherwise_or_elsewhere_is_not_held_against_it() -> None:
    before = probes([1] * 9)
    assert not worsened([*before, *probes([100], start=10, machine="other")])
    assert not worsened([*before, *probes([100], start=10, bypassed="dropped")])
    assert not worsened([*before, *probes([100], start=10, place="/other")])
    (figure,) = figures([*before, *probes([100], start=10, machine="other")])
    assert figure.before == 0


def test_one_line_names_the_figure_that_changed_most() -> None:
    (line,) = worsened(probes([100] * 6 + [400]))
    assert line == "the storage of /lake is 4.0 times worse than it was: random read takes 400 us, against 100 us in 6 probes before"


@given(LATENCIES)
def test_what_is_no_slower_than_ever_is_never_worse(latencies: list[float]) -> None:
    assert not worsened(probes([*latencies, min(latencies)]))


@given(LATENCIES)
def test_bars_are_as_many_as_the_numbers(values: list[float]) -> None:
    assert len(bars(values)) == len(values)
