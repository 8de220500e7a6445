"""A conversion keeps what it does not say that it loses; it accounts for every record, and writes wholly or not at all."""

from __future__ import annotations

import gzip
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loopline.data.convert.convert import Converted, convert, outlet, source_of
from loopline.engine.step import Silence
from loopline.errors import Mistake

NAMES = {
    "csv": "x.csv",
    "json": "x.json",
    "jsonl": "x.jsonl.gz",
    "parquet": "y.parquet",
    "arrow": "x.arrow",
    "excel": "x.xlsx",
    "sqlite": "x.db",
    "delta": "x.delta",
}
FORMATS = sorted(NAMES)


def run(source: Path | str, place: Path | str, **said: Any) -> Converted:
    force, into, to = said.pop("force", False), said.pop("into", "t"), said.pop("to", None)
    return convert(source_of(str(source), **said), outlet(str(place), to=to, into=into, source=str(source), force=force), progress=Silence())


def address(path: Path) -> dict[str, Any]:
    """How what was written is named to be read again."""
    return {"source": f"sqlite:///{path}", "table": "t"} if path.suffix == ".db" else {"source": path}


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6) | st.sampled_from(
    ["", "NA", "007", "1", "true", " x ", 'a"b,c', "é\n🙂", "2020-01-02"]
)
KINDS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "text": (pl.String(), TEXT),
    "int": (pl.Int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)),
    "small": (pl.Int16(), st.integers(-(2**15), 2**15 - 1)),
    "unsigned": (pl.UInt64(), st.integers(0, 2**64 - 1) | st.integers(0, 9)),
    "float": (pl.Float64(), st.floats() | st.sampled_from([0.1, 1.0, 2.0, 0.30000000000000004])),
    "single": (pl.Float32(), st.floats(width=32)),
    "bool": (pl.Boolean(), st.booleans()),
    "date": (pl.Date(), st.dates(date(1000, 1, 1))),
    "naive": (pl.Datetime("us"), st.datetimes(datetime(1000, 1, 1))),
    "moment": (pl.Datetime("us", "UTC"), st.datetimes(datetime(1000, 1, 1)).map(lambda value: value.replace(tzinfo=UTC))),
    "fine": (pl.Datetime("ns", "UTC"), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(lambda value: value.replace(tzinfo=UTC))),
    "zoned": (pl.Datetime("ms", "Europe/Oslo"), st.datetimes(datetime(1950, 1, 1), datetime(2030, 1, 1)).map(lambda value: value.replace(tzinfo=UTC))),
    "time": (pl.Time(), st.times()),
    "span": (pl.Duration("us"), st.timedeltas(timedelta(days=-1000), timedelta(days=1000))),
    "decimal": (pl.Decimal(20, 3), st.decimals(-1000, 1000, places=3)),
    "bytes": (pl.Binary(), st.binary(max_size=4)),
    "list": (pl.List(pl.Float64()), st.lists(st.floats(), max_size=3)),
    "record": (pl.Struct({"a": pl.Int64(), "b": pl.String()}), st.fixed_dictionaries({"a": st.integers(-9, 9), "b": TEXT})),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """A frame of any types, with nulls."""
    height = draw(st.integers(0, 4))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))
    columns = []
    for kind in kinds:
        dtype, values = KINDS[kind]
        cells = draw(st.lists(st.none() | values, min_size=height, max_size=height))
        columns.append(pl.Series(kind, cells, dtype=dtype, strict=False))
    return pl.DataFrame(columns)


def same(left: pl.Series, right: pl.Series) -> bool:
    return left.dtype == right.dtype and left.equals(right, null_equal=True)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(frame=frames(), other=st.sampled_from(FORMATS))
@example(frame=pl.DataFrame({"text": ["0", "NA"]}), other="arrow")
def test_what_is_not_said_to_be_lost_comes_back(kind: str, frame: pl.DataFrame, other: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame.write_parquet(folder / "in.parquet")
        there = run(folder / "in.parquet", folder / NAMES[kind])
        (folder / "2").mkdir()
        second = folder / "2" / NAMES[other]
        try:
            steps = [there, run(place=second, **address(folder / NAMES[kind])), run(place=folder / "out.parquet", **address(second))]
        except Mistake as error:
            # A file that names nothing, or has no record, is none to be read.
            assert not there.written or any(word in str(error) for word in ("no rows", "empty", "no cells", "no columns"))  # noqa: PT017
            return
        back = pl.read_parquet(folder / "out.parquet")
    losses = [loss for step in steps for loss in step.loses]
    lost = {loss.column for loss in losses}
    assert all(step.read == step.written + step.refused for step in steps)
    if "" in lost or any(step.refused for step in steps):
        return
    assert back.height == frame.height
    for column in frame.columns:
        if column not in lost:
            assert same(frame[column], back[column]), f"{kind}, {other}: {frame[column]} came back as {back[column]}, and nothing was said: {losses}"
        elif (
            column in back.columns
            and column not in ("list", "record")
            and not any(word in loss.what for loss in losses for word in ("missing", "NaN") if loss.column == column)
        ):
            assert frame[column].null_count() == back[column].null_count()


def test_types_of_a_csv_are_found_over_the_whole_file(tmp_path: Path) -> None:
    lines = ["a,b,c,d,e,f", *(f"{number},{number}.5,00{number % 9},2020-01-0{1 + number % 9},true,NA" for number in range(3000)), "x,NA,1,2020-01-02,,3"]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    done = run(tmp_path / "in.csv", tmp_path / "out.parquet")
    assert done.columns == {"a": "String", "b": "Float64", "c": "String", "d": "Date", "e": "Boolean", "f": "Int64"}
    assert (done.read, done.written, done.refused, done.loses) == (3001, 3001, 0, ())
    assert [note for note in done.notes if note.startswith("b:")] == ["b: 1 cells hold a word for missing, such as NA, and are null"]


def test_a_country_that_is_called_na_stays(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("country,n\nNA,1\nDE,2\n,3\n")
    run(tmp_path / "in.csv", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["country"].to_list() == ["NA", "DE", None]


def test_refused_records_are_kept_with_their_lines_and_reasons(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n{"a": \n\n{"a": 2}\n[3]\n')
    done = run(tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (done.read, done.written, done.refused) == (4, 2, 2)
    kept = [json.loads(line) for line in (tmp_path / "out.csv.refused.jsonl").read_text().splitlines()]
    assert [(item["line"], item["raw"]) for item in kept] == [(2, '{"a":'), (5, "[3]")]
    assert all(item["reasons"] for item in kept)
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n')
    assert run(tmp_path / "in.jsonl", tmp_path / "out.csv", force=True).refused_file == ""
    assert not (tmp_path / "out.csv.refused.jsonl").exists()


def test_what_a_format_cannot_hold_is_refused_and_counted(tmp_path: Path) -> None:
    pl.DataFrame({"a": ["x" * 40_000, "b", "c\x01"]}).write_parquet(tmp_path / "in.parquet")
    done = run(tmp_path / "in.parquet", tmp_path / "out.xlsx")
    assert (done.read, done.written, done.refused) == (3, 1, 2)
    assert "32,767" in (tmp_path / "out.xlsx.refused.jsonl").read_text()


def test_losses_are_said_only_where_they_occur(tmp_path: Path) -> None:
    pl.DataFrame({"a": ["x", None], "n": [1, 2**60], "t": [datetime(2020, 1, 1, 1, tzinfo=UTC), None]}).write_parquet(tmp_path / "in.parquet")
    assert run(tmp_path / "in.parquet", tmp_path / "out.csv").loses == ()
    assert {loss.column for loss in run(tmp_path / "in.parquet", tmp_path / "out.xlsx").loses} == {"n", "t"}
    assert {loss.column for loss in run(tmp_path / "in.parquet", tmp_path / "out.db").loses} == {"t"}
    pl.DataFrame({"a": ["x", None, ""]}).write_parquet(tmp_path / "in.parquet")
    (loss,) = run(tmp_path / "in.parquet", tmp_path / "2.csv").loses
    assert (loss.column, loss.what, loss.cells) == ("a", "empty text comes back as missing", 1)


def test_what_is_there_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    for name in NAMES.values():
        run(tmp_path / "in.csv", tmp_path / name)
        with pytest.raises(Mistake, match="already"):
            run(tmp_path / "in.csv", tmp_path / name)
        run(tmp_path / "in.csv", tmp_path / name, force=True)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_other_tables_of_a_database_stay(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    run(tmp_path / "in.csv", tmp_path / "x.db", into="one")
    run(tmp_path / "in.csv", f"sqlite:///{tmp_path}/x.db", into="two")
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY 1")] == ["one", "two"]
    connection.close()


@pytest.mark.parametrize(
    ("source", "place", "said", "what"),
    [
        ("in.csv", "out", {}, "does not tell the format"),
        ("in.csv", "out.xyz", {}, "does not tell the format"),
        ("none.csv", "out.csv", {}, "no such file"),
        ("in.csv", "none/out.csv", {}, "no such folder"),
        ("in.csv", "s3://b/out.csv", {}, "cannot be written to"),
        ("in.csv", "postgresql://me:secret@h/d", {}, "plain words"),
        ("in.csv", ".", {"to": "csv"}, "a folder"),
        ("in.csv", "folder", {"to": "delta"}, "no Delta table"),
        ("empty.json", "out.csv", {}, "no columns"),
        ("in.csv", "out.csv", {"table": "t"}, "belong to a database"),
        ("sqlite:///x.db", "out.csv", {}, "one table or one query"),
        ("sqlite:///x.db", "out.csv", {"table": "t"}, "no such database"),
        ("in.csv", "text.db", {}, "no SQLite database"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, place: str, said: dict[str, Any], what: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("a\n1\n")
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "text.db").write_text("no database" * 100)
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Mistake) as told:
        run(source, place, **said)
    assert what in str(told.value)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.db", "out.delta"])
def test_a_killed_conversion_leaves_what_was_there_or_all_that_is_new(tmp_path: Path, name: str) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "old.parquet")
    run(tmp_path / "old.parquet", tmp_path / name)
    pl.DataFrame({"a": range(1_000_000), "b": ["some text"] * 1_000_000}).write_parquet(tmp_path / "in.parquet")
    command = [sys.executable, "-m", "loopline.cli.main", "data", "convert", str(tmp_path / "in.parquet"), str(tmp_path / name), "--force", "--into", "t"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    begun = {"out.db": "out.db-journal", "out.delta": "out.delta/*.parquet"}.get(name, f".{name}.*.part")
    there = len(list(tmp_path.glob(begun)))
    while len(list(tmp_path.glob(begun))) == there and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run(place=tmp_path / "back.parquet", **address(tmp_path / name))
    assert pl.read_parquet(tmp_path / "back.parquet").height in (1, 1_000_000)


def test_files_are_packed_as_their_names_say(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,x\n")
    for name in ("o.csv.gz", "o.jsonl.zst", "o.json.gz"):
        run(tmp_path / "in.csv", tmp_path / name)
        assert run(tmp_path / name, tmp_path / f"{name}.parquet").read == 1
    assert gzip.decompress((tmp_path / "o.csv.gz").read_bytes()) == b"a,b\n1,x\n"


def test_decimals_keep_their_digits_in_text(tmp_path: Path) -> None:
    pl.DataFrame({"d": [Decimal("12345678901234567.123"), None]}, schema={"d": pl.Decimal(20, 3)}).write_parquet(tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.json")
    assert '"12345678901234567.123"' in (tmp_path / "out.json").read_text()
