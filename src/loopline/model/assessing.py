"""What a package's assessment is made of: its judged rows, its scores, and the fits that are made anew for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model import calibration, policy
from loopline.model.assessment.case import Case, Lessons, Seen
from loopline.model.assessment.report import assess
from loopline.model.candidates import Part
from loopline.model.choosing import Choice
from loopline.model.columns import raw
from loopline.model.export import Candidate
from loopline.model.families import find
from loopline.model.material import Material
from loopline.model.predictor import Predictor, for_judging
from loopline.model.proving import features_of
from loopline.model.split import Index
from loopline.model.unaided import best_way
from loopline.workspace import Job

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]


def assessed(job: Job, material: Material, candidate: Candidate, choice: Choice, predictor: Predictor) -> dict[str, Any]:
    """The assessment of a package, as `loopline.model.assessment.report.assess` gives it."""
    order, rows = material.order, material.parts.test
    worth = order.judge.worth
    columns = _columns(material, predictor, rows)
    part = replace(material.part(rows), columns=columns)
    test = _seen(material, part, rows, for_judging(predictor.predict(columns)), predictor.policy)
    judged = replace(material.part(material.judged), columns=_columns(material, predictor, material.judged))
    beaten = best_way(material)
    job.progress.say("assessing the package" + (", with some fits made anew" if order.model.assess.refits else ""))

    def decide(scores: Floats, given: Columns) -> NDArray[Any]:
        decision = policy.decide(predictor.policy, scores, order.classes, given)
        return policy.for_worth(order.task, decision)

    refits = _Refits(job, material, candidate, choice) if order.model.assess.refits else None
    case = Case(
        test=test,
        decide=decide,
        earn=worth.per_row,
        perfect=worth.perfect(part.outcome, part.columns),
        unaided=beaten.test,
        rule=beaten.says,
        currency=worth.currency,
        seed=order.model.seed,
        volume_per_year=(job.step.reads.get("stop") or {}).get("per_year"),
        validation=_seen(material, judged, material.judged, choice.scores, predictor.policy),
        fairness=order.model.fairness,
        score=lambda given: for_judging(predictor.predict(given)),
        refit=None if refits is None else refits.with_seed,
        lessons=None if refits is None else refits.lessons(predictor),
    )
    return assess(case)


def _columns(material: Material, predictor: Predictor, rows: Index) -> dict[str, NDArray[Any]]:
    order = material.order
    names = dict.fromkeys((*predictor.columns, *sorted(order.priced), *order.slices, *order.model.fairness))
    return raw(material.frame, list(names), rows)


def _seen(material: Material, part: Part, rows: Index, scores: Floats, rule: policy.Policy) -> Seen:
    time = material.order.time
    moments = raw(material.frame, [time], rows)[time] if time is not None else None
    return Seen(material.order.judge.judged(part, scores, rule), material.blocks(rows), moments)


class _Refits:
    """Fits of the chosen candidate's heaviest member that are made anew."""

    def __init__(self, job: Job, material: Material, candidate: Candidate, choice: Choice) -> None:
        heaviest = max(choice.chosen, key=lambda one: one.weight)
        self._trial = heaviest.trial
        self._family = find(heaviest.trial.family, job.folder)
        self._material = material
        self._candidate = candidate
        self._last = choice.last

    def with_seed(self, seed: int) -> Floats:
        """The scores of the test rows by the member as the last fold's rows teach it with another seed."""
        problem = replace(self._last.weighed(self._trial.weighting), seed=seed, memo={})
        fitted = self._family.fit(problem, self._trial.params)
        assert self._last.plan is not None
        features = features_of(self._material, self._last.plan, self._material.parts.test)
        return calibration.apply(self._candidate.calibration, fitted.score(features))

    def lessons(self, predictor: Predictor) -> Lessons:
        """Fits to fewer rows of the last fold, judged on the rows that it holds out."""
        material, last = self._material, self._last
        rows = material.judged[last.places]
        part = replace(material.part(rows), columns=_columns(material, predictor, rows))
        held = last.problem.validation
        assert held is not None
        scores = np.zeros((len(rows), *((len(material.order.classes),) if material.order.task == "multiclass" else ())))
        seen = _seen(material, part, rows, scores, predictor.policy)

        def fit_on(places: Index, seed: int) -> Floats:
            fewer = replace(last.problem, train=last.problem.train.where(places), seed=seed, memo={})
            fitted = self._family.fit(replace(last, problem=fewer, stake=last.stake[places]).weighed(self._trial.weighting), self._trial.params)
            return calibration.apply(self._candidate.calibration, fitted.score(held.features))

        return Lessons(len(last.problem.train.target), fit_on, seen)
