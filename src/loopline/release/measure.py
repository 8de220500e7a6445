"""What serving a package takes: the time of single rows and the memory of a process that does nothing else.

The figures come from a process of their own, which loads just what a server loads to score; in the process of the run they
would be those of the whole run.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopline.errors import Fault
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust

PREDICTIONS = 1_000
_WARM_UP = 50
_BATCH = 1_000
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Parameters
    ----------
    latency_ms
        Milliseconds of each single-row prediction, from plain values to a decision.
    memory_mb
        The process's peak of resident memory, in MB of 1,000,000 bytes.
    """

    latency_ms: tuple[float, ...]
    memory_mb: float


def measure(lake: Lake, package: str, trust: Trust, rows: Sequence[Mapping[str, Any]]) -> Measured:
    """What a package takes on this machine, measured now in a fresh process.

    Parameters
    ----------
    trust
        Whose packages may be loaded.
    rows
        Rows of plain JSON values to predict, at least one.

    Raises
    ------
    Fault
        When the process cannot be started, does not end, or dies.
    """
    # The lake's options may hold secrets: they go through a pipe, never through arguments that others can read.
    asked = json.dumps({"lake": {"url": lake.url, "options": dict(lake.options)}, "package": package, "trust": trust.as_json(), "rows": list(rows)})
    source = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-P", "-m", "loopline.release.measure"]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=_TIMEOUT_S, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault("what the package takes could not be measured", where=package[:12], remedy=f"run it again ({type(error).__name__})", retry=True) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Fault(f"the process that measures the package died: {last[:300]}", where=package[:12], remedy="run it again", retry=True)
    said = json.loads(done.stdout)
    return Measured(tuple(said["latency_ms"]), said["memory_mb"])


def timed(predictor: Predictor, rows: Sequence[Mapping[str, Any]], predictions: int = PREDICTIONS) -> tuple[float, ...]:
    """Milliseconds of each of so many single-row predictions, after a few that warm up."""
    columns = [{name: [value] for name, value in row.items()} for row in rows]
    spent = []
    for number in range(_WARM_UP + predictions):
        one = columns[number % len(columns)]
        since = time.perf_counter()
        predictor.predict(one)
        spent.append((time.perf_counter() - since) * 1e3)
    return tuple(spent[_WARM_UP:])


def peak_memory_mb() -> float:
    """This process's peak of resident memory, in MB of 1,000,000 bytes."""
    try:
        # getrusage would also count the process that this one was forked from.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    """Measure what standard input asks for, and print it as JSON."""
    asked = json.load(sys.stdin)
    rows = asked["rows"]
    predictor = Predictor.load(Blobs(Lake(**asked["lake"])), asked["package"], Trust.of_json(asked["trust"]))
    latency_ms = timed(predictor, rows)
    batch = [rows[number % len(rows)] for number in range(_BATCH)]
    predictor.predict({name: [row[name] for row in batch] for name in rows[0]})
    json.dump({"latency_ms": latency_ms, "memory_mb": peak_memory_mb()}, sys.stdout)


if __name__ == "__main__":
    main()
