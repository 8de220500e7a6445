"""Candidates: judged on the validation part, and the best of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.candidates import Judge, Part, Trial, best_trial, judge_trial, trial_key
from loopline.model.noise import BLOCKS
from loopline.model.spec import PolicySpec

BINARY = Judge("binary", ("no", "yes"), Worth.of(WorthSpec(currency="EUR", act_right=10, act_wrong=-6), "binary"))
REGRESSION = Judge("regression", (), Worth.of(WorthSpec(over=-1, under=-3), "regression"))
MULTICLASS = Judge("multiclass", ("a", "b"), Worth.of(WorthSpec(), "multiclass"))


def trial(blocks: list[float], loss: float, family: str = "linear") -> Trial:
    worth = float(np.mean(blocks))
    return Trial(family=family, params={"strength": loss}, settled={}, value=worth, worth=worth, loss=loss, metrics={}, policy={}, blocks=blocks, seconds=0.0)


def test_a_trial_holds_what_the_ledger_keeps_of_it() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.random(400) < 0.4
    score = np.clip(outcome * 0.5 + rng.random(400) * 0.5, 0, 1)
    made = judge_trial(BINARY, Part(outcome, {}), "linear", {"strength": 1.0}, {"rounds": 3}, score)
    assert made.worth == pytest.approx(made.metrics["worth"])
    assert made.loss == made.metrics["log_loss"]
    assert len(made.blocks) == BLOCKS
    assert made.policy["kind"] == "threshold"
    assert Trial.of_json(made.as_json()) == replace(made, blocks=list(made.blocks))
    assert made.key == trial_key("linear", {"strength": 1.0})


def test_the_threshold_is_where_these_rows_earn_most() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(5000)
    part = Part(rng.random(5000) < chance, {})
    rule = BINARY.best_policy(part, chance / 2)
    assert rule["threshold"] == pytest.approx(0.375 / 2, abs=0.03), "the scores say half of the true chance, and the rows show it"


def test_where_the_rows_cannot_tell_the_break_even_decides() -> None:
    part = Part(np.array([True] * 10 + [False] * 30), {})
    never_sure = np.linspace(0.2, 0.1, 40)
    assert BINARY.best_policy(part, np.roll(never_sure, 17))["threshold"] == pytest.approx(6 / 16)


def test_a_worth_that_depends_on_the_row_decides_the_threshold() -> None:
    worth = Worth.of(WorthSpec(currency="EUR", act_right="amount", act_wrong=-5), "binary")
    judge = Judge("binary", ("no", "yes"), worth, declared=PolicySpec(kind="threshold"))
    rng = np.random.default_rng(0)
    score, amount = rng.random(4000), np.full(4000, 1.0)
    # Only among the surest rows is there much to win.
    amount[score > 0.8] = 100.0
    part = Part(rng.random(4000) < score, {"amount": amount})
    rule = judge.best_policy(part, score)
    assert rule["threshold"] == pytest.approx(0.8, abs=0.02)
    judged = judge.judged(part, score, rule)
    np.testing.assert_array_equal(judged.money, np.where(score >= rule["threshold"], np.where(part.outcome, amount, -5.0), 0.0))


def test_who_clearly_earns_more_is_best_in_spite_of_a_greater_loss() -> None:
    rich, poor = trial([5.0, 5.1, 4.9, 5.0], 0.9), trial([1.0, 1.1, 0.9, 1.0], 0.1)
    assert best_trial([poor, rich]) is rich


def test_who_cannot_be_told_apart_is_ranked_by_the_loss() -> None:
    lucky, sound = trial([9.0, 1.0, 5.0, 6.0], 0.9), trial([1.0, 9.0, 5.0, 5.9], 0.1)
    assert best_trial([lucky, sound]) is sound


def test_all_alike_the_earliest_is_best() -> None:
    first, second = trial([1.0, 2.0], 0.5), trial([1.0, 2.0], 0.5, "lightgbm")
    assert best_trial([first, second]) is first


def test_what_could_not_be_fitted_is_never_best() -> None:
    failed = Trial.unfitted("linear", {}, "all", 0.1, "singular")
    assert best_trial([failed]) is None
    good = trial([-5.0], 0.5)
    assert best_trial([failed, good]) is good


def test_without_a_model_the_better_of_acting_on_all_and_on_none_stands() -> None:
    mostly = Part(np.array([True] * 9 + [False]), {})
    seldom = Part(np.array([False] * 9 + [True]), {})
    money, rule = BINARY.without_model(mostly, seldom)
    assert (rule, money.sum()) == ("always act", 10 - 9 * 6)
    money, rule = BINARY.without_model(seldom, mostly)
    assert (rule, money.sum()) == ("never act", 0)


def test_without_a_model_the_most_frequent_class_stands_or_one_whose_rows_are_dearer() -> None:
    known = Part(np.array(["b", "b", "a"], dtype=object), {})
    assert MULTICLASS.without_model(known, Part(np.array(["a"], dtype=object), {}))[1] == "always b"
    dearer = replace(MULTICLASS, worth=Worth.of(WorthSpec(right="amount", wrong=-1), "multiclass"))
    assert dearer.unaided(replace(known, columns={"amount": np.array([1.0, 1.0, 9.0])})) == "a"


def test_without_a_model_the_number_stands_that_the_prices_ask_for() -> None:
    known = Part(np.array([1.0, 2.0, 50.0]), {})
    money, rule = REGRESSION.without_model(known, Part(np.array([4.0]), {}))
    assert (rule, money.tolist()) == ("always say the same number (50)", [-46.0])
    alike = replace(REGRESSION, worth=Worth.of(WorthSpec(over=-1, under=-1), "regression"))
    assert alike.unaided(known) == 2


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.floats(-9, -0.5), st.floats(-9, -0.5), st.floats(-100, 100))
def test_no_number_earns_more_for_all_known_rows(outcome: list[float], over: float, under: float, other: float) -> None:
    judge, known = Judge("regression", (), Worth.of(WorthSpec(over=over, under=under), "regression")), Part(np.array(outcome), {})
    best, another = (judge.worth.per_row(np.full(len(outcome), one), known.outcome, {}).sum() for one in (judge.unaided(known), other))
    assert best >= another - 1e-6


def test_the_quantile_weighs_the_cost_of_both_sides() -> None:
    assert REGRESSION.quantile(Part(np.array([1.0, 2.0]), {})) == pytest.approx(0.75)
    free = Judge("regression", (), Worth.of(WorthSpec(over=0, under=-3), "regression"))
    assert free.quantile(Part(np.array([1.0]), {})) == 0.5


def test_the_other_tasks_decide_without_a_threshold() -> None:
    assert MULTICLASS.best_policy(Part(np.array(["a"], dtype=object), {}), np.array([[0.2, 0.8]])) == {"kind": "most_likely"}
    assert REGRESSION.best_policy(Part(np.array([1.0]), {}), np.array([1.0])) == {"kind": "value"}
