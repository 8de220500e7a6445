"""Estimates as values: plain JSON and back, parts that come together, and words for what is silent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.ledger.entry import canonical
from loopline.watch.earned import Sums
from loopline.watch.estimated import REACH, Estimated, Figure, Record, silences, together

NUMBERS = st.floats(-1e6, 1e6)
FIGURES = st.builds(Figure, NUMBERS, st.floats(0, 1e3), st.floats(0, 1e3))
ESTIMATES = st.builds(
    Estimated,
    method=st.just("confidence"),
    why=st.text(max_size=9),
    rows=st.integers(1, 10_000),
    basis=st.text(max_size=9),
    money=st.builds(Sums, st.integers(1, 99), NUMBERS, NUMBERS),
    loss=st.builds(Sums, st.integers(1, 99), NUMBERS, NUMBERS),
    figures=st.fixed_dictionaries({"worth": FIGURES}, optional={"roc_auc": FIGURES, "mae": FIGURES}),
)


@given(ESTIMATES)
def test_an_estimate_is_plain_json_and_comes_back(estimated: Estimated) -> None:
    assert Estimated.of_json(json.loads(canonical(estimated.as_json()))) == estimated


@given(FIGURES, st.floats(0, 5))
def test_an_interval_is_as_wide_as_its_errors_and_wider_after_misses(figure: Figure, widened: float) -> None:
    low, high = figure.interval(widened)
    assert low <= figure.value <= high
    assert high - low == pytest.approx(2 * (REACH * figure.error + widened), abs=1e-6)


def test_what_cannot_be_beyond_a_bound_is_not_said_to_be() -> None:
    figures = {"roc_auc": Figure(0.99, 0.05, 0.0), "mae": Figure(0.1, 1.0, 0.0), "r2": Figure(0.9, 1.0, 0.0), "worth": Figure(0.9, 1.0, 0.0)}
    said = Estimated(method="confidence", why="", rows=9, figures=figures).as_json()
    assert said["metrics"]["roc_auc"]["high"] == 1.0 and said["metrics"]["roc_auc"]["low"] < 0.99
    assert said["metrics"]["mae"]["low"] == 0.0 and said["metrics"]["r2"]["high"] == 1.0
    assert said["worth"]["high"] > 2


@given(st.lists(ESTIMATES, min_size=1, max_size=4))
def test_parts_come_together_to_the_sums_of_all(parts: list[Estimated]) -> None:
    whole = together(parts)
    assert whole.rows == sum(part.rows for part in parts)
    assert whole.money == sum((part.money for part in parts), Sums())
    values = [part.figures["worth"].value for part in parts]
    assert min(values) - 1e-6 <= whole.figures["worth"].value <= max(values) + 1e-6
    assert whole.figures["worth"].noise <= max(part.figures["worth"].noise for part in parts) + 1e-6


def test_a_part_of_which_nothing_is_expected_adds_its_rows_alone() -> None:
    told = Estimated(method="confidence", why="scores", rows=10, money=Sums(10, 20.0, 60.0), figures={"worth": Figure(2.0, 0.1, 0.1)})
    whole = together([Estimated(method="none", why="no row has a score", rows=5), told])
    assert (whole.method, whole.rows, whole.money, whole.figures) == ("confidence", 15, told.money, told.figures)


def test_it_says_which_estimates_are_silent_and_why() -> None:
    silent = Record(checked=20, beyond=9, widened=2.0, silent=True)
    estimated = Estimated(method="confidence", why="", rows=9, figures={"worth": Figure(1, 1, 1), "brier": Figure(0.1, 0.1, 0.1)}, records={"worth": silent})
    assert silences(estimated.as_json()) == "the estimate of worth is silent: in 9 of the last 20 windows what came true lay beyond its interval"
    assert silences(Estimated(method="none", why="few rows", rows=9).as_json()) == ""


def test_estimates_that_are_silent_are_told_in_one_line() -> None:
    counts = {"worth": 9, "brier": 5, "auc": 1}
    records = {name: Record(checked=20, beyond=beyond, silent=beyond > 1) for name, beyond in counts.items()}
    figures = dict.fromkeys(records, Figure(0.5, 0.1, 0.1))
    told = silences(Estimated(method="confidence", why="", rows=9, figures=figures, records=records).as_json())
    assert told == "the estimates of worth and brier are silent: in 5 to 9 of the last 20 windows what came true lay beyond their intervals"
