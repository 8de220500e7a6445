"""What candidates are proved on, and one attempt on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.attempt import Asked, attempt, attempt_in, share
from loopline.model.candidates import Judge, Part
from loopline.model.families import FitFailed, find
from loopline.model.proof import ROWS_FOR_LESS, SHARE, Proof, Trained
from tests.model.problems import problem

JUDGES = {
    "binary": Judge("binary", ("no", "yes"), Worth.of(WorthSpec(currency="EUR", act_right=10, act_wrong=-6), "binary")),
    "multiclass": Judge("multiclass", ("a", "b", "c"), Worth.of(WorthSpec(), "multiclass")),
    "regression": Judge("regression", (), Worth.of(WorthSpec(), "regression")),
}


def proof(task: str, *, repeats: int = 1, rows: int = 400) -> tuple[Proof, Part]:
    """Two folds of the same problem, so many times over, with the judged rows of both."""
    posed = problem(task, rows=rows)
    held = posed.validation
    assert held is not None
    count = len(held.target)
    folds = [Trained(posed, np.ones(len(posed.train.target)), np.arange(count) + fold * count, repeat) for repeat in range(repeats) for fold in range(2)]
    target = np.concatenate([held.target, held.target])
    outcome = np.array(["a", "b", "c"], dtype=object)[target.astype(int)] if task == "multiclass" else target > 0 if task == "binary" else target
    return Proof(folds, 2 * count), Part(outcome, {})


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_written_and_read_again_it_gives_the_very_same_trial(tmp_path: Path, task: str) -> None:
    made, part = proof(task)
    share(tmp_path, made, JUDGES[task], part, tmp_path)
    asked = Asked("lightgbm", find("lightgbm").portfolio(made.folds[0].problem)[0])
    here, there = attempt(made, JUDGES[task], part, find("lightgbm"), asked), attempt_in((str(tmp_path), asked))
    assert replace(here.trial, seconds=0, worked_s=0) == replace(there.trial, seconds=0, worked_s=0)
    assert here.scores is not None and there.scores is not None
    np.testing.assert_array_equal(here.scores, there.scores)


def test_every_judged_row_is_scored_by_its_own_fold() -> None:
    made, part = proof("binary")
    tried = attempt(made, JUDGES["binary"], part, find("linear"), Asked("linear", {"strength": 1.0}))
    assert tried.scores is not None and tried.scores.shape == (made.rows,)
    np.testing.assert_array_equal(*np.split(tried.scores, 2), err_msg="both folds are the same problem")


def test_a_first_look_costs_less_and_only_promise_is_given_all() -> None:
    made, part = proof("binary", repeats=3)
    assert made.rungs == (pytest.approx(1 / 3), 1.0)
    judge = JUDGES["binary"]
    poor = attempt(made, judge, part, find("linear"), Asked("linear", {"strength": 1.0}, promising=1e9)).trial
    rich = attempt(made, judge, part, find("linear"), Asked("linear", {"strength": 1.0}, promising=-1e9)).trial
    assert (poor.effort, rich.effort) == (pytest.approx(1 / 3), 1.0)
    assert poor.value is not None and not poor.is_whole and rich.is_whole
    assert attempt(made, judge, part, find("linear"), Asked("linear", {"strength": 1.0}, promising=1e9)).scores is None


def test_many_rows_are_first_looked_at_in_part() -> None:
    posed = problem("binary", rows=round(ROWS_FOR_LESS / 0.75) + 4)
    one = Proof([Trained(posed, np.ones(len(posed.train.target)), np.arange(len(posed.validation.target)))], len(posed.validation.target))  # type: ignore[union-attr]
    assert one.rungs == (SHARE, 1.0)
    (fewer,) = one.at(SHARE)
    assert len(fewer.problem.train.target) == pytest.approx(SHARE * len(posed.train.target), abs=1)
    assert one.at(SHARE)[0].problem is fewer.problem, "it is drawn once"


def test_weights_reach_the_fit() -> None:
    made, _ = proof("binary")
    weighed = made.folds[0].weighed("balanced").train
    assert weighed.weights is not None
    target = made.folds[0].problem.train.target
    assert weighed.weights[target > 0].sum() == pytest.approx(weighed.weights[target == 0].sum())
    assert made.folds[0].weighed("all").train.weights is None


def test_the_money_of_the_rows_reaches_the_fit_with_what_they_count_by(tmp_path: Path) -> None:
    made, part = proof("binary")
    posed = made.folds[0].problem
    assert posed.validation is not None
    gain, held_gain = np.where(posed.train.target > 0, 5.0, -2.0), np.where(posed.validation.target > 0, 5.0, -2.0)
    posed = replace(posed, train=replace(posed.train, gain=gain), validation=replace(posed.validation, gain=held_gain), memo={})
    fold = replace(made.folds[0], problem=posed, stake=np.abs(gain))
    balanced = fold.weighed("balanced").train
    assert balanced.gain is not None and balanced.weights is not None
    np.testing.assert_array_equal(balanced.gain, gain * balanced.weights)
    for kind in ("all", "worth"):
        np.testing.assert_array_equal(fold.weighed(kind).train.gain, gain, err_msg="money does not count twice")  # type: ignore[arg-type]
    Proof([fold], made.rows).save(tmp_path)
    read = Proof.load(tmp_path).folds[0].problem
    np.testing.assert_array_equal(read.train.gain, gain)  # type: ignore[arg-type]
    assert read.validation is not None
    np.testing.assert_array_equal(read.validation.gain, held_gain)  # type: ignore[arg-type]


class Fails:
    """A family that cannot be fitted, or gives no numbers."""

    def __init__(self, *, numbers: bool) -> None:
        self.numbers = numbers

    def fit(self, problem: object, params: object) -> object:
        if not self.numbers:
            raise FitFailed("it is singular")
        return self

    def score(self, features: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.full(len(features), np.nan)

    def settled(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize(("numbers", "why"), [(False, "it is singular"), (True, "no numbers")])
def test_what_cannot_be_fitted_is_a_trial_that_says_why(numbers: bool, why: str) -> None:
    made, part = proof("binary")
    tried = attempt(made, JUDGES["binary"], part, Fails(numbers=numbers), Asked("own:family", {}))  # type: ignore[arg-type]
    assert why in tried.trial.failed and tried.trial.value is None and tried.scores is None
