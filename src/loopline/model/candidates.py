"""Candidates: how one is judged on the validation part, and which of several is best. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.metrics import LESS_IS_BETTER
from loopline.charter.spec import Task
from loopline.charter.worth import Worth
from loopline.ledger.entry import digest
from loopline.model import policy
from loopline.model.deciding import Stake, choose, sureness
from loopline.model.evaluate import LOSS, METRICS, Judged, measured, metrics
from loopline.model.noise import in_blocks, within_noise
from loopline.model.spec import PolicySpec, Weighting


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of a part, as far as judging needs them.

    Parameters
    ----------
    outcome
        Shape (n,): booleans (binary), texts (multiclass) or floats (regression).
    columns
        The columns that worth and policy read and those whose slices are judged.
    time
        Shape (n,): when each row is about (datetime64), where the policy has a limit for each period.
    fold
        Shape (n,): by which fold's fit each row is scored, where there are several; a metric that ranks candidates is the mean of the folds',
        for scores of different fits need not lie on one scale.
    trust
        Shape (folds,): how much each fold's metric counts, beside its rows: a later block of time is more like the time to come.
    """

    outcome: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]
    time: NDArray[Any] | None = None
    fold: NDArray[np.int64] | None = None
    trust: NDArray[np.float64] | None = None

    def where(self, rows: NDArray[np.int64]) -> Part:
        """The same for some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        fold, time = (None if values is None else values[rows] for values in (self.fold, self.time))
        return Part(self.outcome[rows], columns, time, fold, self.trust)


@dataclass(frozen=True, eq=False)
class Judge:
    """What judges scores: the task, its classes and what a decision is worth.

    Parameters
    ----------
    by
        What ranks candidates: ``worth``, or a metric of the task.
    loss_worth
        The money that one unit of loss stands for when the search is steered by worth.
    declared
        What is declared of the policy.
    """

    task: Task
    classes: Sequence[str]
    worth: Worth
    by: str = "worth"
    loss_worth: float = 0.0
    declared: PolicySpec = PolicySpec()

    def steered(self, part: Part) -> Judge:
        """The same judge for a search on this part: where worths are alike, the loss tells candidates apart.

        The whole loss of a constant score stands for one standard error of the perfect decisions' money: what a part of this size cannot see.
        """
        rows = len(part.outcome)
        noise = float(self.worth.perfect(part.outcome, part.columns).std()) / rows**0.5 or 1.0 / rows**0.5
        judged = self.judged(part, self._constant(part), {"kind": "most_likely" if self.task == "multiclass" else "value"})
        loss = metrics(judged)[LOSS[self.task]]
        return replace(self, loss_worth=noise / loss if loss else 0.0)

    def _constant(self, part: Part) -> NDArray[np.float64]:
        """The scores that say the same of every row."""
        rows = len(part.outcome)
        if self.task == "binary":
            return np.full(rows, float(np.clip(part.outcome.mean(), 0.01, 0.99)))
        if self.task == "regression":
            return np.full(rows, float(np.median(part.outcome)))
        shares = np.array([max(float(np.mean(part.outcome == label)), 1e-3) for label in self.classes])
        return np.tile(shares / shares.sum(), (rows, 1))

    def value(self, judged: Judged, part: Part) -> float | None:
        """What the search makes as great as it can: the worth, with the loss where worths are alike, or the metric that ranks.

        Over several folds it is the mean of each fold's, by its rows and its trust.
        """
        if part.fold is None:
            return self._value(judged)
        numbers = [
            (number, len(rows), fold)
            for fold in np.unique(part.fold)
            if (number := self._value(judged.where(rows := np.flatnonzero(part.fold == fold)))) is not None
        ]
        shares = [count * (1.0 if part.trust is None else float(part.trust[fold])) for _, count, fold in numbers]
        return sum(number * share for (number, _, _), share in zip(numbers, shares, strict=True)) / sum(shares) if numbers else None

    def _value(self, judged: Judged) -> float | None:
        if self.by == "worth":
            loss = measured(METRICS[self.task][LOSS[self.task]], judged)
            return float(judged.money.mean()) - self.loss_worth * (loss or 0.0)
        number = measured(METRICS[self.task][self.by], judged)
        return -number if number is not None and self.by in LESS_IS_BETTER else number

    def best_policy(self, part: Part, score: NDArray[np.float64]) -> dict[str, Any]:
        """The policy that earns most on the part, as `loopline.model.deciding.choose` finds it; other tasks than binary have one of their own.

        Raises
        ------
        Mistake
            When a limit per period is declared, and the rows have no time.
        """
        if self.task == "multiclass":
            return {"kind": "most_likely"}
        if self.task == "regression":
            return {"kind": "value"}
        return choose(self.declared, self.worth, self._stake(part), score)

    def sure_policy(self, part: Part, score: NDArray[np.float64], rule: policy.Policy, blocks: NDArray[np.int64], *, seed: int) -> dict[str, Any]:
        """The policy that was chosen on the part, with ``chosen_on``: how sure the choice is. One that is declared was not chosen.

        Parameters
        ----------
        blocks
            Shape (n,): what each row is resampled with, as `loopline.model.blocks` gives them.
        """
        if self.task != "binary" or self.declared.threshold is not None:
            return dict(rule)
        return {**rule, "chosen_on": sureness(rule, self.worth, self._stake(part), score, blocks, seed=seed)}

    def _stake(self, part: Part) -> Stake:
        acted, rested = self._for_all(part)
        return Stake(part.outcome, acted, rested, part.columns, part.time)

    def without_model(self, known: Part, part: Part) -> tuple[NDArray[np.float64], str]:
        """The money of each decision on a part, shape (n,), by the one decision for all that earned most on known rows; and that rule in words."""
        decision = self.unaided(known)
        constant = policy.for_worth(self.task, np.full(len(part.outcome), decision))
        return self.worth.per_row(constant, part.outcome, part.columns), policy.say_for_all(self.task, decision)

    def unaided(self, known: Part) -> str | float:
        """The one decision for all rows that earned most on known rows: ``act`` or ``rest``, the text of a class, or a number."""
        if self.task == "binary":
            acted, rested = self._for_all(known)
            return policy.ACT if acted.sum() > rested.sum() else policy.REST
        usual = self.worth.constant(known.outcome, 1)[0]
        best = max((usual, *self._constants(known)), key=lambda one: float(self._of_all(known, one).sum()))
        return float(best) if self.task == "regression" else str(best)

    def _constants(self, known: Part) -> list[Any]:
        """What may earn more for all rows than the median, or the most frequent class: the quantile that the prices ask for, and classes of dear rows."""
        if self.task == "regression":
            share = self.quantile(known)
            return [] if np.isclose(share, 0.5) else [float(np.quantile(known.outcome, share, method="inverted_cdf"))]
        return list(np.unique(known.outcome)) if self.worth.columns else []

    def _of_all(self, known: Part, decision: Any) -> NDArray[np.float64]:
        return self.worth.per_row(np.full(len(known.outcome), decision), known.outcome, known.columns)

    def quantile(self, part: Part) -> float:
        """The quantile of the outcome that earns most (regression): the share of the cost of a unit too low in the cost of both."""
        too_high = -float(self.worth.per_row(part.outcome + 1, part.outcome, part.columns).mean())
        too_low = -float(self.worth.per_row(part.outcome - 1, part.outcome, part.columns).mean())
        return float(np.clip(too_low / (too_low + too_high), 0.05, 0.95)) if min(too_low, too_high) > 0 else 0.5

    def gain(self, part: Part) -> NDArray[np.float64]:
        """The money of acting on each row above that of resting, shape (n,), as it turned out (binary)."""
        acted, rested = self._for_all(part)
        return acted - rested

    def _for_all(self, part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The money of each row when acting on all, and when acting on none."""
        rows = len(part.outcome)
        acted = self.worth.per_row(np.ones(rows, dtype=bool), part.outcome, part.columns)
        return acted, self.worth.per_row(np.zeros(rows, dtype=bool), part.outcome, part.columns)

    def judged(self, part: Part, score: NDArray[np.float64], rule: policy.Policy) -> Judged:
        """The decisions of a policy on the part, beside what happened."""
        decided = policy.decide(rule, score, self.classes, part.columns)
        money = policy.money(rule, self.worth, decided, part.outcome, part.columns)
        decision = policy.for_worth(self.task, decided)
        return Judged(self.task, self.classes, part.outcome, decision, score, money, part.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One candidate and what it was worth on the judged rows.

    Parameters
    ----------
    weighting
        What its training rows count by.
    settled
        What the fits found out by their held rows, added to the parameters of the last fit.
    value
        What the search makes as great as it can; None where the candidate could not be fitted.
    worth
        Money per decision.
    loss
        The metric that ranks candidates whose worth cannot be told apart; less is better.
    blocks
        The mean worth of each block of neighbouring rows.
    effort
        The share of a full trial that it was given; below 1 it did not show enough promise.
    looked
        Its value at the first look, with little effort; None where there was none.
    scores
        The digest of its scores of the judged rows; empty where it has not had its full effort.
    seconds, worked_s
        How long it took, and how much of that was inside fits and predictions.
    scored_us
        Microseconds that the score of a row took; 0 where too few were scored to say.
    """

    family: str
    params: Mapping[str, Any]
    weighting: Weighting = "all"
    settled: Mapping[str, Any]
    value: float | None
    worth: float | None
    loss: float | None
    metrics: Mapping[str, float | None]
    policy: Mapping[str, Any]
    blocks: Sequence[float]
    effort: float = 1.0
    looked: float | None = None
    scores: str = ""
    seconds: float
    worked_s: float = 0.0
    scored_us: float = 0.0
    failed: str = ""

    @classmethod
    def unfitted(cls, family: str, params: Mapping[str, Any], weighting: Weighting, seconds: float, why: str) -> Trial:
        """A candidate that could not be fitted."""
        return cls(
            family=family,
            params=dict(params),
            weighting=weighting,
            settled={},
            value=None,
            worth=None,
            loss=None,
            metrics={},
            policy={},
            blocks=(),
            seconds=round(seconds, 3),
            worked_s=round(seconds, 3),
            failed=why,
        )

    @property
    def key(self) -> str:
        """The digest of family, parameters and weighting."""
        return trial_key(self.family, self.params, self.weighting)

    @property
    def is_whole(self) -> bool:
        """Whether it was fitted with its full effort."""
        return self.value is not None and self.effort >= 1

    def as_json(self) -> dict[str, Any]:
        """The trial as an entry's body."""
        return {**asdict(self), "blocks": list(self.blocks)}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> Trial:
        """The trial from an entry's body; the inverse of `as_json`."""
        return cls(**body)


def trial_key(family: str, params: Mapping[str, Any], weighting: Weighting = "all") -> str:
    """The digest of family, parameters and weighting: the same candidate is never computed twice."""
    return digest({"family": family, "params": params, "weighting": weighting})


def judge_trial(
    judge: Judge,
    part: Part,
    family: str,
    params: Mapping[str, Any],
    settled: Mapping[str, Any],
    score: NDArray[np.float64],
    *,
    weighting: Weighting = "all",
    effort: float = 1.0,
) -> Trial:
    """A fitted candidate as a trial, from its scores of the judged rows; its times and the place of its scores are added later."""
    rule = judge.best_policy(part, score)
    judged = judge.judged(part, score, rule)
    known = metrics(judged)
    return Trial(
        family=family,
        params=dict(params),
        weighting=weighting,
        settled=dict(settled),
        value=judge.value(judged, part),
        worth=known["worth"],
        loss=known[LOSS[judge.task]],
        metrics=known,
        policy=rule,
        blocks=in_blocks(judged.money).tolist(),
        effort=effort,
        seconds=0.0,
    )


def best_trial(trials: Sequence[Trial], *, by: str = "worth") -> Trial | None:
    """The trial that earns most; among those that cannot be told apart from it, the one with the least loss, then the earliest.

    Two trials cannot be told apart when the mean difference of their blocks is within what chance gives: the judged rows are
    then too few to say who earns more, and the loss, which every row informs, decides. Where a metric ranks, the best metric wins. Trials
    without their full effort count only where there are no others.
    """
    fitted = [trial for trial in trials if trial.is_whole] or [trial for trial in trials if trial.value is not None]
    if not fitted:
        return None
    if by != "worth":
        return max(fitted, key=lambda trial: trial.value or 0.0)
    most = max(fitted, key=lambda trial: trial.worth or 0.0)
    alike = [trial for trial in fitted if trial is most or _alike(most, trial)]
    return min(alike, key=lambda trial: float("inf") if trial.loss is None else trial.loss)


def is_no_poorer(one: Trial, other: Trial) -> bool:
    """Whether the rows do not say that one earns less than the other, beyond what chance gives."""
    return _alike(other, one)


def _alike(best: Trial, other: Trial) -> bool:
    return within_noise(np.subtract(best.blocks, other.blocks))
