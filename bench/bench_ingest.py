"""A large CSV into a versioned table: read, checked, profiled, with its quarantine; beside a bare copy of it to Parquet, in turn."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import orders

ROWS = int(os.environ.get("LOOPLINE_BENCH_ROWS", "5000000"))
PAIRS = int(os.environ.get("LOOPLINE_BENCH_PAIRS", "3"))
_MIB = 1024


@dataclass(frozen=True)
class Run:
    """A process that has ended: its seconds, and the greatest memory that it had, in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def rows() -> Iterator[dict[str, Any]]:
    """The figures of an ingest, of a dry run, and of four times as many rows."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        small = orders.write(place / "small.csv", ROWS)
        name = f"{ROWS:,} rows x 10 columns of CSV"
        runs = [(copied(small, place), ingested(small, place, keyed=True), checked(small, place), counted(small, place)) for _ in range(PAIRS)]
        copy, ingest, check, count = (_middle([run[index] for run in runs]) for index in range(4))
        ratio = statistics.median(run[1].wall_s / run[0].wall_s for run in runs)
        yield _row(f"{name}: ingest, beside a bare copy to Parquet", ingest.wall_s, "s", copy.wall_s, ratio, "<= 2.5")
        cpu = statistics.median(run[1].cpu_s / run[0].cpu_s for run in runs)
        yield _row(f"{name}: processor seconds of both", ingest.cpu_s, "s", copy.cpu_s, cpu, None)
        yield _row(f"{name}: peak memory of the ingest", ingest.peak_mib, "MiB", copy.peak_mib, None, "<= 1536")
        ratio = statistics.median(run[2].wall_s / run[3].wall_s for run in runs)
        yield _row(f"{name}: checking alone (ingest --dry-run), beside hand-written Polars", check.wall_s, "s", count.wall_s, ratio, None)
        without = _middle([ingested(small, place, keyed=False) for _ in range(PAIRS)])
        yield _row(f"{name}: ingest without a key", without.wall_s, "s", copy.wall_s, without.wall_s / copy.wall_s, None)
        small.unlink()
        large = orders.write(place / "large.csv", 4 * ROWS)
        plain, keyed = ingested(large, place, keyed=False), ingested(large, place, keyed=True)
        name = f"{4 * ROWS:,} rows"
        yield _row(f"{name}, no key: beside {ROWS:,}", plain.wall_s, "s", without.wall_s, plain.wall_s / without.wall_s, "<= 4.4")
        yield _row(f"{name}, no key: peak memory beside that", plain.peak_mib, "MiB", without.peak_mib, plain.peak_mib / without.peak_mib, "<= 1.15")
        yield _row(f"{name} with a unique key: beside {ROWS:,} with one", keyed.wall_s, "s", ingest.wall_s, keyed.wall_s / ingest.wall_s, None)
        yield _row(f"{name} with a unique key: peak memory", keyed.peak_mib, "MiB", ingest.peak_mib, keyed.peak_mib / ingest.peak_mib, None)


def _row(name: str, value: float, unit: str, baseline: float | None, ratio: float | None, goal: str | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "goal": goal}


def copied(file: Path, place: Path) -> Run:
    """A bare copy of a CSV to Parquet by Polars, as a process."""
    return _run([sys.executable, "-c", f"import polars as pl; pl.scan_csv({str(file)!r}).sink_parquet({str(place / 'copy.parquet')!r})"], place)


def ingested(file: Path, place: Path, *, keyed: bool) -> Run:
    """An ingest of a CSV that is a source's file, by the command, as a process."""
    project = _project(file, place, keyed=keyed)
    return _run([sys.executable, "-m", "loopline.cli.main", "data", "pull", "orders", "--folder", str(project), "--json"], project)


def checked(file: Path, place: Path) -> Run:
    """The same rules over the same file, and nothing written."""
    project = _project(file, place, keyed=True)
    return _run([sys.executable, "-m", "loopline.cli.main", "data", "ingest", str(file), "--dry-run", "--folder", str(project), "--json"], project)


def counted(file: Path, place: Path) -> Run:
    """The same rules written for this file in Polars, as a process; it says how many rows break each, and no more."""
    return _run([sys.executable, "-m", "bench.handwritten", str(file)], place)


def _project(file: Path, place: Path, *, keyed: bool) -> Path:
    project = place / "project"
    shutil.rmtree(project, ignore_errors=True)
    (project / "in").mkdir(parents=True)
    (project / "loopline.yaml").write_text(orders.declaration(keyed=keyed))
    os.link(file, project / "in" / "orders.csv")
    # A project's ledger is made once: that is no part of a delivery.
    _run([sys.executable, "-m", "loopline.cli.main", "status", "--folder", str(project), "--json"], project)
    return project


def _run(words: list[str], place: Path) -> Run:
    since = time.perf_counter()
    child = os.posix_spawn(
        words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(place / "said.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(words[:6])} ended with {os.waitstatus_to_exitcode(status)}: {(place / 'said.txt').read_text()[-500:]}")
    return Run(time.perf_counter() - since, used.ru_utime + used.ru_stime, used.ru_maxrss / _MIB)


def _middle(runs: list[Run]) -> Run:
    return Run(*(statistics.median(values) for values in zip(*((run.wall_s, run.cpu_s, run.peak_mib) for run in runs), strict=True)))
