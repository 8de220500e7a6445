"""When a search is no longer worth its time."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.candidates import Trial
from loopline.model.stops import LOOKED_AT, Stop, expected_gain


def trials(worths: list[float], seconds: float = 10.0) -> list[Trial]:
    return [
        Trial(family="linear", params={}, settled={}, value=worth, worth=worth, loss=0.5, metrics={}, policy={}, blocks=(), seconds=seconds) for worth in worths
    ]


def test_the_expected_gain_is_what_exponential_values_gain_in_truth() -> None:
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(4000, 60))
    truth = float((draws.max(axis=1) - draws[:, :40].max(axis=1)).mean())
    told = float(np.mean([expected_gain(row[:40].tolist(), 20) for row in draws[:500]]))
    assert told == pytest.approx(truth, rel=0.15)


def test_it_goes_on_while_the_gain_pays_for_the_time_and_stops_where_it_does_not() -> None:
    worths = (1 + np.random.default_rng(1).random(2 * LOOKED_AT) * 0.01).tolist()
    rich, poor = Stop(1e6, 0.1, 2, "EUR"), Stop(10, 5.0, 2, "EUR")
    assert rich.why(trials(worths)) == ""
    why = poor.why(trials(worths))
    assert why.startswith("the search stops after 20 trials") and "EUR" in why


def test_it_never_stops_before_it_has_seen_enough() -> None:
    assert Stop(0.0, 1e6, 1, "EUR").why(trials([1.0] * (2 * LOOKED_AT - 1))) == ""


def test_where_all_are_alike_nothing_more_is_expected() -> None:
    assert expected_gain([2.0] * 30, 10) == 0
