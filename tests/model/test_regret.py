"""The money that decisions lose, as a loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.deciding import best_threshold
from loopline.model.families import Choice, FitFailed, Fitted, Params, Problem, Sample, find
from loopline.model.promise import broken
from loopline.model.proving import noise_of, proof_of, stakes, whole_of
from loopline.model.regret import Regret, is_offered, mean_regret
from loopline.model.spec import installed
from tests.model.problems import PLAN, columns, problem, run_graph
from tests.model.studies import material, table

BOOSTED = [name for name in ("lightgbm", "xgboost") if installed(name)]
MARGINS = st.floats(-8, 8)
GAINS = st.floats(-50, 50).filter(lambda gain: abs(gain) > 1e-3)


def priced(posed: Problem, *, right: float = 3.0, wrong: float = -1.0) -> Problem:
    """The problem with money: acting earns `right` where it happened and `wrong` where it did not."""

    def gained(sample: Sample | None) -> Sample | None:
        return sample if sample is None or sample.gain is not None else replace(sample, gain=np.where(sample.target > 0, right, wrong))

    train = gained(posed.train)
    assert train is not None
    return replace(posed, train=train, validation=gained(posed.validation))


class Regretting:
    """A family of which the regret is the only loss."""

    def __init__(self, name: str) -> None:
        self.inner = find(name)

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        return [{**self.inner.portfolio(priced(problem))[-1], "loss": "regret"}]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        return self.inner.params(priced(problem), choice)

    def fit(self, problem: Problem, params: Params) -> Fitted:
        return self.inner.fit(priced(problem), params)


@given(GAINS, MARGINS)
def test_the_slope_is_what_a_small_step_changes_and_the_bound_is_never_below_the_curve(gain: float, margin: float) -> None:
    def lost(point: float) -> float:
        return mean_regret(np.array([gain]), np.array([point]))

    step = 1e-3
    (slope,), (bound,) = Regret(np.array([gain]), None, 0.0).slopes(np.array([margin]))
    assert slope == pytest.approx((lost(margin + step) - lost(margin - step)) / (2 * step), rel=1e-4, abs=1e-6)
    curve = (lost(margin + step) - 2 * lost(margin) + lost(margin - step)) / step**2
    assert bound > 0 and bound >= abs(curve) - 1e-5 * abs(gain)


@given(st.lists(GAINS, min_size=1, max_size=9))
def test_the_right_decisions_lose_nothing_and_the_wrong_ones_all(gains: list[float]) -> None:
    gain = np.array(gains)
    assert mean_regret(gain, 700 * np.sign(gain)) == pytest.approx(0.0, abs=1e-9)
    assert mean_regret(gain, -700 * np.sign(gain)) == pytest.approx(np.abs(gain).mean())


@pytest.mark.parametrize("name", BOOSTED)
def test_a_family_that_learns_it_keeps_every_promise(name: str) -> None:
    assert broken(Regretting(name), ["binary"]) == []


@pytest.mark.parametrize("name", BOOSTED)
def test_its_scores_are_probabilities_and_the_last_fit_keeps_their_scale(name: str) -> None:
    posed, family = problem("binary", rows=2000), Regretting(name)
    held = posed.validation
    assert held is not None
    fitted = family.fit(posed, family.portfolio(posed)[0])
    assert fitted.score(held.features).mean() == pytest.approx(held.target.mean(), abs=0.02)
    last = family.fit(replace(posed, validation=None, memo={}), {**family.portfolio(posed)[0], **fitted.settled()})
    assert last.settled() == fitted.settled() and {"slope", "offset"} < set(last.settled())


def rich(rows: int, seed: int) -> tuple[Problem, Sample]:
    """What happened is a coin's throw with a slight bias by the second feature; what it is worth hangs on the first alone."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 2)).astype(np.float32)
    target = (rng.random(rows) < 0.5 + 0.1 * (features[:, 1] > 0)).astype(np.float64)
    gain = np.where(target > 0, np.where(features[:, 0] > 0, 4.0, 0.5), -2.0)
    train, held, test = (Sample(features, target, gain=gain).where(part) for part in np.array_split(np.arange(rows), 3))
    return Problem("binary", ("no", "yes"), 2, train, held, seed=seed, by="order"), test


@pytest.mark.parametrize("name", BOOSTED)
def test_it_earns_more_than_the_log_loss_where_money_and_class_differ(name: str) -> None:
    posed, test = rich(3000, 0)
    family = find(name)
    earned = {}
    for loss in ("logistic", "regret"):
        fitted = family.fit(posed, {**family.portfolio(posed)[0], "loss": loss})
        assert posed.validation is not None and posed.validation.gain is not None and test.gain is not None
        rule = best_threshold(fitted.score(posed.validation.features), posed.validation.gain)
        earned[loss] = float(np.where(fitted.score(test.features) >= rule.threshold, test.gain, 0.0).mean())
    assert test.gain is not None
    assert earned["regret"] > max(0.35, earned["logistic"] + 0.1), earned
    assert earned["regret"] > np.maximum(test.gain.mean(), 0), "more than one decision for all rows"


def test_a_trial_of_the_regret_changes_no_later_one() -> None:
    posed, boosted = priced(problem("binary")), find("lightgbm")
    plain = {**boosted.portfolio(posed)[0], "loss": "logistic"}
    alone = boosted.fit(replace(posed, memo={}), plain).score(posed.train.features)
    boosted.fit(posed, {**plain, "loss": "regret"})
    np.testing.assert_array_equal(boosted.fit(posed, plain).score(posed.train.features), alone)


@pytest.mark.parametrize("name", BOOSTED)
def test_where_nothing_is_at_stake_it_cannot_be_fitted(name: str) -> None:
    posed = priced(problem("binary"), right=0.0, wrong=0.0)
    with pytest.raises(FitFailed, match="no money is at stake"):
        find(name).fit(posed, {**find(name).portfolio(posed)[0], "loss": "regret"})


@pytest.mark.parametrize("name", BOOSTED)
def test_too_few_rows_to_split_give_one_score_that_is_exported(name: str) -> None:
    posed, family = problem("binary", rows=12), Regretting(name)
    fitted = family.fit(posed, {**family.portfolio(posed)[0], **({"min_data_in_leaf": 20} if name == "lightgbm" else {"min_child_weight": 50.0})})
    assert len(np.unique(fitted.score(np.zeros((3, len(PLAN.features)), dtype=np.float32)))) == 1
    np.testing.assert_allclose(run_graph(fitted, "binary", columns(50, seed=3)), fitted.score(posed.train.features[:1])[0])


def test_it_is_offered_by_the_money_alone_and_by_one_setting_at_most() -> None:
    posed = problem("binary")
    for name in BOOSTED:
        assert all("loss" not in one for one in find(name).portfolio(posed))
        losses = [one["loss"] for one in find(name).portfolio(priced(posed))]
        assert losses.count("regret") <= 1 and losses[0] == "logistic"
    assert is_offered(priced(posed)) and not is_offered(posed) and not is_offered(priced(problem("regression")))


@pytest.mark.parametrize(("said", "offered"), [({"policy": {"kind": "threshold"}}, True), ({}, False), ({"search": {"by": "roc_auc"}}, False)])
def test_money_is_told_where_one_threshold_must_do_for_rows_of_unlike_prices(tmp_path: Path, said: dict[str, Any], offered: bool) -> None:
    worth = {"worth": {"currency": "EUR", "act_right": "count", "act_wrong": -3}}
    made = material(tmp_path, table("binary"), model=said, charter=worth)
    samples = [whole_of(made, threads=1).problem.train]
    for fold in proof_of(made, threads=1).folds:
        samples += [fold.problem.train, fold.problem.validation]  # type: ignore[list-item]
    assert all((sample.gain is not None) == offered for sample in samples)
    if offered:
        missed = samples[0].target == 0
        np.testing.assert_array_equal(samples[0].gain[missed], -3)  # type: ignore[index]
        count = made.frame["count"].to_numpy()[made.learned]
        np.testing.assert_array_equal(samples[0].gain[~missed], count[~missed])  # type: ignore[index]


def test_what_a_number_costs_is_at_stake_in_its_row(tmp_path: Path) -> None:
    made = material(tmp_path, table("regression"), "regression", charter={"worth": {"currency": "EUR", "over": "-count", "under": "-3 * count"}})
    np.testing.assert_allclose(stakes(made, made.learned), 2 * made.frame["count"].to_numpy()[made.learned])


@pytest.mark.parametrize(("kind", "kept"), [("threshold", True), ("auto", False)])
def test_a_column_that_tells_the_money_and_not_the_class_is_kept_where_the_score_must_carry_it(tmp_path: Path, kind: str, kept: bool) -> None:
    rng = np.random.default_rng(2)
    telling, rich, *idle = rng.normal(size=(6000, 4)).T
    happened = rng.random(6000) < 0.5 + 0.3 * np.sign(telling)
    numbers = {"telling": telling, "rich": rich, "idle": idle[0], "more": idle[1], "won": np.exp(2 * rich)}
    frame = pl.DataFrame({**numbers, "y": np.where(happened, "yes", "no")})
    worth = {"worth": {"currency": "EUR", "act_right": "won", "act_wrong": -3}}
    made = material(tmp_path, frame, time=None, model={"policy": {"kind": kind}}, charter=worth)
    dropped = {one.column for one in noise_of(made.without({"won": "known afterwards"}), threads=1)}
    assert ("rich" not in dropped) == kept
