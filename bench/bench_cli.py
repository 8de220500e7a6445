"""The command line: how soon it answers, and what a run costs in which nothing is stale."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.shop import command, make, run

REPEATS = 7


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: medians, after a first call that is not counted."""
    bare = wall_s([sys.executable, "-c", "pass"])
    yield _row("cli: loopline --help", wall_s([sys.executable, "-m", "loopline.cli.main", "--help"]), bare, goal="<= 0.3")
    yield _row("cli: import loopline", import_s("loopline"), None, goal="<= 0.1")
    with tempfile.TemporaryDirectory() as folder:
        project = make(Path(folder) / "shop")
        since = time.perf_counter()
        run(project)
        first = time.perf_counter() - since
        yield _row("cli: a first run of a small project", first, None, goal=None)
        yield _row("cli: a run in which nothing is stale", wall_s(command(project, "run")), None, goal="<= 1.5")
        yield _row("cli: loopline status", wall_s(command(project, "status")), None, goal=None)


def wall_s(words: Sequence[str]) -> float:
    """The median seconds that a command takes, warm.

    Raises
    ------
    CalledProcessError
        When it fails.
    """
    times = []
    for _ in range(REPEATS + 1):
        since = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True, timeout=120)
        times.append(time.perf_counter() - since)
    return statistics.median(times[1:])


def import_s(module: str) -> float:
    """The median seconds that an import takes, by the interpreter's own clock."""
    times = []
    for _ in range(REPEATS + 1):
        said = subprocess.run([sys.executable, "-X", "importtime", "-c", f"import {module}"], check=True, capture_output=True, text=True, timeout=60).stderr
        match = re.search(rf"\|\s*(\d+) \| {module}$", said, flags=re.MULTILINE)
        if match is None:
            raise ValueError(f"the interpreter did not time {module}")
        times.append(int(match[1]) / 1e6)
    return statistics.median(times[1:])


def _row(name: str, seconds: float, baseline: float | None, *, goal: str | None) -> dict[str, Any]:
    return {"name": name, "value": seconds, "unit": "s", "baseline": baseline, "ratio": None, "goal": goal}
