"""Chances by the score: honest scores stand, bent ones are set right, and errors of numbers are those of like predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.confidence import ROWS_AT_LEAST, Confidence, confidence, cuts, pooled


def known(found: Confidence | str) -> Confidence:
    assert isinstance(found, Confidence)
    return found


def test_scores_that_hold_as_they_are_said_stand() -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(2, 3, 3000)
    (_, no), (_, yes) = known(confidence("binary", rng.random(3000) < score, score)).possible(score)
    assert (yes == score).all() and no == pytest.approx(1 - score)


def test_scores_that_are_too_sure_are_set_right() -> None:
    rng = np.random.default_rng(1)
    true = rng.beta(1, 1, 20_000)
    bent = true**2 / (true**2 + (1 - true) ** 2)
    made = known(confidence("binary", rng.random(20_000) < true, bent))
    (_, yes) = made.possible(bent)[1]
    assert np.abs(yes - true).mean() < 0.02 < np.abs(bent - true).mean()
    assert (np.diff(made.possible(np.sort(bent))[1][1]) >= 0).all()


def test_the_chances_of_all_classes_are_one_together() -> None:
    rng = np.random.default_rng(2)
    true = rng.dirichlet([2, 1, 1], 6000)
    code = (rng.random(6000)[:, None] > true.cumsum(axis=1)).sum(axis=1)
    sure = true**3 / (true**3).sum(axis=1, keepdims=True)
    possible = known(confidence("multiclass", code, sure)).possible(sure)
    assert [label for label, _ in possible] == [0, 1, 2]
    chances = np.column_stack([chance for _, chance in possible])
    assert chances.sum(axis=1) == pytest.approx(np.ones(6000))
    assert np.abs(chances - true).mean() < 0.6 * np.abs(sure - true).mean()


def test_errors_of_numbers_are_those_of_like_predictions() -> None:
    rng = np.random.default_rng(3)
    said = rng.uniform(0, 100, 10_000)
    came = said + 2 + rng.normal(scale=said / 10)
    made = known(confidence("regression", came, said))
    for low, high in ((5, 15), (80, 90)):
        part = said[(said > low) & (said < high)]
        possible = made.possible(part)
        mean = sum((chance * (outcome - part)).mean() for outcome, chance in possible)
        spread = sum((chance * np.abs(outcome - part - 2)).mean() for outcome, chance in possible)
        assert mean == pytest.approx(2, abs=0.6)
        assert spread == pytest.approx(0.08 * (low + high) / 2, rel=0.2)
    assert sum(share for _, shares in possible for share in shares[:1]) == pytest.approx(1)


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_LEAST - 1])
def test_of_too_few_rows_it_says_that_they_are_too_few(rows: int) -> None:
    found = confidence("binary", np.zeros(rows, dtype=bool), np.zeros(rows))
    assert found == f"the test part has only {rows} rows, {ROWS_AT_LEAST} are needed"
    assert confidence("regression", np.zeros(rows), np.zeros(rows)) == found


def test_an_outcome_that_hardly_ever_happened_is_not_estimated() -> None:
    happened = np.arange(1000) < 3
    assert confidence("binary", happened, np.full(1000, 0.5)) == "only 3 rows of the test part had the rarer outcome, 10 are needed"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_pooled_rates_never_fall_and_keep_their_mean(pairs: list[tuple[float, float]]) -> None:
    rates, rows = (np.array(part) for part in zip(*pairs, strict=True))
    made = pooled(rates, rows)
    assert (np.diff(made) >= -1e-12).all()
    assert (made * rows).sum() == pytest.approx((rates * rows).sum())
    rising = np.sort(rates)
    assert pooled(rising, rows) == pytest.approx(rising)


@given(st.lists(st.floats(-5, 5).map(lambda value: round(value, 1)), min_size=1, max_size=400))
def test_no_bin_has_fewer_than_fifty_rows(values: list[float]) -> None:
    score = np.array(values)
    rows = np.bincount(np.searchsorted(cuts(score), score, side="right"))
    assert len(rows) == 1 or rows.min() >= 50
