"""What a model costs to fit, to keep and to ask: seconds, memory, bytes, and microseconds per row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from loopline.engine.memory import Peak

T = TypeVar("T")
Columns = Mapping[str, NDArray[Any]]

SINGLES = 100
BATCHES = 5
_EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took.

    Parameters
    ----------
    cpu_s
        Seconds of processors that this process used, over all its threads.
    peak_bytes
        The most memory that the process held during the work beyond what it held before; None where the system does not tell.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        """The cost as plain values."""
        return asdict(self)


def measure(work: Callable[[], T]) -> tuple[T, Cost]:
    """What the work returns, and what it took; memory is looked at every 5 ms, and `loopline.engine.memory` says how exact that is."""
    with Peak(every_s=_EVERY_S, with_children=False) as peak:
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    beyond = None if peak.bytes is None or peak.before is None else peak.bytes - peak.before
    return result, Cost(round(cpu_s, 4), round(wall_s, 4), beyond)


def sizes(contents: Mapping[str, bytes]) -> dict[str, int]:
    """The bytes of each file of a package, and of all together (``total``)."""
    each = {name: len(data) for name, data in sorted(contents.items())}
    return {**each, "total": sum(each.values())}


def per_row(score: Callable[[Columns], Any], columns: Columns, *, singles: int = SINGLES, batches: int = BATCHES) -> dict[str, float]:
    """Microseconds for a row alone (``single_us``, and ``single_p99_us``), and for a row of a batch of all given rows (``batch_us``): medians.

    Parameters
    ----------
    columns
        At least one row.
    """
    count = len(next(iter(columns.values())))
    rows = [{name: values[at : at + 1] for name, values in columns.items()} for at in range(min(singles, count))]
    # The first calls of a graph are slower than all others.
    score(rows[0])
    score(columns)
    alone = np.array([_us(score, row) for row in rows])
    together = np.array([_us(score, columns) for _ in range(batches)])
    return {
        "single_us": float(np.median(alone)),
        "single_p99_us": float(np.quantile(alone, 0.99)),
        "batch_us": float(np.median(together)) / count,
        "batch_rows": float(count),
    }


def _us(score: Callable[[Columns], Any], columns: Columns) -> float:
    since = time.perf_counter_ns()
    score(columns)
    return (time.perf_counter_ns() - since) / 1000
