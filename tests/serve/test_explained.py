"""Reasons outside the server: of a row that is given, and of a prediction that was answered, the same in both."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.serve.explained import typed
from loopline.serve.log import Log
from loopline.serve.recall import recall
from tests.serve.packages import ROW, make_package, scorer_of

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_prediction_is_found_in_the_log_and_told_as_its_row_is(lake, task):
    scorer = scorer_of(lake, make_package(lake, task))
    (made,), _ = scorer.score([ROW | {"id": 7}], NOW)
    with Log(lake.log) as log:
        log.append("predictions", msgspec.json.Encoder().encode_lines([made])).result()
    found = recall(lake, made.id)
    assert (found.package, found.row, found.score) == (scorer.package, ROW | {"id": 7}, made.score)
    told = scorer.explain(found.row)
    assert told == scorer.reasons(typed(scorer, lake, ROW))
    assert told.score == pytest.approx(made.score, abs=1e-12)
    assert told.base + sum(reason.effect for reason in told.reasons) == pytest.approx(made.score, abs=1e-9)


def test_an_id_that_nobody_was_told_is_a_mistake(lake):
    with pytest.raises(Mistake, match="no prediction '20240501-x'"):
        recall(lake, "20240501-x")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**ROW, "town": "x"}, "does not know town.*age"),
        ({}, "the row is empty"),
        ({**ROW, "age": "old"}, "age.*whole number"),
        ({"age": 1}, "income.*missing"),
    ],
)
def test_a_row_that_does_not_fit_is_a_mistake(lake, row, said):
    scorer = scorer_of(lake, make_package(lake))
    with pytest.raises(Mistake, match=said):
        typed(scorer, lake, row, where="row.json")


def test_a_package_without_a_background_says_so(lake):
    scorer = scorer_of(lake, make_package(lake, explains=False))
    with pytest.raises(Mistake, match="tells no reasons.*--fresh model"):
        scorer.reasons(typed(scorer, lake, ROW))
