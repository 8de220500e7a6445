"""`loopline score` from Parquet to Parquet beside a script for this one model, and its memory over a file of five million rows.

Both are processes with one thread in the graph, which take turns on the same rows; the script checks and logs nothing. The package is a LightGBM of 20
columns, as many as in `bench_model`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model.package import load as read_package
from loopline.model.plan import MISSING, Plan
from loopline.model.signing import Trust
from loopline.project import load

ROWS = 1_000_000
MANY_ROWS = 5_000_000
LEARNED_ROWS = 40_000
PAIRS = 3
_PART = 500_000
_PEAK = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one."""
    # Here, because a temporary folder may lie in memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-score-") as where:
        folder = Path(where)
        _project(folder)
        _unpack(folder)
        few, many = _write(folder / "few.parquet", ROWS), _write(folder / "many.parquet", MANY_ROWS)
        script, ours = [], []
        for _ in range(PAIRS):
            script.append(_wall_s([sys.executable, "-m", "bench.scripted", str(folder), str(few), str(folder / "script.parquet")]))
            ours.append(_wall_s(_command(folder, few)))
        ratio = statistics.median(one / other for one, other in zip(script, ours, strict=True))
        name = f"score: {ROWS:,} rows from Parquet to Parquet, checked and logged, beside a script with onnxruntime"
        figures = {"value": ROWS / statistics.median(ours), "unit": "rows/s", "baseline": ROWS / statistics.median(script)}
        yield {"name": name, **figures, "ratio": ratio, "goal": ">= 0.7"}
        less, more = (_peak_mb(_command(folder, source)) for source in (few, many))
        name = f"score: peak memory over {MANY_ROWS:,} rows, beside that over {ROWS:,}"
        yield {"name": name, "value": more, "unit": "MB", "baseline": less, "ratio": more / less, "goal": "<= 1.5"}


def _command(folder: Path, source: Path) -> list[str]:
    return [sys.executable, "-m", "loopline.cli.main", "score", str(source), "-o", str(folder / "scored.parquet"), "--folder", str(folder), "--json"]


def _wall_s(words: Sequence[str]) -> float:
    since = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - since


def _peak_mb(words: Sequence[str]) -> float:
    said = subprocess.run([sys.executable, "-c", _PEAK, *words], capture_output=True, text=True, check=True)
    return float(said.stdout.splitlines()[-1])


def _table(first: int, rows: int) -> pl.DataFrame:
    """A key, twelve numbers and eight categories, of which half say something of the outcome."""
    rng = np.random.default_rng(first)
    numbers = rng.normal(size=(rows, 12)).round(4)
    codes = rng.integers(0, 12, (rows, 8))
    drive = numbers[:, :6].sum(axis=1) + (codes[:, :4] % 3).sum(axis=1) * 0.5 + rng.normal(scale=2, size=rows)
    texts = np.array([f"value {code}" for code in range(12)], dtype=object)[codes]
    columns = {f"n{index}": numbers[:, index] for index in range(12)} | {f"c{index}": texts[:, index] for index in range(8)}
    return pl.DataFrame({"id": np.arange(first, first + rows), **columns, "y": np.where(drive > 3, "yes", "no").tolist()})


def _write(file: Path, rows: int) -> Path:
    """A file of new rows, without their outcomes."""
    parts = []
    for at in range(0, rows, _PART):
        parts.append(file.with_name(f"part-{at:09}.parquet"))
        _table(LEARNED_ROWS + at, min(_PART, rows - at)).drop("y").write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(file)
    for part in parts:
        part.unlink()
    return file


def _project(folder: Path) -> None:
    """A project whose champion learned from a part of the table."""
    _table(0, LEARNED_ROWS).write_csv(folder / "rows.csv")
    declared = {
        "project": "bench",
        "charter": {"predict": "y", "positive": "yes"},
        "data": {"sources": {"rows": {"path": "rows.csv", "key": "id"}}},
        "model": {"families": ["lightgbm"], "search": {"trials": 4, "ensemble": False}, "assess": {"refits": False}},
    }
    (folder / "loopline.yaml").write_text(yaml.safe_dump(declared))
    subprocess.run([sys.executable, "-m", "loopline.cli.main", "run", "--json", "--folder", str(folder)], check=True, capture_output=True)


def _unpack(folder: Path) -> None:
    """What the script needs of the champion."""
    project = load(folder)
    with Ledger.open(project.ledger_url, project.name) as ledger:
        package = read_package(Blobs(Lake(project.lake_url)), str(fold(ledger.read()).champion), Trust.of(ledger))
    plan = Plan.of_json(package.parsed("signature.json"))
    told = {"key": "id", "numbers": plan.numbers, "categories": [name for name, *others in plan.keys if not others], "null": MISSING}
    if plan.count_inputs != len(plan.numbers) or len(told["categories"]) != len(plan.keys):
        raise ValueError("the package derives columns that the script does not know")
    (folder / "model.onnx").write_bytes(package.contents["model.onnx"])
    (folder / "columns.json").write_text(json.dumps({**told, "threshold": package.parsed("policy.json")["threshold"]}))
