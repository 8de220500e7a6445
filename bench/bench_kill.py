"""``kill -9`` at random moments of `loopline run`, each followed by a run that goes on: it must end as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loopline
from bench.shop import command, make, run
from loopline.lake.tables import Tables

KILLS = int(os.environ.get("LOOPLINE_BENCH_KILLS", "50"))
SEED = 20130101


@dataclass(frozen=True)
class End:
    """How a project stands after a run.

    Parameters
    ----------
    stages
        What each stage came to.
    rows
        From a table's name to its number of rows.
    whole
        Whether the ledger's chain is intact and no file is half-written.
    entries
        How many entries the ledger has: one that was killed has more, for each attempt is one.
    """

    champion: str | None
    stages: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]
    whole: bool
    entries: int = field(compare=False)


def rows() -> Iterator[dict[str, Any]]:
    """The figures: how many of the killed runs ended as the one that was left alone."""
    same, resumed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        expected, seconds = undisturbed(Path(folder) / "undisturbed")
        for number, moment in enumerate(moments(KILLS, seconds)):
            project = make(Path(folder) / f"killed-{number}")
            resumed += kill_after(project, moment)
            run(project)
            same += end(project) == expected
    name = f"kill -9 at {KILLS} random moments of a run of {seconds:.1f} s"
    yield {"name": f"{name}: same champion and rows, all whole", "value": same, "unit": f"of {KILLS}", "baseline": None, "ratio": None, "goal": f">= {KILLS}"}
    yield {"name": f"{name}: died before its end", "value": resumed, "unit": f"of {KILLS}", "baseline": None, "ratio": None, "goal": None}


def undisturbed(project: Path) -> tuple[End, float]:
    """How a run ends that nobody kills, and the seconds that it takes."""
    make(project)
    since = time.perf_counter()
    run(project)
    return end(project), time.perf_counter() - since


def moments(count: int, seconds: float) -> list[float]:
    """Moments within a run, in seconds from its start; the same share of it each time."""
    chance = random.Random(SEED)
    return [chance.uniform(0, seconds) for _ in range(count)]


def kill_after(project: Path, seconds: float) -> bool:
    """Start a run and kill it after so long; whether it was still alive."""
    until = time.perf_counter() + seconds
    return kill_when(project, lambda: time.perf_counter() >= until)


def kill_when(project: Path, is_due: Callable[[], bool]) -> bool:
    """Start a run, and kill it and its children with no chance to tidy up, once it is due; whether it was still alive."""
    process = subprocess.Popen(command(project, "run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None:
        if is_due():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False


def entries(project: Path) -> int:
    """How many entries the project's ledger has at this moment; 0 before there is one."""
    place = project / ".loopline" / "ledger.db"
    try:
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as ledger:
            return int(ledger.execute("SELECT count(*) FROM ledger_entries").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def end(project: Path) -> End:
    """How a project stands."""
    with loopline.open(project) as loop:
        status, verdict, tables = loop.status(), loop.workspace.ledger.verify(), Tables(loop.workspace.lake)
        counted = tuple((name, tables.read(name).collect().height) for name in tables.names())
        whole = verdict.intact and not half_written(loop.workspace.lake.folder)
    return End(status.champion, tuple(f"{stage.stage}: {stage.state}" for stage in status.stages), counted, whole, verdict.entries)


def half_written(lake: Path) -> list[Path]:
    """The files that a killed writer left unfinished: staged ones, and blobs that are not what their name says."""
    files = [path for path in lake.rglob("*") if path.is_file()]
    staged = [path for path in files if path.name.endswith((".staged", ".tmp")) or re.search(r"#\d+$", path.name)]
    blobs = [path for path in (lake / "blobs").rglob("*") if path.is_file() and re.fullmatch("[0-9a-f]{64}", path.name)]
    return staged + [path for path in blobs if hashlib.sha256(path.read_bytes()).hexdigest() != path.name]
