"""Batches: what the rows lack is found in the lake, and refused rows say why."""

from __future__ import annotations

import json
from datetime import datetime

import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.serve.batch import check, score
from loopline.serve.filled import filled
from loopline.serve.log import Log
from loopline.serve.segments import records
from tests.serve.packages import LOOKUP, framed, make_package, scorer_of

INCOMES = pl.DataFrame({"city": ["Bern", "Bern"], "since": [datetime(2024, 1, 1), datetime(2024, 3, 1)], "amount": [100.0, 300.0], "__row": [0, 1]})
ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "at": ["2024-02-01T00:00:00", "2024-03-01T00:00:00", None, "2024-03-01T00:00:00"],
        "age": [30, 31, 32, 33],
        "city": ["Bern", "Bern", "Bern", "Oslo"],
    }
)


@pytest.fixture
def lake(tmp_path):
    made = Lake(str(tmp_path / "lake"))
    Tables(made).replace("incomes", INCOMES)
    return made


def sheet_of(lake, rows=ROWS, **more):
    scorer = scorer_of(lake, make_package(lake, lookup={**LOOKUP, **more}))
    return scorer, filled(check(scorer.signature, rows, where="rows"), scorer, lake, where="rows")


def test_columns_that_are_not_there_are_found_as_of_each_row(lake):
    _, sheet = sheet_of(lake)
    assert sheet.typed["income"].to_list() == [100.0, 300.0, None, None]
    assert sheet.reasons == {2: ["at: it is null, and incomes is looked up as of at; expected a time"]}


def test_columns_that_are_there_stand(lake):
    _, sheet = sheet_of(lake, ROWS.with_columns(income=pl.lit(7.0)))
    assert sheet.typed["income"].to_list() == [7.0] * 4
    assert sheet.looked_up is None


def test_without_the_time_rows_are_of_now(lake):
    assert sheet_of(lake, ROWS.drop("at"))[1].typed["income"].to_list() == [300.0, 300.0, 300.0, None]


def test_required_rows_for_which_nothing_is_found_are_refused(lake):
    _, sheet = sheet_of(lake, required=True)
    assert sheet.reasons[3] == ["income: it is missing, and incomes has nothing for the row as of at; expected it to be sent"]
    assert set(sheet.reasons) == {2, 3}


def test_what_it_is_looked_up_by_must_be_there(lake):
    with pytest.raises(Mistake, match="rows: the column 'shop' is missing, and income are looked up by it; add it, or add income"):
        sheet_of(lake, keys=[["shop", "city"]])


def test_a_table_that_has_lost_a_column_is_a_mistake(lake):
    Tables(lake).replace("incomes", INCOMES.drop("amount"))
    with pytest.raises(Mistake, match="table 'incomes' has no column 'amount'"):
        sheet_of(lake)


def test_the_log_says_what_was_found(lake, tmp_path):
    scorer, sheet = sheet_of(lake)
    with Log(tmp_path / "log") as log:
        score(scorer, sheet, log)
    logged = [json.loads(line) for part in records(tmp_path / "log", "predictions") for line in part.lines]
    assert [(one["row"]["id"], one["row"]["income"]) for one in logged] == [(1, 100.0), (2, 300.0), (4, None)]
    version = Tables(lake).version("incomes").version
    assert logged[0]["looked_up"] == {"incomes": {"found": True, "as_of": "2024-01-01T00:00:00.000000Z", "version": version, "columns": ["income"]}}
    assert logged[2]["looked_up"] == {"incomes": {"found": False, "as_of": None, "version": version, "columns": ["income"]}}


def test_a_frame_is_filled_too(lake):
    package = make_package(lake, lookup=LOOKUP)
    one, other = framed(lake, package, ROWS), framed(lake, package, ROWS.with_columns(income=pl.Series([100.0, 300.0, None, None])))
    assert one["score"].to_list()[:2] == other["score"].to_list()[:2]
    assert one["refused"].to_list()[2].startswith("at: it is null")
