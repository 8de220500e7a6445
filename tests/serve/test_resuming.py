"""Runs over a file that end before their time: the next one goes on, logs nothing twice, and ends with the same file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.data.spec import SourceSpec
from loopline.engine.step import Silence
from loopline.errors import Fault, Mistake
from loopline.lake.place import Lake
from loopline.serve.checkpoint import Run, checkpoint
from loopline.serve.files import score_file
from loopline.serve.log import Log
from loopline.serve.segments import records
from tests.serve.packages import make_package, scorer_of
from tests.serve.test_log import files_at_most

ROOT = Path(__file__).parents[2]
ROWS = 6_000
BLOCK = 200
RUN = """
import sys
from pathlib import Path
from tests.serve.test_resuming import run
print(run(Path(sys.argv[1]), sys.argv[2]).resumed)
"""


class Told(Silence):
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def run(folder, out="out.csv", source="in.csv", *, rows=BLOCK, shift=0.0, progress=None, **asked):
    lake = Lake(str(folder / "lake"))
    scorer = scorer_of(lake, make_package(lake, shift=shift))
    with Log(lake.log) as log:
        like = SourceSpec(path="x")
        return score_file(scorer, log, lake, folder / source, folder / out, like=like, written={}, progress=progress or Silence(), block_rows=rows, **asked)


def write_rows(file, rows=ROWS):
    """Rows of which one in seven has no age, one in a hundred lacks fields."""
    lines = [f"{at},{'old' if at % 7 == 0 else at % 90},{at % 1000}" + ("" if at % 100 == 0 else ",Bern") for at in range(rows)]
    file.write_text("id,age,income,city\n" + "\n".join(lines) + "\n")


def logged(folder, kind="predictions"):
    return [json.loads(line) for part in records(folder / "lake" / "log", kind) for line in part.lines]


def logged_ids(folder):
    """In no order: each attempt has a segment of the log, and these are not named in theirs."""
    return sorted(record["id"] for record in logged(folder))


def without_ids(frame):
    return frame.drop("prediction_id")


def parts(folder, out):
    return len([file for file in (folder / f".{out}.run").glob("[0-9]*.parquet") if file.stem.isdecimal()])


def has_logged(folder, count):
    return sum(file.read_bytes().count(b"\n") for file in (folder / "lake" / "log" / "predictions").glob("*.jsonl")) >= count


def killed_when(folder, out, is_due):
    """Start a run and kill it, with no chance to tidy up, once it is due; whether it was still at work."""
    process = subprocess.Popen([sys.executable, "-c", RUN, str(folder), out], cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        if is_due():
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.001)
    return False


@pytest.mark.parametrize(("out", "reader"), [pytest.param("out.csv", pl.read_csv, marks=pytest.mark.torture), ("out.parquet", pl.read_parquet)])
def test_killed_again_and_again_it_ends_like_an_undisturbed_run(tmp_path, out, reader):
    write_rows(tmp_path / "in.csv")
    moments = [lambda: has_logged(tmp_path, 1), lambda: parts(tmp_path, out) >= 6, lambda: parts(tmp_path, out) >= 15]
    assert all([killed_when(tmp_path, out, is_due) for is_due in moments])
    assert not (tmp_path / out).exists()
    done = run(tmp_path, out)
    assert done.resumed >= 15 * BLOCK
    frame = reader(tmp_path / out)
    assert logged_ids(tmp_path) == sorted(frame["prediction_id"]), "each prediction is logged once"
    assert frame["prediction_id"].n_unique() == frame.height
    assert len(logged(tmp_path, "refused")) == done.refused
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "undisturbed").mkdir()
    write_rows(tmp_path / "undisturbed" / "in.csv")
    other = run(tmp_path / "undisturbed", out)
    assert (done.rows, done.refused, other.resumed) == (other.rows, other.refused, 0)
    assert without_ids(frame).equals(without_ids(reader(other.out)))
    assert done.beside.read_bytes() == other.beside.read_bytes()


def stopped(folder, out="out.csv"):
    """A run whose log is full after some blocks."""
    with files_at_most(60_000), pytest.raises(Fault):
        run(folder, out)
    return sum(pl.read_parquet(file).height for file in (folder / f".{out}.run").glob("[0-9]*.parquet"))


def test_a_full_disk_stops_it_and_the_same_call_goes_on(tmp_path):
    write_rows(tmp_path / "in.csv", 1_000)
    before = stopped(tmp_path)
    told = Told()
    done = run(tmp_path, progress=told)
    assert done.resumed == before > 0
    assert f"{before:,} rows were done by a run that was stopped: it goes on behind them" in told.said
    assert logged_ids(tmp_path) == sorted(pl.read_csv(done.out)["prediction_id"])


@pytest.mark.parametrize(
    ("change", "asked", "says"),
    [
        (lambda folder: write_rows(folder / "in.csv", 1_001), {}, "rows"),
        (lambda folder: None, {"shift": 0.5}, "package"),
        (lambda folder: None, {"reasons": 1}, "options"),
    ],
)
def test_what_belongs_to_something_else_is_given_up(tmp_path, change, asked, says):
    write_rows(tmp_path / "in.csv", 1_000)
    stopped(tmp_path)
    change(tmp_path)
    told = Told()
    done = run(tmp_path, progress=told, **asked)
    assert done.resumed == 0
    assert f"changed since a run that was stopped: {says}; all rows are scored anew" in told.said
    assert pl.read_csv(done.out).height == done.rows - done.refused


def test_two_at_once_do_not_write_one_file(tmp_path):
    with (
        checkpoint(tmp_path / "out.csv", {}, {}),
        pytest.raises(Mistake, match=r"out.csv: another process is writing this file"),
        checkpoint(tmp_path / "out.csv", {}, {}),
    ):
        pass


def test_a_run_that_cannot_be_read_is_begun_anew(tmp_path):
    with pytest.raises(KeyboardInterrupt), checkpoint(tmp_path / "out.csv", {"rows": "a"}, {}) as kept:
        kept.begin("server")
        kept.add(3, pl.DataFrame({"a": [1]}), pl.DataFrame())
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), checkpoint(tmp_path / "out.csv", {"rows": "a"}, {}) as kept:
        assert (kept.line, kept.counts(), kept.run.servers) == (3, (1, 0), ("server",))
        raise KeyboardInterrupt
    (tmp_path / ".out.csv.run" / "run.json").write_text("{")
    with checkpoint(tmp_path / "out.csv", {"rows": "a"}, {}) as kept:
        assert (kept.line, kept.differs, kept.run.servers) == (0, (), ())
    assert not list(tmp_path.iterdir())


def test_runs_have_seeds_of_their_own():
    assert Run.new({}, {}).seed != Run.new({}, {}).seed


CELLS = st.sampled_from(["1", "30", "old", "NA", "2.5", ""])
DATES = st.sampled_from(["2024-01-31", "31/01/2024", "02/03/2024 08:00", "", "soon"])
LINES = st.lists(st.one_of(st.tuples(CELLS, DATES, CELLS, st.sampled_from(["Bern", "Oslo", '"a, b"'])), st.just(("1", "2"))), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("blocks")


def rows_of(file):
    """The rows of a file that was written, without their ids; JSON Lines without rows are an empty file."""
    if not file.stat().st_size:
        return pl.DataFrame()
    return without_ids({".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[file.suffix](file))


@given(lines=LINES, block=st.integers(1, 5), out=st.sampled_from(["csv", "parquet", "jsonl"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_of_any_size_give_the_same(folder, lines, block, out):
    (folder / "in.csv").write_text("age,at,income,city\n1,2024-01-31,1,Bern\n" + "\n".join(map(",".join, lines)) + "\n")
    cut, whole = run(folder, f"cut.{out}", rows=block), run(folder, f"whole.{out}", rows=1_000)
    assert (cut.rows, cut.refused) == (whole.rows, whole.refused)
    assert rows_of(cut.out).equals(rows_of(whole.out))
    assert (cut.beside and cut.beside.read_bytes()) == (whole.beside and whole.beside.read_bytes())
