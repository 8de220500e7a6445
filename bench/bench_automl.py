"""Five public tasks in the minutes that peers take: what a whole run reaches on the same test rows, beside the library's defaults and the peers.

The peers (FLAML, AutoGluon) are measured in the same run where ``PEERS_HOME`` names a folder with their environments (``venv-flaml``,
``venv-autogluon``) and the script that runs them lies beside the data; else they are left out. ``AUTOML_SECONDS`` is the budget of each, 60 by
default. A figure is met where it is no worse than the better peer's by more than one standard error of the test part.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.automl import DATA, TASKS, Outcome, Task, run

SECONDS = float(os.environ.get("AUTOML_SECONDS", "60"))
SCRIPT = DATA.parent / "bench" / "j7_automl.py"
PEERS = {"flaml": ("flaml", "flaml"), "autogluon": ("autogluon", "ag-medium")}
LESS_IS_BETTER = ("log_loss", "mae")


def rows() -> Iterator[dict[str, Any]]:
    """For each task ours, the peers', and whether ours holds."""
    wanted = os.environ.get("AUTOML_TASKS", ",".join(task.name for task in TASKS)).split(",")
    for task in TASKS:
        if task.name not in wanted:
            continue
        if not task.is_there:
            print(f"automl: {task.file} is not there, {task.name} is left out", file=sys.stderr)
            continue
        yield from _task(task)


def _task(task: Task) -> Iterator[dict[str, Any]]:
    made = list(_ours(task))
    ours, run_s = float(np.mean([one.metric for one in made])), float(np.mean([one.run_s for one in made]))
    error = _standard_error(made)
    reached = {name: found for name in ("lightgbm", *PEERS) if (found := _peer(name, task)) is not None}
    rivals = {name: found for name, found in reached.items() if name != "lightgbm"}
    pick = min if task.metric in LESS_IS_BETTER else max
    best = pick((found["metric"] for found in rivals.values()), default=None)
    told = ", ".join(f"{name} {found['metric']:.4f}" for name, found in reached.items())
    beside = f"{task.name}: {task.metric} in {SECONDS:.0f} s ({told or 'no peer is installed'}; standard error {error:.4f})"
    goal = None
    if best is not None:
        goal = f"<= {best + error:.4f}" if task.metric in LESS_IS_BETTER else f">= {best - error:.4f}"
    yield {"name": beside, "value": ours, "unit": "", "baseline": best, "ratio": None, "goal": goal}
    if rivals:
        slowest = max(found["seconds"] for found in rivals.values())
        yield {
            "name": f"{task.name}: wall time of the whole command",
            "value": run_s,
            "unit": "s",
            "baseline": slowest,
            "ratio": run_s / slowest,
            "goal": "<= 1.05",
        }


def _ours(task: Task) -> Iterator[Outcome]:
    for number, part in enumerate(task.parts(task.frame())):
        with tempfile.TemporaryDirectory() as folder:
            yield run(task, part, Path(folder) / f"{task.name}{number}", SECONDS)


def _standard_error(made: list[Outcome]) -> float:
    """The standard error of the metric on the test part: over folds their spread, else from the interval that the package tells."""
    if len(made) > 1:
        return float(np.std([one.metric for one in made], ddof=1) / np.sqrt(len(made)))
    return made[0].error


def _peer(name: str, task: Task) -> dict[str, float] | None:
    """A peer's metric and seconds on the same split; None where it is not installed."""
    venv, peer = ("base", "lightgbm") if name == "lightgbm" else PEERS[name]
    home = os.environ.get("PEERS_HOME", "")
    python = Path(home) / f"venv-{venv}" / "bin" / "python"
    if not home or not python.is_file() or not SCRIPT.is_file():
        return None
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(
            [str(python), str(SCRIPT), peer, task.name, str(SECONDS), str(DATA), f"{work}/ag"], capture_output=True, text=True, check=False, cwd=work
        )
    said = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), None)
    if said is None:
        print(f"automl: {peer} failed on {task.name}: {done.stderr[-300:]}", file=sys.stderr)
        return None
    return {"metric": float(said[task.metric]), "seconds": float(said["total_s"]) / int(said["folds"])}
