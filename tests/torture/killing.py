"""A project that a delivery is on its way into, its process killed with no chance to tidy up, and how the project stands in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

import loopline
from bench.bench_kill import half_written
from loopline.data.batches import KINDS, holding
from loopline.data.quarantine.quarantine import QUARANTINE, balances
from loopline.data.spec import LINE, ROW
from loopline.lake.files import leftovers
from loopline.lake.tables import Tables

DECLARATION = """\
project: shop
charter:
  decision: Show this visitor an offer?
  predict: bought
  positive: "yes"
  worth: {{currency: EUR, act_right: 4, act_wrong: -4, miss: 0, rest: 0}}
data:
  sources:
    visits: {{path: deliveries/*.csv, key: visit, duplicates: first, mode: {mode}}}
  contract:
    pages: {{type: integer, min: 0}}
    price: {{type: number, clean: trim}}
    bought: {{type: category, values: ["yes", "no"]}}
"""


@dataclass(frozen=True)
class Way:
    """A way by which a delivery comes in.

    Parameters
    ----------
    words
        The command.
    mode
        What the source's mode is.
    file
        Where the delivery lies.
    """

    words: tuple[str, ...]
    mode: str = "append"
    file: str = "deliveries/second.csv"


WAYS = {
    "ingest": Way(("data", "ingest", "second.csv"), file="second.csv"),
    "run": Way(("run", "--until", "data")),
    "changed": Way(("data", "pull"), file="deliveries/first.csv"),
    "pull": Way(("data", "pull"), mode="upsert"),
    "replace": Way(("data", "pull"), mode="replace"),
}


def write(path: Path, rows: int, *, first: int = 0) -> None:
    """A delivery; of each hundred rows one repeats an earlier key, one breaks the contract, and now and then one cannot be cut into columns."""
    chance = random.Random(first)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.write("visit,pages,price,bought\n")
        for number in range(first, first + rows):
            key, rest = f"v{number:08}", number % 1000
            if rest % 100 == 3:
                file.write(f"v{max(first, number - 3):08},1,2.5,no\n")
            elif rest % 100 == 7:
                file.write(f"{key},-1,2.5,no\n")
            elif rest == 11:
                file.write(f"{key},1\n")
            elif rest == 13:
                file.write(f'{key},"1\n2",2.5,no\n')
            elif rest == 17:
                file.write(f"{key},1, 2.5 ,no\n")
            else:
                file.write(f"{key},{chance.randint(1, 20)},{chance.random() * 100:.2f},{'yes' if number % 3 else 'no'}\n")


def project(folder: Path, way: Way, rows: int) -> Path:
    """A project that has taken in a first delivery, and has a second one before it; the two share a tenth of their keys."""
    folder.mkdir(parents=True)
    (folder / "loopline.yaml").write_text(DECLARATION.format(mode=way.mode))
    write(folder / "deliveries" / "first.csv", rows // 5)
    done = command(folder, ("data", "pull"))
    assert done.returncode == 0, done.stderr
    write(folder / way.file, rows, first=rows // 10)
    return folder


def words_of(folder: Path, words: Sequence[str]) -> list[str]:
    """The command's words for a folder."""
    named = [str(folder / word) if word.endswith(".csv") else word for word in words]
    return [*named, "--folder", str(folder)]


def _process(folder: Path, words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "loopline.cli.main", *words_of(folder, words)]


def command(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The command, left alone."""
    return subprocess.run(_process(folder, words), capture_output=True, text=True, timeout=600)


def killed(folder: Path, words: Sequence[str], is_due: Callable[[], bool]) -> bool:
    """Start the command, and kill it once it is due; whether it was still alive."""
    process = subprocess.Popen(_process(folder, words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None:
        if is_due():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.001)
    return False


def after(seconds: float) -> Callable[[], bool]:
    """A moment, told by the clock from now on."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def after_sign(seen: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    """A moment so long after a sign is seen: the clock of a busy machine tells little."""
    since: list[float] = []

    def is_due() -> bool:
        if not since and seen():
            since.append(time.monotonic())
        return bool(since) and time.monotonic() >= since[0] + seconds

    return is_due


def signs(folder: Path) -> list[Callable[[], bool]]:
    """What is seen while a batch enters: it is copied, parts are staged, it is announced, and its tables get new versions."""
    lake = folder / ".loopline" / "lake"
    tables = lake / "tables" / "shop"
    known = _entries(folder)
    versions = {name: len(list((tables / name / "_delta_log").glob("*.json"))) for name in ("visits", QUARANTINE, "cleaned")}
    parts = len(list(tables.glob("*/*.parquet")))

    def grown(name: str) -> Callable[[], bool]:
        return lambda: len(list((tables / name / "_delta_log").glob("*.json"))) > versions[name]

    return [
        lambda: bool(list((lake / "blobs").glob("*/.*.staged"))),
        lambda: len(list(tables.glob("*/*.parquet"))) > parts,
        lambda: _entries(folder) > known,
        *(grown(name) for name in versions),
    ]


def _entries(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / '.loopline' / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM ledger_entries WHERE kind IN ('begun', 'batch', 'undone')").fetchone()[0])


@dataclass(frozen=True)
class End:
    """How a project stands: counts of batches, sums over the rows of its tables, and what is not as it should be."""

    counts: tuple[tuple[int, ...], ...]
    rows: int
    keys: int
    sums: tuple[int, ...]
    wrong: tuple[str, ...]


def end(folder: Path) -> End:
    """How the project stands."""
    with loopline.open(folder) as loop:
        workspace, tables = loop.workspace, Tables(loop.workspace.lake)
        held = holding(workspace.ledger.read(kinds=KINDS, subject="visits"))
        bodies = [entry.body for entry in held.held.values()]
        visits = tables.read("visits").collect()
        kept = tables.read(QUARANTINE).collect()
        told = balances(workspace.ledger, tables, ["visits"])
        wrong = {
            "the ledger is broken": not workspace.ledger.verify().intact,
            "a batch is open": held.begun is not None,
            "files are half-written": bool(half_written(workspace.lake.folder) or leftovers(workspace.lake, older_than=timedelta(0))),
            "a dead writer's mark is there": bool(list((workspace.lake.folder / "writers").iterdir())),
            "the books do not balance": any(body["read"] != body["accepted"] + body["quarantined"] + body["merged"] for body in bodies)
            or not all(balance.is_even for balance in told),
            "a line is in quarantine twice": bool(kept.select("table", "batch", "line").is_duplicated().any()),
            "a line is in both": bool(visits.join(kept, left_on=["__batch", LINE], right_on=["batch", "line"], how="semi").height),
        }
        cleaned = tables.read("cleaned").collect()
        counts = tuple(tuple(body[name] for name in ("read", "accepted", "quarantined", "merged")) for body in bodies)
        # Rows that were taken out again leave a gap in the numbers of rows: their order is what counts.
        ordered = visits.with_columns(pl.col(ROW).rank("ordinal"))
        sums = tuple(_sum(frame) for frame in (ordered, kept.drop("time", "moved"), cleaned))
        return End(counts, visits.height, visits["visit"].n_unique(), sums, tuple(what for what, is_so in wrong.items() if is_so))


def _sum(frame: pl.DataFrame) -> int:
    """A number that tells the rows of a frame from others, whatever their order."""
    texts = frame.select(pl.col(name).list.join("|") if kind == pl.List else name for name, kind in sorted(frame.schema.items()))
    return int(texts.hash_rows().sum() or 0)


def copied(start: Path, into: Path) -> Path:
    """A project as it was."""
    shutil.copytree(start, into)
    return into
