"""A limit for each period, held on some of the rows that come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.declaration import parse_rate
from loopline.model.candidates import Part
from loopline.model.limit import Limit, per_row
from loopline.model.spec import PolicySpec


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 5), st.floats(-9, 9)), min_size=1, max_size=60), st.floats(0.05, 8))
def test_it_holds_in_every_stretch_of_periods_but_for_what_one_row_takes(rows: list[tuple[int, float, float]], each: float) -> None:
    periods, takes, promised = (np.array(column) for column in zip(*rows, strict=True))
    limit = Limit(takes, periods.astype(np.int64), each)
    for first in (None, promised):
        kept = limit.keep(np.ones(len(rows), dtype=bool), first)
        taken = np.array([takes[kept & (periods == one)].sum() for one in np.unique(periods)])
        for start in range(len(taken)):
            ahead = np.cumsum(taken[start:]) - each * np.arange(1, len(taken) - start + 1)
            assert ahead.max() <= takes.max() + 1e-6


def test_whole_numbers_are_held_exactly_by_those_that_promise_most_or_come_first() -> None:
    limit = Limit(np.ones(6), np.array([0, 0, 0, 1, 1, 1]), 1.0)
    every = np.ones(6, dtype=bool)
    assert np.flatnonzero(limit.keep(every)).tolist() == [0, 3]
    assert np.flatnonzero(limit.keep(every, np.array([1.0, 3, 2, 1, 2, 3]))).tolist() == [1, 5]


def test_less_than_one_a_period_is_one_once_in_some_periods() -> None:
    limit = Limit(np.ones(40), np.repeat(np.arange(20), 2), 0.25)
    assert limit.keep(np.ones(40, dtype=bool)).sum() == limit.whole == 5


def test_what_cannot_be_computed_is_beyond_it() -> None:
    limit = Limit(np.array([np.inf, 1.0]), np.zeros(2, dtype=np.int64), 1.0)
    assert limit.keep(np.ones(2, dtype=bool)).tolist() == [False, True]


def test_there_is_as_much_for_each_row_as_for_each_decision_that_comes() -> None:
    time = np.arange("2026-01-01", "2026-01-11", dtype="datetime64[D]").repeat(7).astype("datetime64[us]")
    rate = parse_rate("1 per day")
    assert per_row(rate, time, None) == pytest.approx(1 / 7)
    assert per_row(rate, time, parse_rate("900 per day")) == pytest.approx(1 / 900)
    part = Part(np.zeros(70, dtype=bool), {}, time)
    held = Limit.of(PolicySpec(capacity=parse_rate("14 per week")), part, 2 / 7)
    assert held is not None and held.whole == pytest.approx(20)
    assert Limit.of(PolicySpec(), part, 1.0) is None
