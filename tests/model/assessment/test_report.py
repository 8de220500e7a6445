"""The whole assessment as one document."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopline.errors import Mistake
from loopline.model.assessment.report import PARTS, REFITS_AT_MOST, assess
from loopline.model.blocks import alone
from tests.model.assessment.cases import case

TASKS = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
def test_the_document_is_plain_json_and_each_part_says_a_sentence(task: Any) -> None:
    document = assess(case(task, 1500, refits=True))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert tuple(document) == tuple(PARTS)
    for part in document.values():
        assert part["says"].endswith(".")
        assert part["says"][0].isupper()


def test_the_same_case_gives_the_same_document() -> None:
    assert assess(case("binary", 800, refits=True)) == assess(case("binary", 800, refits=True))


def test_what_is_not_given_is_skipped_with_its_reason() -> None:
    made = replace(case("regression", 400), score=None, fairness=(), validation=None, volume_per_year=None)
    document = assess(made)
    skipped = {name: part["skipped"] for name, part in document.items() if "skipped" in part}
    assert set(skipped) == {"curves", "fairness", "over_seeds", "robustness", "learning_curve", "cost"}
    assert document["over_seeds"]["says"] == "Not measured: the model was not fitted with other seeds."
    assert "validation" not in document["metrics"]
    assert document["worth"]["gain_per_year"] is None


def test_the_money_is_that_of_the_rows() -> None:
    made = case("binary", 1000)
    document = assess(made)
    assert document["worth"]["per_decision"]["value"] == pytest.approx(made.test.judged.money.mean(), rel=1e-5)
    assert document["worth"]["gain"]["value"] == pytest.approx((made.test.judged.money - made.unaided).mean(), rel=1e-5)
    assert document["curves"]["worth"]["chosen"]["worth"] == document["worth"]["per_decision"]["value"]
    assert document["curves"]["worth"]["references"]["perfect foresight"] == document["worth"]["perfect"]


def test_rows_in_no_order_have_no_periods() -> None:
    made = case("binary", 500)
    document = assess(replace(made, test=replace(made.test, time=None, blocks=alone(500)), validation=None))
    assert document["over_time"]["skipped"] == "the rows are in no order of time"


def test_the_number_of_fits_is_bounded() -> None:
    made, fits = case("binary", 500, refits=True), list[int]()
    assert made.refit is not None
    assert made.lessons is not None
    refit, lessons = made.refit, made.lessons

    def counted(call: Any) -> Any:
        def fit(*given: Any) -> Any:
            fits.append(1)
            return call(*given)

        return fit

    assess(replace(made, refit=counted(refit), lessons=replace(lessons, fit_on=counted(lessons.fit_on))))
    assert len(fits) == REFITS_AT_MOST == 12


def test_a_column_of_fairness_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(Mistake, match=r"model.fairness: the column 'sex' is not in the table; there are: flag, hour"):
        replace(case("binary", 100), fairness=("sex",))


def test_a_part_without_rows_is_said_to_be_so() -> None:
    made = case("binary", 200)
    none = replace(made.test, judged=made.test.judged.where(np.zeros(0, dtype=int)), blocks=alone(0), time=None)
    nothing = np.zeros(0)
    document = assess(replace(made, test=none, perfect=nothing, unaided=nothing, validation=None, fairness=(), score=None))
    assert document["worth"]["skipped"] == "the test part has no rows"
    assert set(document["metrics"]["test"].values()) == {None}


def test_few_rows_and_one_outcome_are_no_trouble() -> None:
    for rows in (1, 5, 40):
        made = case("binary", rows)
        judged = replace(made.test.judged, outcome=np.zeros(rows, dtype=bool))
        document = assess(replace(made, test=replace(made.test, judged=judged), validation=None))
        assert document["metrics"]["test"]["roc_auc"] is None
        assert json.dumps(document, allow_nan=False)


def test_it_costs_seconds_at_most_beside_the_refits() -> None:
    """10,000 rows of 20 columns; it takes under a second where nothing else runs."""
    made = case("binary", 10_000)
    rng = np.random.default_rng(0)
    more = {f"column {number}": rng.normal(size=10_000) for number in range(15)}
    judged = replace(made.test.judged, columns={**made.test.judged.columns, **more})
    since = time.process_time()
    assess(replace(made, test=replace(made.test, judged=judged)))
    assert time.process_time() - since < 8


def test_costs_that_were_measured_are_told() -> None:
    fit = {"cpu_s": 3.2, "wall_s": 3.4, "peak_bytes": 25_000_000}
    document = assess(replace(case("binary", 200), cost={"fit": fit, "bytes": {"total": 1_500_000}, "per_row": {"single_us": 80.0, "batch_us": 2.0}}))
    said = "A fit takes 3.2 s of a processor and 25 MB of memory; the package has 1.5 MB; a score takes 80 us alone and 2 us in a batch."
    assert document["cost"]["says"] == said
