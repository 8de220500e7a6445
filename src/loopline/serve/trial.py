"""A trial: the challenger of a rollout or an experiment beside the champion, which rows it answers or is only shown, and what it said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from loopline.ledger.store import Ledger
from loopline.release.rollout.course import KIND, newest
from loopline.serve.experiments import running
from loopline.serve.scorer import Prediction, Scorer, stamp
from loopline.serve.signature import Problem
from loopline.serve.split import place, unit_of


@dataclass(frozen=True)
class Trial:
    """What the rollout's leg gives the challenger.

    Parameters
    ----------
    kind
        ``canary``: it answers its rows. ``shadow``: the champion answers them, and the challenger's answer is only logged.
    share
        Share of the keys that it takes, 0 to 1.
    salt
        Id of the rollout: another rollout takes other keys, and a wider leg takes those of the narrower one too.
    leg
        Id of the entry that began the leg or the experiment; it stands in each record of it.
    """

    package: str
    kind: str
    share: float
    salt: str
    leg: str = ""

    @classmethod
    def of(cls, ledger: Ledger) -> Trial | None:
        """What the rollout that runs gives, or else an experiment on packages; None where no other package takes part."""
        course = newest(ledger.read(kinds=(KIND,)))
        given = None if course is None else course.traffic
        if course is not None and given is not None:
            return cls(course.package, given["kind"], given["share"], given["salt"], course.leg_entry)
        compared, decides = running(ledger, "package"), ledger.read(kinds=("champion",), newest_first=True, limit=1)
        if compared is None or not decides or decides[0].subject != compared.package:
            return None
        other = compared.arms[-1]
        return cls(other.package, "canary", other.share, compared.id, compared.id)

    def takes(self, row: object, key: Sequence[str]) -> bool:
        """Whether a row is the challenger's, by a hash of its key, or of the whole row where it has none: the same key always meets the same package."""
        return place(unit_of(row, key) if isinstance(row, Mapping) else row, self.salt) < self.share


class Shadow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a challenger said of a row that the champion answered, or why it could say nothing.

    Parameters
    ----------
    id
        Id of the champion's prediction.
    kind
        ``shadow``: the champion was to answer it. ``canary``: the challenger should have answered it, and could not.
    leg
        Id of the entry that began the rollout's leg.
    ms
        Time in milliseconds that it took, where the row was asked alone.
    """

    id: str
    time: str
    package: str
    kind: str
    leg: str = ""
    score: float | None = None
    scores: dict[str, float] | None = None
    decision: str | float | None = None
    ms: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Made:
    """What came of the rows of a request: a prediction of each or the problems of them, and what the challenger could not answer."""

    predictions: list[Prediction]
    problems: list[Problem]
    failed: list[Shadow]


@dataclass(frozen=True)
class Challenger:
    """The package on trial.

    Parameters
    ----------
    scorer
        None where it could not be loaded; `trouble` says why.
    """

    trial: Trial
    scorer: Scorer | None
    trouble: str = ""

    def answer(self, champion: Scorer, rows: Sequence[object], moment: datetime) -> Made:
        """The predictions of a request: the challenger's for its rows of a canary, the champion's for all others, and where the challenger fails."""
        taken = {at for at, row in enumerate(rows) if self.trial.takes(row, champion.key)} if self.trial.kind == "canary" else set()
        others = [at for at in range(len(rows)) if at not in taken]
        found, problems = _at(others, champion.score([rows[at] for at in others], moment, leg=self.trial.leg))
        said = dict(zip(sorted(taken), self._said([rows[at] for at in sorted(taken)], moment), strict=True))
        found |= {at: one for at, one in said.items() if isinstance(one, Prediction)}
        # A person waits for an answer: the champion gives it, and the failure counts against the challenger, unless the row is at fault.
        lost = [at for at, one in said.items() if not isinstance(one, Prediction)]
        instead, faults = _at(lost, champion.score([rows[at] for at in lost], moment, leg=self.trial.leg))
        problems = sorted([*problems, *faults], key=lambda problem: problem.row)
        if problems:
            return Made([], problems, [])
        found |= instead
        return Made([found[at] for at in sorted(found)], [], [self._failure(made, moment, str(said[at]), "canary") for at, made in instead.items()])

    def watch(self, champion: Scorer, rows: Sequence[object], answered: Sequence[Prediction], moment: datetime) -> Iterator[Shadow]:
        """What the challenger says of rows that the champion has answered: of its share of a shadow, and of all that are not its own in a canary.

        So both have decided on the same rows in every leg, and where outcomes do not depend on what is done they are compared pair by pair.
        """
        is_shadow = self.trial.kind == "shadow"
        own = [at for at, row in enumerate(rows) if self.trial.takes(row, champion.key) == is_shadow]
        for at, made in zip(own, self._said([rows[at] for at in own], moment), strict=True):
            if not isinstance(made, Prediction):
                yield self._failure(answered[at], moment, made, "shadow")
            else:
                yield Shadow(
                    id=answered[at].id,
                    time=made.time,
                    package=made.package,
                    kind="shadow",
                    leg=self.trial.leg,
                    score=made.score,
                    scores=made.scores,
                    decision=made.decision,
                    ms=made.ms,
                )

    def _said(self, rows: Sequence[object], moment: datetime) -> list[Prediction | str]:
        """Its prediction of each row, or why it has none; one row that it cannot score costs the others nothing."""
        if self.scorer is None or not rows:
            return [self.trouble] * len(rows)
        try:
            predictions, problems = self.scorer.score(rows, moment, leg=self.trial.leg)
        except Exception as error:  # whatever a package on trial meets must not reach who waits for an answer
            return self._apart(rows, moment) if len(rows) > 1 else [f"{type(error).__name__}: {error}"[:500]]
        if problems:
            return self._apart(rows, moment) if len(rows) > 1 else [problems[0].reason]
        return list(predictions)

    def _apart(self, rows: Sequence[object], moment: datetime) -> list[Prediction | str]:
        return [one for row in rows for one in self._said([row], moment)]

    def _failure(self, answered: Prediction, moment: datetime, why: str, kind: str) -> Shadow:
        return Shadow(id=answered.id, time=stamp(moment), package=self.trial.package, kind=kind, leg=self.trial.leg, error=why)


def _at(places: Sequence[int], made: tuple[list[Prediction], list[Problem]]) -> tuple[dict[int, Prediction], list[Problem]]:
    """Predictions by their place in the request, and problems with it."""
    predictions, problems = made
    return dict(zip(places, predictions, strict=True)) if not problems else {}, [replace(problem, row=places[problem.row]) for problem in problems]
