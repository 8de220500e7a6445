"""Ways to decide, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.model.alternatives import Alternative, of_means, side_by_side
from loopline.model.blocks import student
from loopline.model.candidates import Judge, Part
from loopline.model.estimates import of_ratio

_CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
_TERMS = {"binary": ("act_right", "act_wrong", "miss", "rest"), "multiclass": ("right", "wrong"), "regression": ("over", "under")}
_PRICES = st.one_of(st.floats(-100, 100), st.sampled_from(["amount * 2", "amount / (amount - amount)", "3 + amount * 0"]))


def drawn(task: str, count: int, rng: np.random.Generator) -> Any:
    if task == "binary":
        return rng.random(count) < 0.4
    return rng.choice(np.array(_CLASSES[task], dtype=object), count) if task == "multiclass" else rng.normal(size=count)


def made(task: Any, prices: Mapping[str, Any], seed: int, count: int = 90) -> tuple[Judge, Part, list[Alternative], Any]:
    rng = np.random.default_rng(seed)
    amount = np.where(rng.random(count) < 0.1, np.nan, rng.random(count) * 10)
    part = Part(drawn(task, count, rng), {"amount": amount})
    ways = [Alternative(name, "", drawn(task, count, rng)) for name in ("one", "two", "three")]
    return Judge(task, _CLASSES[task], Worth.of(WorthSpec(**prices), task)), part, ways, rng.integers(0, 12, count)


@given(st.sampled_from(sorted(_CLASSES)), st.data(), st.integers(0, 10_000))
def test_amounts_times_prices_are_the_money_and_its_error_is_that_of_the_blocks(task: str, data: st.DataObject, seed: int) -> None:
    prices = {name: data.draw(_PRICES) for name in _TERMS[task]}
    judge, part, ways, blocks = made(task, prices, seed)
    found = side_by_side(judge, part, ways, blocks)
    assert found["terms"] == list(_TERMS[task])
    assert found["is_money"] == [isinstance(prices[name], str) for name in found["terms"]]
    price = np.array([1.0 if isinstance(prices[name], str) else prices[name] for name in found["terms"]])
    money = [judge.worth.per_row(way.decision, part.outcome, part.columns) for way in ways]
    means = np.array(found["means"])
    assert means @ price == pytest.approx([each.mean() for each in money], abs=1e-9)
    covariance = np.array(found["covariance"])
    for ahead in ([1, 0, 0], [0, 1, -1]):
        weights = np.kron(ahead, price)
        told = of_ratio(np.asarray(ahead) @ np.array(money), np.ones(len(part.outcome)), blocks, level=0.5)
        assert told is not None
        error = float(np.sqrt(max(weights @ covariance @ weights, 0.0)))
        assert error == pytest.approx((told.high - told.low) / (2 * student(len(np.unique(blocks)), 0.5)), abs=1e-6)


def test_how_good_each_is_is_told_by_the_tasks_own_measures() -> None:
    judge, part, _, blocks = made("binary", {"act_right": 1.0}, 1)
    never, knows = side_by_side(judge, part, [Alternative("nothing", "", np.zeros(90, dtype=bool)), Alternative("perfect", "", part.outcome)], blocks)[
        "alternatives"
    ]
    assert never == {"name": "nothing", "says": "", "acted": 0.0, "precision": None, "recall": 0.0, "accuracy": None, "error": None}
    assert (knows["precision"], knows["recall"], knows["acted"]) == (1.0, 1.0, pytest.approx(part.outcome.mean()))
    judge, part, _, blocks = made("regression", {"over": -1.0}, 1)
    (off,) = side_by_side(judge, part, [Alternative("model", "", part.outcome + 2)], blocks)["alternatives"]
    assert off["error"] == pytest.approx(2.0) and off["accuracy"] is None


def test_neighbouring_blocks_that_are_alike_widen_what_is_sure_and_others_hardly_do() -> None:
    rng = np.random.default_rng(2)
    fresh = rng.normal(size=400)
    alike = np.zeros(400)
    for at in range(1, 400):
        alike[at] = 0.6 * alike[at - 1] + fresh[at]
    for days, wider in ((alike, 4.0), (fresh, 1.0), (-np.abs(fresh) * (-1) ** np.arange(400), 1.0)):
        values = np.stack([days, 2 * days], axis=1)
        (_, plain), (_, found) = (of_means(values, np.arange(400), in_order=asked) for asked in (False, True))
        assert found[0, 0] / plain[0, 0] == pytest.approx(wider, rel=0.25)
        assert found == pytest.approx(plain * found[0, 0] / plain[0, 0])
