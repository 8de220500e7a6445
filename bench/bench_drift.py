"""Drift of 20 columns, a million rows against a million, from Parquet, beside the same by hand in Polars; and on car_loan where it is at hand.

Each is a process of its own; in turn, and the best of three counts. The import of Polars and NumPy is not counted, on either side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.machine import peak_bytes
from loopline.watch.compare import compare
from loopline.watch.drift import Bins, distance
from loopline.watch.limits import limits

ROWS, NUMBERS, TEXTS = 1_000_000, 12, 8
CHANGED = {*(f"n{at}" for at in range(4)), *(f"c{at}" for at in range(3))}
RUNS = 3

_ROOT = Path(__file__).parents[1]
_LOANS = Path(os.environ.get("LOOPLINE_SHARED", _ROOT.parent / "shared")) / "data" / "car_loan"
CHUNK, FIRST_CHANGED, CHANCE = 5_000, 25_000, 1 / 30
CHANGED_LOANS = ("car_value", "salary_range", "loan_length", "repaid_loan_on_prev_car")
"""The columns that every method tried on car_loan finds from row 25,000 on, in each chunk."""


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    with tempfile.TemporaryDirectory() as place:
        files = [str(Path(place) / f"{name}.parquet") for name in ("reference", "current")]
        for seed, file in enumerate(files):
            _table(np.random.default_rng(seed), is_changed=bool(seed)).write_parquet(file)
        runs = [(_run("bench.bench_drift", files), _run("bench.handwritten_drift", files)) for _ in range(RUNS)]
    ours, theirs = (min((pair[side] for pair in runs), key=lambda run: run["seconds"]) for side in (0, 1))
    what = f"{ROWS:,} x {ROWS:,} rows x {NUMBERS + TEXTS} columns"
    yield _row(f"{what}; beside hand-written Polars", ours["seconds"], "s", baseline=theirs["seconds"], goal="<= 2")
    yield _row(f"{what}: memory; beside hand-written Polars", ours["peak_bytes"] / 2**20, "MiB", baseline=theirs["peak_bytes"] / 2**20)
    yield _row(f"{what}: memory", ours["peak_bytes"] / 1e6, "MB", goal="<= 600")
    yield _row(f"{what}: columns of which it was said wrongly", len(CHANGED ^ set(ours["drifted"])), "", goal="<= 0")
    yield _row(f"{what}: the largest difference of the two distances", _apart(ours["distances"], theirs["distances"]), "", goal="<= 0.005")
    if _LOANS.is_dir():
        before, after = loans(_LOANS)
        yield _row(f"car_loan: alarms on single features before row {FIRST_CHANGED:,}, of 35", before, "", goal="<= 1")
        yield _row(f"car_loan: alarms on the four that change, from row {FIRST_CHANGED:,}, of 20", after, "", goal=">= 20")


def loans(folder: Path) -> tuple[int, int]:
    """Alarms on single features of car_loan, chunk by chunk: before anything changes, and on those that change after it."""
    reference, served = (pl.read_csv(folder / f"{name}.csv.gz") for name in ("reference", "analysis"))
    columns = [name for name in served.columns if name not in ("id", "timestamp", "y_pred", "y_pred_proba")]
    known = [Bins.of_values(name, reference[name], span=CHUNK) for name in columns]
    limit = limits(known, CHUNK, CHANCE)
    before = after = 0
    for first in range(0, served.height, CHUNK):
        part = served[first : first + CHUNK]
        above = {bins.name for bins in known if distance(bins.counted(part[bins.name]), np.asarray(bins.counts)) > limit[bins.name]}
        before += len(above) if first < FIRST_CHANGED else 0
        after += len(above & set(CHANGED_LOANS)) if first >= FIRST_CHANGED else 0
    return before, after


def _row(name: str, value: float, unit: str, *, baseline: float | None = None, goal: str | None = None) -> dict[str, Any]:
    return {"name": f"drift: {name}", "value": value, "unit": unit, "baseline": baseline, "ratio": baseline and value / baseline, "goal": goal}


def _table(rng: np.random.Generator, *, is_changed: bool) -> pl.DataFrame:
    made: dict[str, Any] = {}
    for at in range(NUMBERS):
        moved = 0.3 if is_changed and f"n{at}" in CHANGED else 0.0
        draws = (lambda by: rng.normal(by, 1.0, ROWS), lambda by: rng.gamma(2.0, 1.0 + by, ROWS), lambda by: rng.lognormal(by, 1.0, ROWS))
        made[f"n{at}"] = draws[at % 3](moved)
    for at in range(TEXTS):
        odds = np.arange(4 + 4 * at, 0, -1.0)
        odds = odds[::-1] + len(odds) if is_changed and f"c{at}" in CHANGED else odds
        names = np.array([f"v{place}" for place in range(len(odds))])
        made[f"c{at}"] = names[rng.choice(len(odds), ROWS, p=odds / odds.sum())]
    return pl.DataFrame(made)


def _run(module: str, files: list[str]) -> dict[str, Any]:
    ended = subprocess.run([sys.executable, "-m", module, *files], cwd=_ROOT, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def _apart(ours: dict[str, float], theirs: dict[str, float]) -> float:
    return max(abs(ours[name] - theirs[name]) for name in ours)


def _measure(reference: str, current: str) -> dict[str, Any]:
    start = time.perf_counter()
    found = compare(pl.scan_parquet(reference), pl.scan_parquet(current))
    seconds = time.perf_counter() - start
    drifted = [column.name for column in found if column.has_drifted]
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "distances": {column.name: column.distance for column in found}, "drifted": drifted}


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
