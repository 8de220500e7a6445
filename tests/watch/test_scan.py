"""Windows judged together: alerts begin as seldom as was asked for, and a change of the size that is told is seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.watch.scan import FINE_NEEDED, POOLS, smallest_change, threshold


def farthest(windows: np.ndarray) -> np.ndarray:
    """The farthest pool at each window, one window after the other."""
    found = [max(windows[at - pool : at].sum() / pool**0.5 for pool in POOLS if pool <= at) for at in range(1, len(windows) + 1)]
    return np.array(found)


def alerts(breached: np.ndarray) -> int:
    """Alerts as a person would count them: each lasts until so many windows in a row were fine."""
    count, fine = 0, FINE_NEEDED
    for breach in breached:
        count += bool(breach and fine >= FINE_NEEDED)
        fine = 0 if breach else fine + 1
    return count


@pytest.mark.parametrize("chance", [0.02, 0.005])
def test_where_nothing_changes_alerts_begin_as_seldom_as_was_asked_for(chance: float) -> None:
    many = 40_000
    begun = alerts(farthest(np.random.default_rng(77).normal(size=many)) > threshold(chance))
    assert begun / many == pytest.approx(chance, rel=0.2)


def test_a_rate_too_seldom_to_be_counted_goes_on_as_the_others_do() -> None:
    heights = [threshold(10.0**-power) for power in range(2, 7)]
    steps = np.diff(heights)
    assert (steps > 0.2).all() and (np.diff(steps) < 0).all()
    # Of one pool alone it would be less, of all pools without overlap more.
    assert 3.7 < threshold(1e-4) < 4.3


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_a_smaller_chance_asks_for_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert threshold(low) >= threshold(high)


def test_a_change_as_large_as_was_told_is_seen_in_time() -> None:
    rng = np.random.default_rng(3)
    change = smallest_change(window_error=2.0, promised_error=0.0, chance=0.01)
    seen = 0
    for _ in range(600):
        windows = rng.normal(size=12)
        windows[9:] += change / 2.0
        seen += bool((farthest(windows)[9:] > threshold(0.01)).any())
    assert 0.92 <= seen / 600 <= 0.98


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.floats(0, 50), st.floats(1e-5, 0.05))
def test_money_in_another_unit_makes_a_change_in_that_unit(error: float, promised: float, chance: float) -> None:
    one, thousand = (smallest_change(window_error=times * error, promised_error=times * promised, chance=chance) for times in (1, 1000))
    assert thousand == pytest.approx(1000 * one, rel=0.01)
    assert one >= smallest_change(window_error=error, promised_error=0.0, chance=chance) * 0.98


def test_more_windows_see_smaller_changes_and_without_scatter_all_is_seen() -> None:
    sizes = [smallest_change(window_error=1.0, promised_error=0.1, chance=0.01, windows=windows) for windows in (1, 3, 7)]
    assert sizes == sorted(sizes, reverse=True)
    assert smallest_change(window_error=0.0, promised_error=0.0, chance=0.01) == 0.0
