"""What every family promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.model.baseline import Baseline, Constant
from loopline.model.families import Choice, Features, FitFailed, Fitted, NoGraph, Params, Problem, find
from loopline.model.graph import Piece
from loopline.model.promise import broken
from loopline.model.spec import FAMILIES, installed


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_built_in_family_keeps_every_promise(name: str) -> None:
    if not installed(name):
        pytest.skip(f"the extra {name} is not installed")
    assert broken(find(name)) == []


@dataclass(frozen=True, eq=False)
class Spoilt:
    """A constant with one thing spoilt."""

    held: Constant
    how: str

    def score(self, features: Features) -> NDArray[np.float64]:
        score = self.held.score(features)
        return {"shape": score[:3], "nan": score * np.nan, "beyond": score + 2, "parity": score * 0.999}.get(self.how, score)

    def graph(self, features: str, scores: str) -> Piece:
        if self.how == "no graph":
            raise NoGraph("it is a table of all answers")
        return Piece([]) if self.how == "refused" else self.held.graph(features, scores)

    def settled(self) -> dict[str, Any]:
        return {}

    def weights(self) -> NDArray[np.float64]:
        return np.ones({"weights": 6, "count": 2}.get(self.how, 0) or 6) * (self.how in ("weights", "count"))

    def __getstate__(self) -> dict[str, Any]:
        if self.how == "stays":
            raise TypeError("it holds a module")
        return dict(self.__dict__)


class Spoiler(Baseline):
    """A baseline with one thing spoilt."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.fits = 0

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        return [] if self.how == "portfolio" else [{}]

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        return {}

    def fit(self, problem: Problem, params: Params) -> Fitted:  # type: ignore[override]
        self.fits += 1
        if self.how == "unfit":
            raise FitFailed("it will not")
        fitted = super().fit(problem, params)
        return Spoilt(Constant(fitted.scores * (1 - 1e-3 * self.fits * (self.how == "again")), fitted.count_features), self.how)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("portfolio", "no setting"),
        ("unfit", "plain problem: it will not"),
        ("shape", "gives the shape"),
        ("nan", "not finite"),
        ("beyond", "no probabilities"),
        ("parity", "graph and score differ"),
        ("no graph", "has no graph: it is a table"),
        ("refused", "graph is refused"),
        ("again", "second fit"),
        ("stays", "cannot be sent from a worker: it holds a module"),
        ("weights", "no shares"),
        ("count", "one for each feature"),
    ],
)
def test_a_promise_that_is_broken_is_told(how: str, said: str) -> None:
    assert any(said in line for line in broken(Spoiler(how), ("binary",))), broken(Spoiler(how), ("binary",))


def test_a_constant_holds_to_every_direction() -> None:
    assert broken(Spoiler("nothing")) == []
