"""Rows that are decided apart from the package's policy: a hold-out, which is decided without the model, and the arms of an experiment on policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import as_text
from loopline.errors import Mistake
from loopline.model.policy import ACT, REST, Policy
from loopline.model.predictor import Predictor, Scores
from loopline.serve.split import place

Units = Callable[[], Sequence[Mapping[str, str]]]
"""What each row is split by, as `loopline.serve.split.unit_of` tells it; asked only where something is split."""
Plain = str | float


@dataclass(frozen=True)
class Holdout:
    """A share of the units that is decided without the model.

    Parameters
    ----------
    share
        From 0 to 1; a greater share takes the units of a smaller one too.
    decision
        What is decided for them: ``act`` or ``rest``, a class or a number; None for what the package names as the best decision without it.
    """

    share: float
    salt: str
    decision: Plain | None = None


@dataclass(frozen=True)
class Policies:
    """A running experiment on policies: which share of the units each arm has, and by what policy it is decided.

    Parameters
    ----------
    experiment
        Id of the entry that began it.
    package
        The package whose policies they are; rows of others are left alone.
    arms
        From an arm's name to its share of the units and its policy; None for the package's own.
    """

    experiment: str
    package: str
    salt: str
    arms: Mapping[str, tuple[float, Policy | None]]


@dataclass(frozen=True)
class Apart:
    """What is decided apart now."""

    holdout: Holdout | None = None
    policies: Policies | None = None


@dataclass(frozen=True, eq=False)
class Decided:
    """The decisions of n rows, and how they came about.

    Parameters
    ----------
    decision
        Shape (n,).
    holdout
        Shape (n,): the rows that were decided without the model; None where there is no hold-out.
    instead_of
        Shape (n,): what the model decided of those rows, None for the others; None where there is no hold-out.
    experiment
        Id of the entry that began the experiment; None where none runs.
    arm
        Shape (n,): each row's arm, None for those that take no part; None where no experiment runs.
    """

    decision: NDArray[Any]
    holdout: NDArray[np.bool_] | None = None
    instead_of: NDArray[Any] | None = None
    experiment: str | None = None
    arm: NDArray[Any] | None = None

    def said(self, row: int) -> dict[str, Any]:
        """What a row's record says of it, by the record's fields; empty where nothing is split."""
        found: dict[str, Any] = {}
        if self.holdout is not None and self.instead_of is not None:
            found |= {"holdout": bool(self.holdout[row]), "instead_of": self.instead_of[row]}
        if self.arm is not None and self.arm[row] is not None:
            found |= {"experiment": self.experiment, "arm": self.arm[row]}
        return found

    def answered(self, row: int) -> dict[str, Any]:
        """What a row's answer says of it: whether it was held out, and its arm."""
        return {name: value for name, value in self.said(row).items() if name in ("holdout", "arm")}


class Decider:
    """Decides the rows of one package: by its policy, but for those that are decided apart.

    Raises
    ------
    Mistake
        When the hold-out's decision is none of the package's task.
    """

    def __init__(self, predictor: Predictor, apart: Apart) -> None:
        self.apart = apart
        self._predictor = predictor
        self._holdout = apart.holdout
        self._without = None if apart.holdout is None else without_model(apart.holdout, predictor)
        self._policies = apart.policies if apart.policies is not None and apart.policies.package == predictor.package else None

    @property
    def has_holdout(self) -> bool:
        """Whether a share of the rows is decided without the model."""
        return self._holdout is not None

    @property
    def has_arms(self) -> bool:
        """Whether an experiment on the package's policies runs."""
        return self._policies is not None

    def decide(self, scores: Scores, columns: Mapping[str, Any], units: Units) -> Decided:
        """The decisions of rows that were scored.

        Parameters
        ----------
        columns
            The raw columns that the scores are of.
        """
        if self._holdout is None and self._policies is None:
            return Decided(scores.decision)
        asked = units()
        held = np.zeros(len(asked), dtype=bool)
        if self._holdout is not None:
            salt, share = self._holdout.salt, self._holdout.share
            held = np.array([place(unit, salt) < share for unit in asked], dtype=bool)
        decision, experiment, arm = scores.decision, None, None
        if self._policies is not None:
            experiment, arm = self._policies.experiment, arms_of(asked, self._policies)
            arm[held] = None
            decision = self._by_arm(scores, columns, arm, self._policies)
        if self._without is None:
            return Decided(decision, experiment=experiment, arm=arm)
        instead_of = np.array([said if is_held else None for said, is_held in zip(decision.tolist(), held.tolist(), strict=True)], dtype=object)
        return Decided(np.where(held, self._without, decision), held, instead_of, experiment, arm)

    def _by_arm(self, scores: Scores, columns: Mapping[str, Any], arm: NDArray[Any], policies: Policies) -> NDArray[Any]:
        decision = scores.decision
        for name, (_, policy) in policies.arms.items():
            own = arm == name
            if policy is not None and own.any():
                decision = np.where(own, self._predictor.decide(policy, scores, columns), decision)
        return decision


def arms_of(units: Sequence[Mapping[str, str]], policies: Policies) -> NDArray[Any]:
    """The arm of each unit, shape (n,); None for a unit that takes no part."""
    names = np.array([*policies.arms, None], dtype=object)
    ends = np.cumsum([share for share, _ in policies.arms.values()])
    return np.asarray(names[np.searchsorted(ends, [place(unit, policies.salt) for unit in units], side="right")])


def without_model(holdout: Holdout, predictor: Predictor) -> Plain:
    """The decision of a package's rows that are held out.

    Raises
    ------
    Mistake
        When it is none of the package's task, or the package names none.
    """
    said = predictor.unaided if holdout.decision is None else holdout.decision
    if said is None:
        where = f"package {predictor.package[:12]}"
        raise Mistake("it does not say what is decided without it", where=where, remedy="say it: value.holdout: {share: 5%, decision: ...}")
    return fitting(said, predictor.task, predictor.classes, package=predictor.package)


def fitting(said: Plain, task: Task, classes: Sequence[str], *, package: str) -> Plain:
    """The decision of what is held out, in the words of a package's task.

    Raises
    ------
    Mistake
        When it is none of them.
    """
    if task == "regression":
        if isinstance(said, str):
            raise Mistake(f"{said!r} is no number, which the package decides", where="value.holdout.decision", remedy="say a number, or baseline")
        return float(said)
    known = (ACT, REST) if task == "binary" else classes
    if as_text(said) not in known:
        raise Mistake(
            f"{said!r} is no decision of package {package[:12]}", where="value.holdout.decision", remedy=f"say baseline, or one of: {', '.join(known)}"
        )
    return as_text(said)


NOTHING = Apart()
"""Nothing is decided apart."""
