"""An expert's rules as a model, from numbers that are counted by hand to a package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.errors import Mistake
from loopline.model.encode import Encoded
from loopline.model.families import FitFailed, Fitted, Problem, Sample
from loopline.model.graph import assemble
from loopline.model.leaks import case_of, find_leaks
from loopline.model.material import prepare
from loopline.model.order import Order
from loopline.model.plan import Plan
from loopline.model.predictor import Predictor
from loopline.model.promise import TASKS, broken
from loopline.model.rules import NONE, First, Points, Rules, family
from tests.model.studies import Study, table

PLAN = Plan(("size", "one", "two", "three"), (), ())
CLASSES: dict[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
POINTS = {"form": "points", "strength": 1.0}


def posed(held: Sequence[Sequence[float]], outcome: Sequence[float], task: Task = "binary", weights: Sequence[float] | None = None) -> Problem:
    """Rows of three rules, beside a number that no rule reads."""
    features = np.column_stack([np.arange(len(held)), np.array(held)]).astype(np.float32)
    train = Sample(features, np.array(outcome, dtype=np.float64), None if weights is None else np.array(weights))
    return Problem(task, CLASSES[task], 4, train, None, seed=0, rules=(1, 2, 3))


def first(rows: float) -> dict[str, object]:
    return {"form": "first", "rows": rows}


def through_graph(fitted: Fitted, task: Task, features: NDArray[np.float32]) -> NDArray[np.float64]:
    data = assemble(PLAN, [fitted.graph("features", "scores")], width=3 if task == "multiclass" else 1)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    scores: NDArray[np.float64] = session.run(None, Encoded(features, np.empty((len(features), 0), dtype=object)).inputs())[0]
    return scores if task == "multiclass" else scores[:, 0]


@pytest.mark.parametrize("form", [0, 1])
def test_each_form_keeps_every_promise(form: int) -> None:
    class Form(Rules):
        def portfolio(self, problem: Problem) -> list[dict[str, object]]:
            return super().portfolio(problem)[form : form + 1]

    assert broken(Form()) == []


HELD = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 1, 0), (0, 1, 0), (0, np.nan, 0), (0, 0, 0), (0, 0, 0)]


def test_the_first_rule_that_holds_says_the_share_drawn_towards_that_of_all_rows() -> None:
    fitted = family().fit(posed(HELD, [1, 1, 0, 1, 0, 0, 0, 0]), first(2))
    assert isinstance(fitted, First)
    # Of 8 rows 3 happened, and that counts for 2 rows beside those of each rule.
    prior = 3 / 8
    assert fitted.scores[:, 0] == pytest.approx([(2 + 2 * prior) / 5, (1 + 2 * prior) / 4, prior, (0 + 2 * prior) / 5])
    assert fitted.rows.tolist() == [3, 2, 0, 3]
    assert fitted.score(np.array([[9, 0, 1, 1]], dtype=np.float32)).tolist() == [fitted.scores[1, 0]]
    told = fitted.told(["size", "rule: a", "rule: b", "rule: c"])["rules"]
    assert [(one["rule"], one["rows"]) for one in told] == [("a", 3), ("b", 2), ("c", 0), (NONE, 3)]
    assert told[2]["says"] == [prior]
    moved = np.array([3, 2, 0]) * abs(fitted.scores[:3, 0] - prior)
    assert fitted.weights() == pytest.approx([0, *(moved / moved.sum())])


def test_each_class_has_its_share() -> None:
    fitted = family().fit(posed(HELD, [0, 0, 1, 1, 1, 2, 2, 2], "multiclass"), first(1))
    prior = np.array([2, 3, 3]) / 8
    assert isinstance(fitted, First)
    assert fitted.scores == pytest.approx(np.array([([2, 1, 0] + prior) / 4, ([0, 2, 0] + prior) / 3, prior, ([0, 0, 3] + prior) / 4]))


def test_a_value_is_the_quantile_that_earns_most() -> None:
    problem = posed(HELD, [1, 2, 9, 4, 6, 0, 10, 20], "regression")
    for quantile, all_of_them, of_the_first in ((0.5, 5, 2), (0.9, 20, 9)):
        fitted = family().fit(replace(problem, quantile=quantile), first(3))
        assert fitted.score(problem.train.features[:1])[0] == pytest.approx((all_of_them + of_the_first) / 2)


def test_the_order_of_the_rules_matters() -> None:
    problem = posed(HELD, [1, 1, 0, 0, 0, 0, 0, 0])
    one, other = (family().fit(replace(problem, rules=rules), first(1)) for rules in ((1, 2, 3), (2, 1, 3)))
    both = np.array([[0, 1, 1, 0]], dtype=np.float32)
    assert one.score(both)[0] > other.score(both)[0], "where both hold, the first says more"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=8), st.sampled_from(TASKS))
def test_a_row_of_weight_two_counts_as_two_rows(said: list[tuple[int, int]], task: Task) -> None:
    held = [[float(rule == place) for place in range(3)] for rule, _ in said]
    outcome = [float((at + rule) % (3 if task == "multiclass" else 2)) for at, (rule, _) in enumerate(said)]
    times = [count for _, count in said]
    weighed = family().fit(posed(held, outcome, task, times), first(5))
    repeated = family().fit(posed(np.repeat(held, times, axis=0).tolist(), np.repeat(outcome, times).tolist(), task), first(5))
    assert isinstance(weighed, First) and isinstance(repeated, First)
    np.testing.assert_allclose(weighed.scores, repeated.scores)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, np.nan])] * 3), min_size=6, max_size=30),
    st.sampled_from(TASKS),
    st.permutations([1, 2, 3]),
    st.sampled_from([first(1), first(100), POINTS]),
    st.integers(0, 9),
)
def test_the_graph_scores_as_the_model_does(held: list[tuple[float, ...]], task: Task, order: list[int], params: dict[str, object], seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=len(held)) * 1e6 if task == "regression" else np.arange(len(held)) % len(CLASSES[task])
    problem = replace(posed(held, outcome.tolist(), task), rules=tuple(order))
    fitted = family().fit(problem, params)
    features = problem.train.features
    np.testing.assert_allclose(through_graph(fitted, task, features), fitted.score(features), rtol=1e-12, atol=1e-12)


def test_points_are_added_where_rules_hold() -> None:
    rng = np.random.default_rng(0)
    held = (rng.random((3000, 3)) < 0.4).astype(float)
    fitted = family().fit(posed(held.tolist(), (held @ [5.0, -3.0, 0.0] + 1).tolist(), "regression"), {**POINTS, "strength": 100.0})
    assert isinstance(fitted, Points)
    assert fitted.score(np.array([[0, 1, 1, 0], [0, 0, np.nan, 0]], dtype=np.float32)) == pytest.approx([3, 1], abs=0.01)
    told = fitted.told(["size", "rule: a", "rule: b", "rule: c"])["rules"]
    assert told[0] == {"rule": "a", "rows": held[:, 0].sum(), "says": [pytest.approx(5, abs=0.01)]}
    assert told[3] == {"rule": NONE, "rows": (held.sum(axis=1) == 0).sum(), "says": [pytest.approx(1, abs=0.01)]}
    assert fitted.weights() == pytest.approx([0, 5 / 8, 3 / 8, 0], abs=0.01)


@pytest.mark.parametrize("params", [first(10), POINTS])
def test_without_a_rule_there_is_nothing_to_fit(params: dict[str, object]) -> None:
    with pytest.raises(FitFailed, match="there is no rule that holds in some"):
        family().fit(replace(posed(HELD, [0, 1] * 4), rules=()), params)


RULES = ["kind == 'a' and size > 0", "count > 99", "size > 0", "size < -1"]
MODEL = {
    "families": ["rules"],
    "rules": RULES,
    "search": {"trials": 3, "ensemble": False},
    "assess": {"refits": False},
    "leave_out": ["id"],
    "features": {"select": False},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_search_packages_the_rules(tmp_path: Path, task: Task) -> None:
    study = Study(tmp_path, table(task), task, model=MODEL)
    facts = study.run()
    assert facts["family"] == "rules"
    assert facts["left_out"]["rule: count > 99"] == "it holds in no training row"
    package = study.package(facts)
    assert package.parsed("metrics.json")["parity"]["max_error"] <= 1e-5
    (told,) = package.parsed("explanation.json")["rules"]
    assert [one["rule"] for one in told["rules"]] == [*(text for text in RULES if "99" not in text), NONE]
    assert all(f"| {one['rows']:,} |" in package.text("card.md") for one in told["rules"])
    predict = Predictor(package).predict
    high, low, unknown = (predict({"size": [size], "kind": ["b"], "count": [3]}).score[0] for size in (2.0, -2.0, None))
    assert task == "multiclass" or high > unknown > low


def test_rules_without_the_family_are_features_of_the_others(tmp_path: Path) -> None:
    study = Study(tmp_path, table("binary"), "binary", model={**MODEL, "families": ["linear"], "search": {"trials": 1}})
    facts = study.run()
    plan = Predictor(study.package(facts)).plan
    assert [one.name for one in plan.formulas] == [f"rule: {text}" for text in RULES if "99" not in text]


def test_rules_hold_to_a_direction_for_they_read_no_column_that_is_held(tmp_path: Path) -> None:
    study = Study(tmp_path, table("binary"), "binary", model={**MODEL, "rules": [*RULES, "kind == 'a'"], "monotone": {"size": "fall"}})
    facts = study.run()
    assert facts["left_out"]["rule: size > 0"] == "it reads size, with which the score may only rise or only fall"
    assert facts["family"] == "rules"


def test_where_no_rule_is_left_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no rule that holds in some training rows and not in others"):
        Study(tmp_path, table("binary"), "binary", model={**MODEL, "rules": ["count > 99"]}).run()


def test_a_rule_cannot_read_the_outcome(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="it reads 'y', the outcome") as caught:
        Study(tmp_path, table("binary"), "binary", model={**MODEL, "rules": ["size > 0", "y == 'yes'"]}).run()
    assert caught.value.where == "model.rules[1]"


def test_a_column_that_only_a_rule_reads_is_looked_at_for_leaks(tmp_path: Path) -> None:
    frame = table("binary").with_columns(told=pl.when(pl.col("y") == "yes").then(5.0).otherwise(1.0) + pl.col("count") / 100)
    for rules, leaks in (((), set()), (("told > 3",), {"told"})):
        study = Study(tmp_path / str(len(rules)), frame, "binary", model={"rules": rules})
        workspace = study.workspace
        with workspace.ledger:
            step = study.step(workspace)
        columns = [{**column, "use": column["name"] != "told"} for column in step.inputs["columns"]]
        order = Order.of(step.reads, {**step.inputs, "columns": columns})
        found = find_leaks(case_of(prepare(frame.select(order.read_columns()), order)))
        assert {name for finding in found if finding.sure for name in finding.columns} == leaks
