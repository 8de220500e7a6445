"""Reasons: they add up, are exact where few columns differ, and are what the literature's closed forms say."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopline.model.background import Background, Score, make_background
from loopline.model.reasons import Reason, explain, shapley
from tests.model.conftest import Made


def background(width: int, *, count: int = 8, seed: int = 0) -> Background:
    """Rows of normal numbers."""
    rng = np.random.default_rng(seed)
    names = [f"c{index}" for index in range(width)]
    return Background({name: rng.normal(size=count) for name in names}, dict.fromkeys(names, 0.0))


def row_of(values: Any, made: Background) -> dict[str, NDArray[Any]]:
    return {name: np.array([value]) for name, value in zip(made.columns, values, strict=True)}


def tangled(columns: Any) -> NDArray[np.float64]:
    """A score with interactions of every order, over whatever columns there are."""
    values = np.stack(list(columns.values()))
    made: NDArray[np.float64] = np.sin(values.sum(axis=0)) + values[0] * values[-1] + np.maximum(values[1], 0) * values.prod(axis=0)
    return made


def by_brute_force(score: Score, row: dict[str, NDArray[Any]], made: Background) -> NDArray[np.float64]:
    """Shapley values from every order and every background row."""
    names, total = list(row), np.zeros(len(row))
    orders = list(permutations(range(len(names))))
    for at in range(len(made)):
        for order in orders:
            mix = {name: values[at : at + 1] for name, values in made.columns.items()}
            before = score(mix)[0]
            for index in order:
                mix = {**mix, names[index]: row[names[index]]}
                total[index] += score(mix)[0] - before
                before = score(mix)[0]
    return total / len(orders) / len(made)


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_of_four_columns_they_are_exact(values: list[float]) -> None:
    made = background(4)
    row = row_of(values, made)
    found = shapley(tangled, row, made)
    assert found.effects == pytest.approx(by_brute_force(tangled, row, made), abs=1e-9)


@given(width=st.integers(1, 60), seed=st.integers(0, 50))
def test_they_add_up_to_the_score_minus_the_base(width: int, seed: int) -> None:
    made = background(width, seed=seed)
    row = row_of(np.random.default_rng(seed + 1).normal(size=width), made)

    def wave(columns: Any) -> NDArray[np.float64]:
        values = np.stack(list(columns.values()))
        moved: NDArray[np.float64] = np.tanh(values.sum(axis=0)) + values[0] * values[-1]
        return moved

    found = shapley(wave, row, made)
    assert found.base + found.effects.sum() == pytest.approx(found.score, abs=1e-9)
    assert found.base == pytest.approx(float(wave(made.columns).mean()))
    assert found.score == pytest.approx(float(wave(row)[0]))


@pytest.mark.parametrize("width", [5, 12, 90])
def test_of_a_linear_model_they_are_weight_times_distance_from_the_mean(width: int) -> None:
    made, weights = background(width), np.linspace(-2, 2, width)
    row = row_of(np.linspace(0, 1, width), made)
    found = shapley(lambda columns: weights @ np.stack(list(columns.values())), row, made)
    means = np.array([values.mean() for values in made.columns.values()])
    assert found.effects == pytest.approx(weights * (np.linspace(0, 1, width) - means), abs=1e-9)


@pytest.mark.parametrize("width", [4, 15, 90])
def test_a_column_that_the_model_does_not_read_gets_nothing(width: int) -> None:
    made = background(width)
    found = shapley(lambda columns: np.exp(columns["c0"]) * columns["c1"], row_of(np.ones(width), made), made)
    assert np.count_nonzero(found.effects) == 2


def test_a_row_like_the_background_has_no_reasons() -> None:
    made = Background({"a": np.full(8, 2.0), "k": np.array(["x"] * 8, dtype=object), "n": np.full(8, np.nan)}, {"a": 2, "k": "x", "n": None})
    row = {"a": np.array([2.0]), "k": np.array(["x"], dtype=object), "n": np.array([np.nan])}
    asked: list[int] = []

    def score(columns: Any) -> NDArray[np.float64]:
        asked.append(len(columns["a"]))
        made_of: NDArray[np.float64] = columns["a"] * 3
        return made_of

    found = explain(score, row, made, task="regression")
    assert (found.reasons, found.base, found.score) == ((), 6.0, 6.0)
    assert asked == [9]


def test_all_rows_are_scored_in_one_call_that_stays_small() -> None:
    made, sizes = background(20), list[int]()

    def score(columns: Any) -> NDArray[np.float64]:
        sizes.append(len(columns["c0"]))
        return np.zeros(sizes[-1])

    shapley(score, row_of(np.ones(20), made), made)
    assert len(sizes) == 1
    assert sizes[0] <= 330


def test_the_order_is_as_that_of_the_exact_tree_values_of_lightgbm() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3000, 12))
    target = 2 * features[:, 0] - features[:, 1] + features[:, 2] * features[:, 3] + 0.5 * np.abs(features[:, 4]) + rng.normal(size=3000) * 0.3
    settings = {"objective": "regression", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": 1, "deterministic": True}
    booster = lightgbm.train(settings, lightgbm.Dataset(features, target), 120)
    names = [f"c{index}" for index in range(12)]

    def score(columns: Any) -> NDArray[np.float64]:
        made_of: NDArray[np.float64] = np.asarray(booster.predict(np.column_stack([columns[name] for name in names])))
        return made_of

    made = make_background(dict(zip(names, features.T, strict=True)), score, seed=0)
    exact = np.asarray(booster.predict(features[:40], pred_contrib=True))[:, :-1]
    ours = np.array([shapley(score, row_of(row, made), made).effects for row in features[:40]])
    assert np.median([np.corrcoef(one, other)[0, 1] for one, other in zip(ours, exact, strict=True)]) > 0.93
    assert np.corrcoef(np.argsort(np.argsort(np.abs(ours).mean(axis=0)))[:], np.argsort(np.argsort(np.abs(exact).mean(axis=0))))[0, 1] > 0.85
    assert np.mean(np.argmax(np.abs(ours), axis=1) == np.argmax(np.abs(exact), axis=1)) > 0.8


def test_a_reason_has_the_column_the_value_the_unit_and_what_is_usual() -> None:
    made = Background({"delay": np.array([-2.0, -2.0]), "late": np.array([0.0, 0.0])}, {"delay": -2, "late": 0}, {"delay": "min"})
    row = {"delay": np.array([45.0]), "late": np.array([1.0])}
    found = explain(lambda columns: columns["delay"] / 100 - columns["late"] / 10, row, made, task="binary", said={"late": True})
    first, second = found.strongest()
    assert first == {
        "column": "delay",
        "value": 45,
        "unit": "min",
        "effect": pytest.approx(0.47),
        "says": "delay is 45 min (typically -2 min): raises the probability by 0.47",
    }
    assert second["says"] == "late is true (typically false): lowers the probability by 0.1"
    assert found.strongest(1) == [first]


def test_of_several_classes_the_likeliest_is_told_and_a_missing_value_is_called_so() -> None:
    made = Background({"a": np.array([1.0, 3.0])}, {"a": 2})

    def score(columns: Any) -> NDArray[np.float64]:
        share = np.where(np.isnan(columns["a"]), 0.9, 0.2)
        return np.column_stack([1 - share, share])

    found = explain(score, {"a": np.array([np.nan])}, made, task="multiclass", classes=("low", "high"))
    assert [reason.says for reason in found.reasons] == ["a is missing (typically 2): raises the probability of high by 0.7"]
    assert found.score == 0.9


def test_a_package_tells_reasons_that_add_up_in_its_own_scores(made: Made) -> None:
    predictor = made.study.predictor(made.facts)
    row = {"size": [1.5], "kind": ["a"], "at": ["2026-01-20T15:00:00"], "count": [3], "flag": [True]}
    found, scores = predictor.explain(row), predictor.predict(row)
    assert found.score == pytest.approx(float(scores.score[0]), abs=1e-12)
    assert found.base + sum(reason.effect for reason in found.reasons) == pytest.approx(found.score, abs=1e-9)
    assert found.reasons[0].column == "size"
    assert isinstance(found.reasons[0], Reason)
    assert found == predictor.explain(row)


def test_a_date_is_said_with_a_space_and_a_text_as_it_is() -> None:
    at = np.array(["2026-01-05T08:00:00", "2026-01-05T08:00:00"], dtype="datetime64[us]")
    made = Background({"at": at, "sort": np.array(["A", "A"], dtype=object)}, {"at": "2026-01-05T08:00:00", "sort": "A"}, {"stay": "days"})
    row = {"at": np.array(["2026-01-05T09:30:00"], dtype="datetime64[us]"), "sort": np.array(["AT-T"], dtype=object)}
    found = explain(lambda columns: (columns["at"] > at[0]) * 2.0 + (columns["sort"] == "AT-T"), row, made, task="regression", target="stay")
    assert [reason.says for reason in found.reasons] == [
        "at is 2026-01-05 09:30:00 (typically 2026-01-05 08:00:00): raises the predicted stay by 2 days",
        "sort is AT-T (typically A): raises the predicted stay by 1 days",
    ]
