"""A real package is assessed from its test part, its predictor and its charter's worth."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.lake.blobs import Blobs
from loopline.model import policy
from loopline.model.assessment import cost
from loopline.model.assessment.case import Case, Seen
from loopline.model.assessment.pictures import draw
from loopline.model.assessment.report import assess
from loopline.model.candidates import Judge, Part
from loopline.model.columns import raw
from loopline.model.evaluate import outcomes
from loopline.model.predictor import Predictor, for_judging
from tests.model.conftest import Made
from tests.model.studies import WORTH


def case_of(made: Made) -> Case:
    """The case of a package, from what the model stage kept of its test part."""
    predictor, manifest = Predictor(made.package), made.package.manifest
    task, classes = predictor.task, predictor.classes
    judge = Judge(task, classes, Worth.of(WorthSpec.model_validate(WORTH[task]), task))
    evidence = pl.read_parquet(io.BytesIO(Blobs(made.study.workspace.lake).get(made.facts["evidence"])))
    columns = raw(evidence, [name for name in evidence.columns if not name.startswith("__")])
    outcome = outcomes(task, evidence["__outcome"].to_list(), "true" if task == "binary" else None)

    def score(given: Any) -> Any:
        return for_judging(predictor.predict(given))

    test = judge.judged(Part(outcome, columns), score(columns), predictor.policy)
    return Case(
        test=Seen(test, evidence["__block"].to_numpy(), columns[manifest["time"]] if manifest["time"] else None),
        decide=lambda scores, given: policy.for_worth(task, policy.decide(predictor.policy, scores, classes)),
        earn=judge.worth.per_row,
        perfect=judge.worth.perfect(outcome, columns),
        unaided=evidence["__unaided"].to_numpy(),
        rule=made.facts["worth"]["rule"],
        currency=made.facts["currency"],
        fairness=("kind",),
        score=score,
    )


def test_a_package_is_assessed_as_it_was_measured(made: Made) -> None:
    case = case_of(made)
    document = assess(case)
    worth = made.facts["worth"]
    assert document["worth"]["per_decision"]["value"] == pytest.approx(worth["per_decision"], rel=1e-5)
    assert document["worth"]["gain"]["value"] == pytest.approx(worth["gain"]["mean"], rel=1e-5)
    for name, value in made.facts["metrics"]["test"].items():
        found = document["metrics"]["test"][name]
        assert (None if found is None else found["value"]) == (None if value is None else pytest.approx(value, rel=1e-5)), name
    assert document["robustness"]["disturbed"][0]["change"]["value"] < 0
    assert draw(document)


def test_the_cost_of_a_package_is_measured(made: Made) -> None:
    case = case_of(made)
    assert case.score is not None
    document = assess(
        replace(case, cost={"bytes": cost.sizes(made.package.contents), "per_row": cost.per_row(case.score, case.test.judged.columns, singles=5)})
    )
    assert document["cost"]["bytes"]["total"] == sum(len(data) for data in made.package.contents.values())
    assert 0 < document["cost"]["per_row"]["batch_us"] < document["cost"]["per_row"]["single_us"]
    assert np.isfinite(document["cost"]["per_row"]["single_us"])
