"""Tables: column by column, the same predictions, refusals and records as row by row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.lake.place import Lake
from loopline.serve.batch import check, score
from loopline.serve.log import Log
from loopline.serve.scorer import Scorer
from loopline.serve.segments import records
from loopline.serve.signature import Signature
from tests.serve.packages import make_package, scorer_of
from tests.serve.test_signature import column

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    made = {task: Lake(str(tmp_path_factory.mktemp(task))) for task in ("binary", "multiclass", "regression")}
    return {task: (lake, make_package(lake, task)) for task, lake in made.items()}


AGES = st.none() | st.integers(-(10**6), 10**6)
INCOMES = st.none() | st.floats(width=64, allow_nan=False, allow_infinity=False)
CITIES = st.none() | st.sampled_from(["Bern", "Oslo", 'a "quote"\nand more', "ü"])
TIMES = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
KEYS = st.none() | st.integers(0, 2**40)
ROWS = st.lists(st.fixed_dictionaries({"id": KEYS, "at": TIMES, "age": AGES, "income": INCOMES, "city": CITIES}), min_size=1, max_size=8)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@given(rows=ROWS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_say_the_same_as_rows(lakes, task, rows):
    lake, package = lakes[task]
    scorer = scorer_of(lake, package)
    schema = {"id": pl.Int64, "at": pl.Datetime("us"), "age": pl.Int64, "income": pl.Float64, "city": pl.String}
    sent = [row | {"at": row["at"] and row["at"].isoformat()} for row in rows]
    with Log(lake.log) as log:
        done = score(scorer, check(scorer.signature, pl.DataFrame(rows, schema=schema)), log)
        written = {record["id"]: record for part in records(lake.log, "predictions") for line in part.lines if (record := json.loads(line))}
    for place, row in enumerate(sent):
        made, problems = scorer.score([row], NOW)
        if problems:
            assert list(done.reasons[place]) == [problem.reason for problem in problems]
            continue
        (at,) = [index for index, kept in enumerate(done.places) if kept == place]
        record = written[done.out["prediction_id"][at]]
        assert record["score"] == pytest.approx(made[0].score, rel=1e-6, abs=1e-12)
        assert record["decision"] == pytest.approx(made[0].decision) if task == "regression" else record["decision"] == made[0].decision
        assert record["key"] == made[0].key
        assert set(record) == set(msgspec.to_builtins(made[0]))
        if row["at"]:
            assert datetime.fromisoformat(record["event_time"]) == datetime.fromisoformat(made[0].event_time)
        # A record's row can be sent again and says the same.
        assert scorer.score([record["row"]], NOW)[0][0].score == pytest.approx(made[0].score, rel=1e-6, abs=1e-12)


def test_texts_of_a_csv_are_read_as_the_signature_says(lakes):
    scorer: Scorer = scorer_of(lakes["binary"][0], lakes["binary"][1])
    times = ["31/12/2023 08:00", "01/02/2024 09:30", "NA"]
    frame = pl.DataFrame({"at": times, "age": ["30", "x", " 4 "], "income": ["1e3", "2", "inf"], "city": ["Bern", "NA", "Oslo"]})
    sheet = check(scorer.signature, frame, nulls=("NA",))
    assert sheet.reasons == {1: ["age: it is the text 'x'; expected a whole number"], 2: ["income: it is the text 'inf'; expected a number"]}
    assert sheet.typed["at"].to_list() == [datetime(2023, 12, 31, 8, tzinfo=UTC), datetime(2024, 2, 1, 9, 30, tzinfo=UTC), None]
    assert sheet.typed["city"].to_list() == ["Bern", None, "Oslo"]
    month_first = check(scorer.signature, frame[1:2], nulls=("NA",), written={"at": "%m/%d/%Y %H:%M"})
    assert month_first.typed["at"].to_list() == [datetime(2024, 1, 2, 9, 30, tzinfo=UTC)]


def test_every_type_is_read_from_text():
    texts = {"integer": "1", "number": "1", "text": "a", "category": "b", "boolean": "yes", "date": "2024-01-31", "datetime": "2024-01-31"}
    sheet = check(Signature.of([column(kind, kind) for kind in texts]), pl.DataFrame({kind: [text] for kind, text in texts.items()}))
    assert sheet.reasons == {}
    assert sheet.typed.row(0) == (1, 1.0, "a", "b", True, date(2024, 1, 31), datetime(2024, 1, 31, tzinfo=UTC))
