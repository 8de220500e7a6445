"""Files: whole under their name or not there, and nothing refused in silence."""

from __future__ import annotations

import json

import polars as pl
import pytest

from loopline.data.spec import SourceSpec
from loopline.engine.step import Silence
from loopline.errors import Fault, Mistake
from loopline.lake.place import Lake
from loopline.serve.files import score_file
from loopline.serve.log import Log
from loopline.serve.segments import records
from tests.serve.packages import make_package, scorer_of
from tests.serve.test_log import files_at_most

CSV = "id,age,income,city,extra\n1,30,1000,Bern,x\n2,old,NA,Oslo,x\n3,40,,NA,x\n4,50,1\n"


@pytest.fixture
def bench(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    scorer = scorer_of(lake, make_package(lake))
    (tmp_path / "in.csv").write_text(CSV)
    with Log(lake.log) as log:

        def run(source="in.csv", out="out.csv", **asked):
            like = SourceSpec(path="x")
            return score_file(scorer, log, lake, tmp_path / source, tmp_path / out, like=like, written={}, progress=Silence(), **asked)

        run.folder, run.lake = tmp_path, lake
        yield run


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in ("lake", "in.csv"))


@pytest.mark.parametrize(("out", "reader"), [("out.csv", pl.read_csv), ("out.parquet", pl.read_parquet), ("out.jsonl", pl.read_ndjson)])
def test_the_ending_says_the_format_and_refused_rows_stand_beside(bench, out, reader):
    done = bench(out=out)
    frame = reader(bench.folder / out)
    assert (done.rows, done.refused, done.ignored) == (4, 2, ("extra",))
    assert frame["id"].to_list() == [1, 3]
    assert frame.columns == ["id", "prediction_id", "score", "decision", "package"]
    beside = pl.read_csv(done.beside)
    assert beside["line"].to_list() == [3, 5]
    assert "age: it is the text 'old'; expected a whole number" in beside["reasons"][0]
    assert beside["raw"].to_list() == ["2,old,NA,Oslo,x", "4,50,1"]
    assert names(bench.folder) == sorted([out, "out.refused.csv"])
    kept = [json.loads(line) for part in records(bench.lake.log, "refused") for line in part.lines]
    assert [record["raw"] for record in kept] == beside["raw"].to_list()
    ids = {json.loads(line)["id"] for part in records(bench.lake.log, "predictions") for line in part.lines}
    assert ids == set(frame["prediction_id"])


def test_without_refusals_nothing_stands_beside_not_even_an_old_one(bench):
    bench()
    (bench.folder / "in.csv").write_text("id,age,income,city\n1,30,1000,Bern\n")
    assert bench().beside is None
    assert names(bench.folder) == ["out.csv"]


def test_without_a_key_the_line_says_which_row_it_is(bench):
    (bench.folder / "in.csv").write_text("age,income,city\n30,1,Bern\nold,1,Bern\n31,1,Bern\n")
    bench()
    assert pl.read_csv(bench.folder / "out.csv")["line"].to_list() == [2, 4]


def test_whole_periods_need_a_limit_that_counts_by_them(bench):
    with pytest.raises(Mistake, match="has no limit per day or the like"):
        bench(whole_periods=True)
    assert names(bench.folder) == []


def test_parquet_is_read_with_its_types(bench):
    pl.DataFrame({"id": [5], "age": [30.0], "income": [1], "city": ["Bern"]}).write_parquet(bench.folder / "in.parquet")
    assert bench("in.parquet").rows == 1


@pytest.mark.parametrize(
    ("source", "out", "says"),
    [
        ("none.csv", "out.csv", "no such file"),
        (".", "out.csv", "folder"),
        ("in.csv", "out.xlsx", "no format of ours"),
        ("in.csv", "lake", "no format"),
        ("in.csv", "nowhere/out.csv", "no such folder"),
        ("in.csv", "in.csv", "overwrite"),
        ("empty.csv", "out.csv", "empty"),
        ("header.csv", "out.csv", "no rows"),
        ("other.csv", "out.csv", "'age' is missing"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_left(bench, source, out, says):
    (bench.folder / "empty.csv").write_text("")
    (bench.folder / "header.csv").write_text("id,age,income,city\n")
    (bench.folder / "other.csv").write_text("a,b\n1,2\n")
    before = names(bench.folder)
    with pytest.raises(Mistake, match=says) as caught:
        bench(source, out)
    assert "\n" not in str(caught.value)
    assert names(bench.folder) == before


def test_a_full_disk_leaves_the_old_file_whole(bench):
    bench()
    before = (bench.folder / "out.csv").read_bytes()
    (bench.folder / "in.csv").write_text("id,age,income,city\n" + "1,30,1000,Bern\n" * 200)
    with files_at_most(5000), pytest.raises((Fault, OSError)):
        bench()
    assert (bench.folder / "out.csv").read_bytes() == before
    assert names(bench.folder) == [".out.csv.run", "out.csv", "out.refused.csv"], "and what the next call goes on with"


def test_reasons_stand_in_columns_of_their_own(bench):
    bench(reasons=4)
    frame = pl.read_csv(bench.folder / "out.csv")
    assert frame.columns[-4:] == ["reason_1", "reason_2", "reason_3", "reason_4"]
    assert "age is 30 (typically 40): " in " ".join(frame.row(0)[-4:-1])
    assert "income is 1000 EUR: " in " ".join(frame.row(0)[-4:-1])
    assert "city is missing (typically Bern): " in " ".join(value for value in frame.row(1)[-4:] if value)
    assert frame["reason_4"].to_list() == [None, None]


def test_reasons_that_a_package_does_not_tell_are_a_mistake(bench, tmp_path):
    scorer = scorer_of(bench.lake, make_package(bench.lake, explains=False))
    with Log(bench.lake.log) as log, pytest.raises(Mistake, match="tells no reasons.*--fresh model"):
        like = SourceSpec(path="x")
        score_file(scorer, log, bench.lake, tmp_path / "in.csv", tmp_path / "no.csv", like=like, written={}, progress=Silence(), reasons=1)
    assert not (tmp_path / "no.csv").exists()
