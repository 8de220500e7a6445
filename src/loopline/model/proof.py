"""What candidates are proved on: for each fold a problem, and which of the judged rows it scores; kept in files that every worker maps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.families import Problem, Sample
from loopline.model.plan import Plan
from loopline.model.spec import Weighting
from loopline.model.weighting import weights

ROWS_FOR_LESS = 8_000
"""Training rows from which on a candidate is first tried on a share of them."""

SHARE = 0.25
"""That share."""

_ARRAYS = ("train", "target", "held", "held_target", "stake", "places")
_GAINS = ("gain", "held_gain")


@dataclass(frozen=True, eq=False)
class Trained:
    """One fold: its problem, the money at stake in each of its training rows (n,), and the places of its held rows among the judged ones.

    `plan` is how its features were made, where it was not read from files.
    """

    problem: Problem
    stake: NDArray[np.float64]
    places: NDArray[np.int64]
    repeat: int = 0
    plan: Plan | None = None

    def weighed(self, kind: Weighting) -> Problem:
        """The problem whose rows count as the kind says; what families keep for it is kept apart."""
        known = self.problem.memo.setdefault(f"weighed {kind}", {})
        if "problem" not in known:
            train = self.problem.train
            counted = weights(kind, train.target, self.stake, is_class=self.problem.task != "regression")
            # The gain is money already.
            gain = train.gain if train.gain is None or counted is None or kind == "worth" else train.gain * counted
            known["problem"] = replace(self.problem, train=replace(train, weights=counted, gain=gain), memo={})
        weighed: Problem = known["problem"]
        return weighed


@dataclass(frozen=True, eq=False)
class Proof:
    """All folds, and how many rows are judged."""

    folds: Sequence[Trained]
    rows: int

    @property
    def rungs(self) -> tuple[float, ...]:
        """The shares of a full trial's effort at which a candidate must show promise before it is given all."""
        repeats = 1 + max(fold.repeat for fold in self.folds)
        if repeats > 1:
            return (1 / repeats, 1.0)
        largest = max(len(fold.problem.train.target) for fold in self.folds)
        return (SHARE, 1.0) if largest >= ROWS_FOR_LESS else (1.0,)

    def at(self, effort: float) -> tuple[Trained, ...]:
        """The folds that a share of the effort pays for: the first repeat, or fewer rows of each fold."""
        repeats = 1 + max(fold.repeat for fold in self.folds)
        if effort >= 1:
            return tuple(self.folds)
        if repeats > 1:
            return tuple(fold for fold in self.folds if fold.repeat < max(1, round(effort * repeats)))
        return tuple(_fewer(fold, effort) for fold in self.folds)

    def save(self, folder: Path) -> None:
        """Write it to a folder."""
        said = []
        for number, fold in enumerate(self.folds):
            problem, held = fold.problem, fold.problem.validation
            if held is None:
                raise ValueError("a fold needs held rows")
            arrays = (problem.train.features, problem.train.target, held.features, held.target, fold.stake, fold.places)
            for name, array in zip((*_ARRAYS, *_GAINS), (*arrays, problem.train.gain, held.gain), strict=True):
                if array is not None:
                    np.save(folder / f"{number}.{name}.npy", np.ascontiguousarray(array))
            said.append({"repeat": fold.repeat, **_plain(problem)})
        (folder / "proof.json").write_text(json.dumps({"rows": self.rows, "folds": said}))

    @classmethod
    def load(cls, folder: Path) -> Proof:
        """The proof that a folder holds; its arrays are mapped, so that workers share them."""
        said = json.loads((folder / "proof.json").read_text())
        return cls(tuple(_loaded(folder, number, one) for number, one in enumerate(said["folds"])), said["rows"])


def _plain(problem: Problem) -> dict[str, Any]:
    names = ("task", "classes", "count_numbers", "seed", "quantile", "threads", "monotone", "rules", "by")
    return {name: list(value) if isinstance(value := getattr(problem, name), (tuple, list)) else value for name in names}


def _loaded(folder: Path, number: int, said: Mapping[str, Any]) -> Trained:
    train, target, held, held_target, stake, places = (np.load(folder / f"{number}.{name}.npy", mmap_mode="r") for name in _ARRAYS)
    gain, held_gain = (np.load(path) if (path := folder / f"{number}.{name}.npy").exists() else None for name in _GAINS)
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name != "repeat"}
    taught, judged = Sample(train, np.asarray(target), gain=gain), Sample(held, np.asarray(held_target), gain=held_gain)
    problem = Problem(train=taught, validation=judged, **fields)
    return Trained(problem, np.asarray(stake), np.asarray(places), said["repeat"])


def _fewer(fold: Trained, share: float) -> Trained:
    """The fold with a drawn share of its training rows, made once."""
    memo = fold.problem.memo.setdefault(f"share {share:g}", {})
    if "fold" not in memo:
        rows = len(fold.problem.train.target)
        drawn = np.sort(np.random.default_rng(fold.problem.seed).choice(rows, max(1, round(rows * share)), replace=False))
        fewer = replace(fold.problem, train=fold.problem.train.where(drawn), memo={})
        memo["fold"] = replace(fold, problem=fewer, stake=fold.stake[drawn])
    found: Trained = memo["fold"]
    return found
