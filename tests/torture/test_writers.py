"""Four processes that write at once: no update is lost, and who has to wait is told so in a line."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from tests.torture.killing import DECLARATION, WAYS, command, end, words_of, write

PROCESSES = 4
UPSERTS = """
import sys
import polars as pl
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
tables, me, rounds = Tables(Lake(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(rounds):
    # One row that is this process's own counter, one that only this round has, and one that all processes write.
    frame = pl.DataFrame({"key": [me, f"{me}-{number}", f"all-{number}"], "n": [number, number, number], "by": [me, me, me]})
    batch = f"{me}-{number}"
    if number % 2:
        with tables.stage("t") as staged:
            staged.add(frame)
            commit = tables.upsert_staged("t", staged, key=["key"], batch=batch)
    else:
        commit = tables.upsert("t", frame, key=["key"], batch=batch)
    assert not commit.repeated
    # The same batch once more changes nothing.
    assert tables.upsert("t", frame.with_columns(n=pl.lit(-1, pl.Int64)), key=["key"], batch=batch).repeated
"""


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=[pytest.mark.torture, pytest.mark.timeout(3600)])])
def test_upserts_into_one_table_at_once(rounds, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    names = [f"p{number}" for number in range(PROCESSES)]
    running = [subprocess.Popen([sys.executable, "-c", UPSERTS, lake.url, name, str(rounds)], stderr=subprocess.PIPE, text=True) for name in names]
    said = [process.communicate(timeout=3000)[1] for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, said
    rows = Tables(lake).read("t").collect()
    assert rows["key"].n_unique() == rows.height == PROCESSES + PROCESSES * rounds + rounds
    own = {key: (n, by) for key, n, by in rows.rows() if not key.startswith("all")}
    assert own == {name: (rounds - 1, name) for name in names} | {f"{name}-{number}": (number, name) for name in names for number in range(rounds)}
    assert sorted(rows.filter(pl.col("key").str.starts_with("all"))["n"]) == list(range(rounds))
    # One version that made the table, and one for each round of each process.
    assert Tables(lake).version("t").version == PROCESSES * rounds


def _started(folder: Path, file: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "loopline.cli.main", *words_of(folder, ("data", "ingest", file))], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("processes", "files"), [(2, 2), pytest.param(PROCESSES, 24, marks=[pytest.mark.torture, pytest.mark.timeout(3600)])])
def test_commands_that_take_in_deliveries_at_once(processes, files, tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARATION.format(mode=WAYS["pull"].mode))
    waiting = [f"{number}.csv" for number in range(files)]
    for number, file in enumerate(waiting):
        write(tmp_path / file, 2_000, first=1_000 * number)
    told: list[str] = []
    until = time.monotonic() + 600
    while waiting and time.monotonic() < until:
        running = [(file, _started(tmp_path, file)) for file in waiting[:processes]]
        for file, process in running:
            _, said = process.communicate(timeout=300)
            if process.returncode == 0:
                waiting.remove(file)
            else:
                (line,) = (line for line in said.splitlines() if line.startswith("loopline: "))
                assert process.returncode == 2 and "is already running project 'shop'" in line and "wait for it" in line, said
                told.append(line)
    assert not waiting
    ended = end(tmp_path)
    assert not ended.wrong
    assert len(ended.counts) == files
    assert ended.rows == ended.keys
    assert command(tmp_path, ("data", "ingest", "0.csv")).returncode == 0
    assert end(tmp_path) == ended
