"""Frames: pandas in, pandas out; Polars in, Polars out; every row in its place."""

from __future__ import annotations

import json
import sys

import pandas
import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.model.signing import Trust
from loopline.serve.frame import score_frame
from loopline.serve.segments import records
from tests.serve.packages import framed, make_package

FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "at": ["2024-01-01", "2024-01-02T10:00:00Z", None],
        "age": [30, None, 40],
        "income": [1000.0, None, 2.0],
        "city": ["Bern", "Oslo", None],
        "y": [1, 2, 3],
    }
)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    made = {task: Lake(str(tmp_path_factory.mktemp(task))) for task in ("binary", "multiclass", "regression")}
    return {task: (lake, make_package(lake, task)) for task, lake in made.items()}


def logged(lake, kind="predictions"):
    return [json.loads(line) for part in records(lake.log, kind) for line in part.lines]


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        ("binary", ["id", "prediction_id", "score", "decision", "package", "refused"]),
        ("multiclass", ["id", "prediction_id", "score_a", "score_b", "score_c", "prediction", "decision", "package", "refused"]),
        ("regression", ["id", "prediction_id", "prediction", "decision", "package", "refused"]),
    ],
)
def test_every_row_is_there_with_what_its_task_says(lakes, task, columns):
    lake, package = lakes[task]
    out = framed(lake, package, FRAME)
    assert out.columns == columns
    assert out["id"].to_list() == [1, 2, 3]
    assert out["decision"].is_null().to_list() == [False, True, False]
    assert out["refused"].to_list() == [None, "age: it is null; expected a whole number", None]
    assert set(out["prediction_id"].drop_nulls()) <= {record["id"] for record in logged(lake)}


def test_pandas_in_pandas_out_with_its_index(lakes):
    lake, package = lakes["binary"]
    given = FRAME.to_pandas().set_index(pandas.Index(["x", "y", "z"])).astype({"city": "category"})
    given["at"] = pandas.to_datetime(given["at"], format="ISO8601", utc=True)
    out = framed(lake, package, given)
    assert isinstance(out, pandas.DataFrame)
    assert list(out.index) == ["x", "y", "z"]
    polars = framed(lake, package, FRAME)
    assert out["score"].tolist()[::2] == polars["score"].to_list()[::2]
    assert [record["event_time"] for record in logged(lake)][-2] == [record["event_time"] for record in logged(lake)][-4]


def test_a_frame_without_refusals_has_no_such_column(lakes):
    lake, package = lakes["binary"]
    assert "refused" not in framed(lake, package, FRAME.drop_nulls("age")).columns
    empty = framed(lake, package, FRAME.head(0))
    assert (empty.height, empty.columns) == (0, ["id", "prediction_id", "score", "decision", "package"])


def test_a_missing_column_is_named_with_the_nearest(lakes):
    lake, package = lakes["binary"]
    with pytest.raises(Mistake, match="'income' is missing.*'incme' is perhaps it"):
        framed(lake, package, FRAME.rename({"income": "incme"}))
    with pytest.raises(Mistake, match="list is no frame"):
        framed(lake, package, [1])


def test_pandas_is_not_needed(lakes, monkeypatch):
    # A None in sys.modules makes every import of it fail.
    monkeypatch.setitem(sys.modules, "pandas", None)
    lake, package = lakes["binary"]
    assert framed(lake, package, FRAME).height == 3


def test_before_any_release_the_remedy_is_told(lakes):
    with pytest.raises(Mistake, match="no package has been released yet; loopline run"):
        score_frame(lakes["binary"][0], None, FRAME, trust=Trust({}, {}))


def test_a_key_named_like_an_answer_is_refused(tmp_path):
    lake = Lake(str(tmp_path))
    with pytest.raises(Mistake, match="'score' has the name of a column of the answer"):
        framed(lake, make_package(lake, key="score"), FRAME.rename({"id": "score"}))
