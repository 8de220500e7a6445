"""What a family of models is, and how one is found by its name: the built-in ones register as one's own do."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.engine.local import resolve
from loopline.errors import LooplineError, Mistake
from loopline.model.graph import Piece
from loopline.model.spec import FAMILIES, offered

Params = Mapping[str, Any]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows to learn from: `features` (n, d) float32 with NaN for nulls; `target` (n,): 0 or 1, the class's place, or the value.

    `weights` (n,) says how much each row counts, with a mean of 1; None where all count the same. `gain` (n,) is the money that acting on the row
    earns above resting, as it turned out (binary); None where it tells no more than the target, or money does not rank candidates. In training
    rows that count differently it is multiplied by how much they do, unless they count by money.
    """

    features: Features
    target: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    gain: NDArray[np.float64] | None = None

    def where(self, rows: NDArray[np.int64]) -> Sample:
        """The same for some of the rows."""
        weights, gain = (None if values is None else values[rows] for values in (self.weights, self.gain))
        return Sample(np.ascontiguousarray(self.features[rows]), self.target[rows], weights, gain)


@dataclass(frozen=True, eq=False)
class Problem:
    """What there is to learn.

    Parameters
    ----------
    classes
        The class labels; for a binary task the negative one first.
    validation
        The rows that may say when to stop; None for the last fit, which learns from them too.
    count_numbers
        The first so many features are numbers; the rest are zeros and ones.
    quantile
        The quantile of the outcome that earns most (regression), where the worth says one; 0.5 is the median.
    threads
        Processors to use; a fit's result must not depend on it.
    monotone
        For each feature 1 where the score may only rise with it, -1 where it may only fall, else 0; empty where no feature is held so. A
        family that cannot hold to it says `FitFailed`.
    rules
        The places of the expert's rules among the features, in their order: 1 where the rule holds, else 0 or null.
    by
        What the validation rows judge by when a fit asks them when to stop: ``order`` (how well the scores rank, for what ranks can be put
        on its scale later), or ``loss``.
    effort
        The share of a full fit's effort, such as its number of trees, that this trial is worth so far.
    memo
        Whatever a family wants to keep from one trial to the next.
    """

    task: Task
    classes: Sequence[str]
    count_numbers: int
    train: Sample
    validation: Sample | None
    seed: int
    quantile: float = 0.5
    threads: int = 1
    monotone: Sequence[int] = ()
    rules: Sequence[int] = ()
    by: Literal["order", "loss"] = "loss"
    effort: float = 1.0
    memo: dict[str, Any] = field(default_factory=dict)


class Choice(Protocol):
    """Chooses a candidate's parameters; the search hands one to `Family.params`."""

    def number(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in an interval."""

    def integer(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number in an interval, both ends included."""

    def one_of(self, name: str, options: Sequence[str]) -> str:
        """One of some words."""


class Fitted(Protocol):
    """A fitted model."""

    def score(self, features: Features) -> NDArray[np.float64]:
        """Scores of n rows: probabilities of the positive class or values, shape (n,); a probability for each class, shape (n, k)."""

    def graph(self, features: str, scores: str) -> Piece:
        """The same as a piece of an ONNX graph: from the double tensor `features` (n, d) to the double tensor `scores` (n, 1 or k)."""

    def settled(self) -> dict[str, Any]:
        """What the fit found out by the validation rows, such as the number of rounds; plain values, added to the parameters of the last fit."""

    def weights(self) -> NDArray[np.float64]:
        """How much each feature counts, shape (d,): shares that add up to 1, or zeros."""


class FitFailed(ValueError):
    """These parameters cannot be fitted to these rows; the search goes on without them."""


class Family(Protocol):
    """A kind of model: its search space, and how it is fitted."""

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        """Strong settings that are tried before any search, the soundest first; at least one."""

    def params(self, problem: Problem, choice: Choice) -> dict[str, Any]:
        """The parameters chosen for the next candidate, with the names of `portfolio`."""

    def fit(self, problem: Problem, params: Params) -> Fitted:
        """A fitted model, the same for the same problem and parameters.

        Without validation rows the parameters hold what an earlier fit had `Fitted.settled`.

        Raises
        ------
        FitFailed
            When it cannot be fitted so.
        """


class NoGraph(ValueError):
    """A fitted model that cannot be written as an ONNX graph; it says why, and what to do in its place. It makes no package."""


def extra(name: str) -> Any:
    """The module of an optional library that a built-in family stands on.

    Raises
    ------
    Mistake
        When it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        said = f"the family {name!r} needs the extra {name!r}, which cannot be imported: {error}"
        raise Mistake(said, where="model.families", remedy=f"pip install 'loopline[{name}]'") from None


def find(name: str, folder: Path | None = None) -> Family:
    """The family with a name: a built-in one, an installed package's (an entry point of `GROUP`), or what one's own ``module:function`` returns.

    Parameters
    ----------
    folder
        The project's folder, where one's own modules are looked for first.

    Raises
    ------
    Mistake
        When there is no such module or function, it fails, it returns no family, or its extra is not installed.
    """
    where = "model.families"
    if ":" in name and folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    reference = FAMILIES.get(name) or offered().get(name, name)
    try:
        door = resolve(reference)
    except (ImportError, AttributeError, ValueError) as error:
        remedy = "write module:function, with the module beside loopline.yaml"
        raise Mistake(f"the family {name!r} cannot be loaded: {error}", where=where, remedy=remedy) from None
    try:
        family: Family = door()
    except LooplineError:
        raise
    except Exception as error:  # a user's function may raise anything
        said = f"the family {name!r} cannot be made: {type(error).__name__}: {error}"
        raise Mistake(said, where=where, remedy=f"{reference} takes no arguments and returns a family; mend it") from error
    absent = [verb for verb in ("portfolio", "params", "fit") if not callable(getattr(family, verb, None))]
    if absent or isinstance(family, type):
        what = "is a class, and its instance is wanted" if isinstance(family, type) else f"has no {' and no '.join(absent)}"
        said = f"the family {name!r} {what}"
        raise Mistake(said, where=where, remedy=f"let {reference} return an object with portfolio, params and fit (docs/model/families.md)")
    return family
