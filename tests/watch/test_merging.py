"""Windows that merge: parts of one say what the whole says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.earned import Split, Sums
from loopline.watch.estimated import Estimated, Figure
from loopline.watch.merging import merged
from loopline.watch.windows import Window, windows
from tests.watch.test_windows import BINARY, DAY, FEATURES, ROWS, T0, frame


@settings(max_examples=40)
@given(ROWS, st.booleans(), st.data())
def test_the_halves_of_a_window_merge_to_the_whole(rows: list[tuple[datetime, float, str | None]], hides: bool, data: st.DataObject) -> None:
    yardstick = replace(BINARY, hides=hides)
    same_day = [(T0 + timedelta(seconds=at), score, outcome) for at, (_, score, outcome) in enumerate(rows)]
    cut = data.draw(st.integers(0, len(rows)))
    halves = [windows(frame(part), yardstick, span=DAY) for part in (same_day[:cut], same_day[cut:])]
    parts = [one for half in halves for one in half]
    if len(parts) < 2:
        return
    both, (whole,) = merged(parts[0], parts[1], FEATURES), windows(frame(same_day), yardstick, span=DAY)
    assert (both.rows, both.outcomes, both.counts, dict(both.outside)) == (whole.rows, whole.outcomes, whole.counts, dict(whole.outside))
    assert both.completeness == whole.completeness
    assert whole.outside.get("x", 0) == sum(not -0.3 <= score - 0.5 <= 0.4 for _, score, _ in rows)
    assert both.acted == pytest.approx(whole.acted)
    assert dict(both.drift) == pytest.approx(dict(whole.drift), abs=1e-9)
    assert both.earned.money.total == pytest.approx(whole.earned.money.total, abs=1e-9)
    assert both.earned.gain.squares == pytest.approx(whole.earned.gain.squares, abs=1e-6)


def test_what_is_expected_of_the_halves_is_expected_of_the_whole() -> None:
    halves = windows(frame([(T0, 0.9, "yes"), (T0 + DAY, 0.9, "no")]), BINARY, span=DAY)
    expected = [Estimated(method="confidence", why="", rows=1, money=Sums(1, each, each**2), figures={"worth": Figure(each, 1.0, 0.5)}) for each in (2.0, 4.0)]
    first, second = (replace(half, estimated=one) for half, one in zip(halves, expected, strict=True))
    both = merged(first, second, FEATURES).estimated
    assert both is not None and (both.rows, both.money) == (2, Sums(2, 6.0, 20.0))
    assert both.figures["worth"] == Figure(3.0, pytest.approx(0.5**0.5), 0.5)  # type: ignore[arg-type]
    assert merged(first, replace(second, estimated=None), FEATURES).estimated is None
    nothing = Window(package=first.package, start=T0, end=T0 + DAY)
    assert merged(nothing, first, FEATURES).estimated == merged(first, nothing, FEATURES).estimated == first.estimated


def test_metrics_of_parts_are_weighed_by_outcomes_and_decisions_by_who_took_them() -> None:
    first, second = windows(frame([(T0, 0.9, "yes"), (T0, 0.9, "no"), (T0, 0.1, None), (T0 + DAY, 0.9, "no")]), BINARY, span=DAY)
    both = merged(first, replace(second, split=Split(tried=1)), FEATURES)
    assert both.metrics["brier"] == pytest.approx((0.01 + 0.81 + 0.81) / 3)
    assert both.acted == pytest.approx(2 / 3)


def test_hours_merge_to_the_day() -> None:
    rows = [(T0 + timedelta(hours=at % 24), at / 50, "yes" if at % 3 else None) for at in range(50)]
    hours = windows(frame(rows), BINARY, span=timedelta(hours=1))
    day = hours[0]
    for hour in hours[1:]:
        day = merged(day, hour, FEATURES)
    (whole,) = windows(frame(rows), BINARY, span=DAY)
    assert (day.start, day.end, day.rows, day.outcomes, day.counts) == (whole.start, whole.end, 50, whole.outcomes, whole.counts)
    assert day.metrics["brier"] == pytest.approx(whole.metrics["brier"])
    assert dict(day.drift) == pytest.approx(dict(whole.drift))
