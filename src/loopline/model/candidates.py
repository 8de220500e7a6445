"""Candidates: how one is judged on the validation part, and which of several is best. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import Worth
from loopline.ledger.entry import digest
from loopline.model import policy
from loopline.model.evaluate import LOSS, Judged, metrics

BLOCKS = 20
"""Blocks of neighbouring validation rows whose mean worth is kept for each trial, to tell candidates apart."""


STUDENT = 1.73
"""The 0.95 quantile of Student's distribution with 19 degrees of freedom."""

STUDENT_OF_THE_BEST = 2.86
"""The 0.995 quantile: the best of many thresholds looks good by chance far more often than a single one does."""


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of a part, as far as judging needs them.

    Parameters
    ----------
    outcome
        Shape (n,): booleans (binary), texts (multiclass) or floats (regression).
    columns
        The columns that the worth reads and those whose slices are judged.
    """

    outcome: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Judge:
    """What judges scores: the task, its classes and what a decision is worth."""

    task: Task
    classes: Sequence[str]
    worth: Worth

    def best_policy(self, part: Part, score: NDArray[np.float64]) -> dict[str, Any]:
        """The policy that earns most on the part.

        A threshold is taken from the part only as far as the part can tell: where what the best one earns above the break-even
        probability is within what chance gives, the break-even stands, which is right for whichever rows come as long as the scores are
        probabilities. Measured on the bank data, whose validation part has hardly a row worth acting on at +1 and -1: the thresholds
        that earned most there lost up to 0.38 per decision in the year after, the break-even won up to 0.036.
        """
        if self.task == "multiclass":
            return {"kind": "most_likely"}
        if self.task == "regression":
            return {"kind": "value"}
        acted, rested = self._for_all(part)
        gain = acted - rested
        best, sound = policy.best_threshold(score, gain).threshold, policy.break_even(part.outcome, gain)
        if sound is not None and _within_noise(_blocks(np.where(score >= best, gain, 0.0) - np.where(score >= sound, gain, 0.0)), STUDENT_OF_THE_BEST):
            best = sound
        return {"kind": "threshold", "threshold": best}

    def without_model(self, known: Part, part: Part) -> tuple[NDArray[np.float64], str]:
        """The money of each decision on a part, shape (n,), by the one decision for all that earned most on known rows; and that rule in words."""
        decision = self.unaided(known)
        constant = policy.for_worth(self.task, np.full(len(part.outcome), decision))
        never = self.task == "binary" and decision == policy.REST
        rule = "never act" if never else f"always {decision:.4g}" if isinstance(decision, float) else f"always {decision}"
        return self.worth.per_row(constant, part.outcome, part.columns), rule

    def unaided(self, known: Part) -> str | float:
        """The one decision for all rows that earned most on known rows: ``act`` or ``rest``, the text of a class, or a number."""
        if self.task == "binary":
            acted, rested = self._for_all(known)
            return policy.ACT if acted.sum() > rested.sum() else policy.REST
        constant = self.worth.constant(known.outcome, 1)[0]
        return float(constant) if self.task == "regression" else str(constant)

    def quantile(self, part: Part) -> float:
        """The quantile of the outcome that earns most (regression): the share of the cost of a unit too low in the cost of both."""
        too_high = -float(self.worth.per_row(part.outcome + 1, part.outcome, part.columns).mean())
        too_low = -float(self.worth.per_row(part.outcome - 1, part.outcome, part.columns).mean())
        return float(np.clip(too_low / (too_low + too_high), 0.05, 0.95)) if min(too_low, too_high) > 0 else 0.5

    def _for_all(self, part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The money of each row when acting on all, and when acting on none."""
        rows = len(part.outcome)
        acted = self.worth.per_row(np.ones(rows, dtype=bool), part.outcome, part.columns)
        return acted, self.worth.per_row(np.zeros(rows, dtype=bool), part.outcome, part.columns)

    def judged(self, part: Part, score: NDArray[np.float64], rule: policy.Policy) -> Judged:
        """The decisions of a policy on the part, beside what happened."""
        decision = policy.for_worth(self.task, policy.decide(rule, score, self.classes))
        money = self.worth.per_row(decision, part.outcome, part.columns)
        return Judged(self.task, self.classes, part.outcome, decision, score, money, part.columns)


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate and what it was worth on the validation part.

    Parameters
    ----------
    settled
        What the fit found out by the validation rows, added to the parameters of the last fit.
    worth
        Money per decision; None where the candidate could not be fitted.
    loss
        The metric that ranks candidates whose worth cannot be told apart; less is better.
    blocks
        The mean worth of each block of neighbouring rows.
    """

    family: str
    params: Mapping[str, Any]
    settled: Mapping[str, Any]
    worth: float | None
    loss: float | None
    metrics: Mapping[str, float | None]
    policy: Mapping[str, Any]
    blocks: Sequence[float]
    seconds: float
    failed: str = ""

    @classmethod
    def unfitted(cls, family: str, params: Mapping[str, Any], seconds: float, why: str) -> Trial:
        """A candidate that could not be fitted."""
        return cls(family, dict(params), {}, None, None, {}, {}, (), round(seconds, 3), why)

    @property
    def key(self) -> str:
        """The digest of family and parameters."""
        return trial_key(self.family, self.params)

    def as_json(self) -> dict[str, Any]:
        """The trial as an entry's body."""
        return {**asdict(self), "blocks": list(self.blocks)}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Trial:
        """The trial from an entry's body; the inverse of `as_json`."""
        return cls(**body)


def trial_key(family: str, params: Mapping[str, Any]) -> str:
    """The digest of family and parameters: the same candidate is never computed twice."""
    return digest({"family": family, "params": params})


def judge_trial(
    judge: Judge, part: Part, family: str, params: Mapping[str, Any], settled: Mapping[str, Any], score: NDArray[np.float64], seconds: float
) -> Trial:
    """A fitted candidate as a trial, from its scores on the validation part."""
    rule = judge.best_policy(part, score)
    judged = judge.judged(part, score, rule)
    measured = metrics(judged)
    blocks = _blocks(judged.money).tolist()
    return Trial(family, dict(params), dict(settled), measured["worth"], measured[LOSS[judge.task]], measured, rule, blocks, round(seconds, 3))


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial that earns most; among those that cannot be told apart from it, the one with the least loss, then the earliest.

    Two trials cannot be told apart when the mean difference of their blocks is within what chance gives: the validation part is
    then too small to say who earns more, and the loss, which every row informs, decides.
    """
    fitted = [trial for trial in trials if trial.worth is not None]
    if not fitted:
        return None
    most = max(fitted, key=lambda trial: trial.worth or 0.0)
    alike = [trial for trial in fitted if trial is most or _alike(most, trial)]
    return min(alike, key=lambda trial: float("inf") if trial.loss is None else trial.loss)


def _alike(best: Trial, other: Trial) -> bool:
    return _within_noise(np.subtract(best.blocks, other.blocks))


def _blocks(money: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean money of each block of neighbouring rows."""
    return np.array([block.mean() for block in np.array_split(money, min(BLOCKS, len(money)))])


def _within_noise(gap: NDArray[np.float64], quantile: float = STUDENT) -> bool:
    """Whether chance alone gives a mean difference by blocks that is this far above zero more often than the quantile allows."""
    if len(gap) < 2:
        return not bool(np.any(gap))
    return bool(gap.mean() <= quantile * gap.std(ddof=1) / len(gap) ** 0.5)
