"""Estimates without outcomes: near to what comes true, as sure as they say, by the method that holds, and in words why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bench.bench_estimate import errors
from bench.car_loan import CarLoan, is_there
from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.watch import estimate as module
from loopline.watch.drift import Bins
from loopline.watch.estimate import Reference, estimates
from loopline.watch.estimated import Estimated
from loopline.watch.honesty import misses
from loopline.watch.windows import SCORE, Window, Yardstick, windows

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
CUTS = tuple(np.linspace(-2, 2, 9))
WORTH: dict[Task, WorthSpec] = {
    "binary": WorthSpec(act_right="10 + x", act_wrong=-8),  # type: ignore[arg-type]
    "multiclass": WorthSpec(right=3, wrong=-2),  # type: ignore[arg-type]
    "regression": WorthSpec(over=-1, under=-3),  # type: ignore[arg-type]
}


def yardstick(task: Task) -> Yardstick:
    features = (
        Bins(name="x", kind="number", counts=(1,) * 11, cuts=CUTS),
        Bins(name="c", kind="category", counts=(1, 1, 0, 0), values=("a", "b")),
        Bins(name=SCORE, kind="number", counts=(1,) * 11, cuts=tuple(np.linspace(0.1, 0.9, 9)) if task != "regression" else CUTS),
    )
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    without: Any = {"binary": False, "multiclass": "a", "regression": 0.0}[task]
    return Yardstick(
        package="p",
        task=task,
        classes=classes,
        positive="yes" if task == "binary" else None,
        features=features,
        worth=Worth.of(WORTH[task], task),
        without_model=without,
    )


def served(task: Task, rows: int, *, seed: int, shift: float = 0.0, share: float = 0.5, hidden: float = 0.0, days: int = 1) -> pl.DataFrame:
    """Rows whose x may be shifted, and whose outcome follows x, and c by as much as `hidden`, which the score does not know."""
    rng = np.random.default_rng(seed)
    x, c = rng.normal(shift, 1.0, rows), np.where(rng.random(rows) < share, "b", "a")
    line = 1.5 * x
    true = line + hidden * (c == "b")
    more: dict[str, Any] = {}
    if task == "binary":
        score = 1 / (1 + np.exp(-line))
        outcome = np.where(rng.random(rows) < 1 / (1 + np.exp(-true)), "yes", "no").tolist()
        decision = np.where(score > 0.45, "act", "rest").tolist()
    elif task == "multiclass":
        each = np.exp(np.stack([np.zeros(rows), line, -line], axis=1))
        chances, labels = each / each.sum(axis=1, keepdims=True), np.array(["a", "b", "c"])
        score, decision = chances.max(axis=1), labels[chances.argmax(axis=1)].tolist()
        outcome = labels[(rng.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)].tolist()
        more = {"scores": [dict(zip("abc", row, strict=True)) for row in chances.tolist()]}
    else:
        score, decision = line, [repr(float(value)) for value in line]
        outcome = [repr(float(value)) for value in true + rng.normal(size=rows) * (0.5 + np.abs(x))]
    when = [T0 + (at * days // rows) * DAY for at in range(rows)]
    row = pl.DataFrame({"x": x, "c": c}).to_struct()
    return pl.DataFrame({"when": when, "score": score, "decision": decision, "outcome": outcome, "row": row, **more})


def told(frame: pl.DataFrame, reference: Reference) -> list[Window]:
    made = windows(frame, reference.yardstick, span=DAY)
    found = dict(estimates(frame, made, reference, span=DAY))
    return [replace(window, estimated=found[window.start]) for window in made]


def one(frame: pl.DataFrame, reference: Reference) -> tuple[Window, Estimated]:
    (window,) = told(frame, reference)
    assert window.estimated is not None
    return window, window.estimated


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_comes_true_lies_in_nine_of_ten_intervals(task: Task) -> None:
    off = []
    for seed in range(24):
        # Windows share what the test part was mistaken in: only several of those show how often intervals hold.
        reference = Reference.of(served(task, 3000, seed=seed), yardstick(task))
        off += [misses(window) for window in told(served(task, 1500, seed=100 + seed, days=4), reference)]
    assert {"worth", module.LOSS[task]} <= set(off[0])
    for name in off[0]:
        assert 0.8 <= np.mean([miss[name] < 0 for miss in off]) <= 0.98, name


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_of_another_mix_are_estimated_nearer_than_by_assuming_no_change(task: Task) -> None:
    reference = Reference.of(served(task, 8000, seed=2), yardstick(task))
    (usual, _), (moved, estimated) = (one(served(task, 8000, seed=seed, shift=shift), reference) for seed, shift in ((3, 0.0), (4, -0.9)))
    assert usual.earned.money.mean is not None and moved.earned.money.mean is not None
    gap = abs(moved.earned.money.mean - usual.earned.money.mean)
    assert abs(estimated.figures["worth"].value - moved.earned.money.mean) < 0.25 * gap
    assert estimated.money.total / estimated.money.count == pytest.approx(estimated.figures["worth"].value)
    assert "scores' own probabilities" in estimated.why


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_where_features_tell_what_the_score_does_not_know_the_weighted_test_part_is_believed(task: Task) -> None:
    reference = Reference.of(served(task, 12_000, seed=5, hidden=-2.0), yardstick(task))
    window, estimated = one(served(task, 6000, seed=6, hidden=-2.0, share=0.95), reference)
    assert estimated.method == "weighted"
    assert "do not hold for such rows" in estimated.why
    assert all(miss < estimated.figures[name].error for name, miss in misses(window).items())
    alone = module.estimate(served(task, 6000, seed=6, hidden=-2.0, share=0.95), replace(window, counts={}), reference)
    assert alone.method == "confidence" and window.earned.money.mean is not None
    assert abs(alone.figures["worth"].value - window.earned.money.mean) > 3 * abs(estimated.figures["worth"].value - window.earned.money.mean)


@pytest.mark.parametrize(("share", "method"), [(0.5, "confidence"), (0.95, "weighted")])
def test_where_outcomes_are_seen_only_after_acting_what_is_acted_on_is_estimated(share: float, method: str) -> None:
    hides = replace(yardstick("binary"), hides=True)
    reference = Reference.of(served("binary", 12_000, seed=5, hidden=-2.0), hides)
    window, estimated = one(served("binary", 6000, seed=6, hidden=-2.0, share=share), reference)
    assert (estimated.method, estimated.money.count) == (method, window.awaited) and window.completeness == 1
    assert all(miss <= estimated.figures[name].error for name, miss in misses(window).items())
    _, rested = one(served("binary", 300, seed=7, hidden=-2.0).with_columns(decision=pl.lit("rest")), reference)
    assert (rested.method, rested.why) == ("none", "no row that was acted on has a score")


def test_rows_that_the_test_part_does_not_have_are_no_matter_of_weights() -> None:
    reference = Reference.of(served("binary", 4000, seed=7, share=0.0), yardstick("binary"))
    _, estimated = one(served("binary", 1000, seed=8, share=0.5), reference)
    assert estimated.method == "confidence"
    assert "of its rows have a c of which the test part has none" in estimated.why


def test_outcomes_are_not_looked_at() -> None:
    reference = Reference.of(served("binary", 2000, seed=9), yardstick("binary"))
    frame = served("binary", 500, seed=10)
    _, blind = one(frame.with_columns(outcome=pl.lit(None, dtype=pl.String)), reference)
    assert one(frame, reference)[1] == blind


def test_a_large_window_in_parts_is_estimated_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference.of(served("binary", 4000, seed=11), yardstick("binary"))
    frame = served("binary", 6000, seed=12)
    _, whole = one(frame, reference)
    monkeypatch.setattr(module, "PART", 3000)
    _, parts = one(frame, reference)
    assert parts.money.total == pytest.approx(whole.money.total) and parts.rows == whole.rows == 6000
    for name, figure in whole.figures.items():
        assert parts.figures[name].value == pytest.approx(figure.value, abs=0.01)
        assert parts.figures[name].error == pytest.approx(figure.error, rel=0.3)


def test_where_nothing_can_be_estimated_it_says_why() -> None:
    short = Reference.of(served("binary", 40, seed=13), yardstick("binary"))
    _, estimated = one(served("binary", 500, seed=14), short)
    assert (estimated.method, estimated.figures) == ("none", {})
    assert "only 40 rows" in estimated.why
    long = Reference.of(served("binary", 2000, seed=13), yardstick("binary"))
    _, estimated = one(served("binary", 50, seed=14).with_columns(score=pl.lit(None, dtype=pl.Float64)), long)
    assert estimated.why == "no row has a score"
    empty = Reference.of(served("binary", 1, seed=13)[:0], yardstick("binary"))
    assert one(served("binary", 50, seed=14), empty)[1].method == "none"


def test_three_rows_are_estimated_with_a_wide_interval() -> None:
    reference = Reference.of(served("binary", 2000, seed=15), yardstick("binary"))
    _, few = one(served("binary", 3, seed=16), reference)
    _, many = one(served("binary", 3000, seed=16), reference)
    assert few.figures["worth"].noise > 10 * many.figures["worth"].noise


def test_a_person_who_is_asked_is_expected_to_be_right() -> None:
    gauged = replace(yardstick("binary"), ask_costs=1.0, worth=Worth.of(WorthSpec(act_right=10, act_wrong=-8), "binary"))
    reference = Reference.of(served("binary", 4000, seed=17), gauged)
    frame = served("binary", 4000, seed=18).with_columns(decision=pl.lit("ask"))
    window, estimated = one(frame, reference)
    assert window.earned.money.mean is not None
    assert estimated.figures["worth"].value == pytest.approx(window.earned.money.mean, abs=0.3)


def test_on_car_loans_estimates_are_as_near_as_those_of_the_best_known_tool(shared_data: Path) -> None:
    folder = shared_data / "car_loan"
    if not is_there(folder):
        pytest.skip(f"there are no car loans in {folder}")
    off = errors(CarLoan.of(folder))
    # NannyML's are 0.0021 and 0.0031 on the same chunks; assuming no change is off by 0.0067 and 0.0151.
    assert off["roc_auc"] <= 0.0021 and off["accuracy"] <= 0.0031
    assert off["worth"] < 0.6 * off["unchanged"]
