"""Honesty: estimates that came true keep their intervals, those that did not are widened, and those that keep failing are silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.earned import CONFIDENCE, Earned, Sums
from loopline.watch.estimated import REACH, Estimated, Figure
from loopline.watch.honesty import MEMORY, checked, is_refuted, misses
from loopline.watch.windows import Window

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)


def window(day: int, off: float | None, *, rows: int = 100, outcomes: int | None = None) -> Window:
    """A day whose worth was expected to be 2, and came `off` standard errors of 0.5 beside it; None where no outcome has come."""
    came = 0 if off is None else rows if outcomes is None else outcomes
    estimated = Estimated(method="confidence", why="", rows=rows, figures={"worth": Figure(2.0, 0.3, 0.4)})
    money = Sums(came, came * (2.0 + 0.5 * (off or 0.0)), 10.0 * came)
    return Window(package="p", start=T0 + day * DAY, end=T0 + (day + 1) * DAY, rows=rows, outcomes=came, earned=Earned(money), estimated=estimated)


def days(off: Sequence[float | None]) -> list[Window]:
    return checked([window(day, one) for day, one in enumerate(off)])


def record(made: Window):  # type: ignore[no-untyped-def]
    assert made.estimated is not None
    return made.estimated.record("worth")


def test_a_miss_is_told_once_the_outcomes_have_come() -> None:
    assert misses(window(0, -3.0)) == {"worth": pytest.approx(0.5 * (3.0 - REACH))}
    assert misses(window(0, 0.0)) == {"worth": pytest.approx(-0.5 * REACH)}
    assert misses(window(0, None)) == {}
    assert misses(window(0, 3.0, outcomes=80)) == {}
    assert misses(window(0, 3.0, outcomes=29, rows=30)) == {}
    assert misses(window(0, 3.0, outcomes=95))["worth"] < misses(window(0, 3.0))["worth"]
    assert is_refuted(window(0, 3.0), "worth") and not is_refuted(window(0, 1.0), "worth") and not is_refuted(window(0, None), "worth")


def test_outcomes_that_nobody_will_see_are_not_waited_for() -> None:
    assert misses(window(0, 3.0, outcomes=60)) == {}
    assert misses(replace(window(0, 3.0, outcomes=60), hidden=36)) == misses(window(0, 3.0, rows=64, outcomes=60))


def test_a_window_knows_those_before_it_and_not_itself() -> None:
    made = days([9.0, 9.0, 0.0, None])
    assert [(record(one).checked, record(one).beyond) for one in made] == [(0, 0), (1, 1), (2, 1), (3, 1)]


@given(st.lists(st.floats(0, 6), min_size=1, max_size=MEMORY))
def test_the_widened_interval_would_have_held_nine_of_ten_earlier_misses(off: list[float]) -> None:
    widened = record(days([*off, None])[-1]).widened
    held = [0.5 * miss <= 0.5 * REACH + widened + 1e-9 for miss in off]
    assert widened >= 0
    assert np.mean(held) >= CONFIDENCE and (len(off) >= 9 or all(held))
    assert widened <= max(0.0, 1.1 * 0.5 * (max(off) - REACH)) + 1e-9
    assert widened == float(f"{widened:.2g}")


def test_windows_before_the_release_widen_from_the_first_day_and_silence_nothing() -> None:
    (first,) = checked([window(0, None)], [{"worth": 0.75}] * 20)
    assert (record(first).widened, record(first).checked, record(first).silent) == (0.75, 0, False)
    (other,) = checked([window(0, None)], [{"roc_auc": 0.75}] * 20)
    assert record(other).widened == 0.0


def test_estimates_that_came_true_are_hardly_ever_silenced() -> None:
    rng = np.random.default_rng(0)
    made = days(rng.normal(size=400).tolist())
    assert np.mean([record(one).silent for one in made]) <= 0.03
    assert np.mean([record(one).widened for one in made]) < 0.2


def test_estimates_that_keep_failing_are_silent_until_they_come_true_again() -> None:
    made = days([5.0, 12.0, 30.0, 60.0, *[0.1] * 60, None])
    assert [record(one).silent for one in made[:6]] == [False, False, False, True, True, True]
    assert not record(made[-1]).silent and record(made[-1]).widened == 0.0


def test_windows_without_an_estimate_stay_as_they_are() -> None:
    plain = replace(window(0, 1.0), estimated=None)
    assert checked([plain]) == [plain] and misses(plain) == {}
