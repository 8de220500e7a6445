"""Two packages on the rows that were kept: every column is there for both, and what one has to do without is said."""

from __future__ import annotations

import io

import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.data.spec import HIDDEN
from loopline.model.candidates import Judge
from loopline.model.comparing import compare
from loopline.model.evidence import Kept
from loopline.model.predictor import Predictor
from tests.model.conftest import Made
from tests.model.studies import WORTH


def parquet(frame: pl.DataFrame) -> bytes:
    into = io.BytesIO()
    frame.write_parquet(into)
    return into.getvalue()


def evidence(made: Made) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(made.study.blobs().get(made.facts["evidence"])))


def judging(made: Made, predictor: Predictor) -> Judge:
    return Judge(predictor.task, predictor.classes, Worth.of(WorthSpec.model_validate({"currency": "EUR", **WORTH[made.study.task]}), predictor.task))


def test_every_column_of_the_table_is_kept_whatever_the_package_reads(made: Made) -> None:
    kept = set(evidence(made).columns)
    assert "same" in made.facts["left_out"] and {*made.study.frame.columns} <= kept
    assert not {*HIDDEN} & kept


@pytest.mark.parametrize("gone", ["size", "kind"])
def test_a_package_that_the_rows_lack_a_column_for_is_named_with_it(made: Made, gone: str) -> None:
    predictor = Predictor(made.package)
    whole, cut = (Kept.of(parquet(frame), predictor.task, frozenset()) for frame in (evidence(made), evidence(made).drop(gone)))
    assert (whole.lacks(predictor), cut.lacks(predictor)) == ([], [gone])
    judge = judging(made, predictor)
    says = compare(predictor, predictor, cut, judge).said["says"]
    assert says.count("\n") == 0 and f"{predictor.package[:8]} had to do without {gone}, which these rows do not have." in says
    assert "without" not in compare(predictor, predictor, whole, judge).said["says"]
