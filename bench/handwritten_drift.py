"""Drift of two Parquet files as somebody would write it in Polars for these very columns: tenths of the reference, and the distance of Jensen and Shannon.

python -m bench.handwritten_drift REFERENCE CURRENT
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.machine import peak_bytes


def distances(reference: str, current: str) -> dict[str, float]:
    """The distance of each column of two files with the same columns."""
    old, new = pl.read_parquet(reference), pl.read_parquet(current)
    found = {}
    for name, dtype in old.schema.items():
        if dtype.is_numeric():
            one, other = old[name].sort().to_numpy(), new[name].sort().to_numpy()
            edges = one[np.arange(1, 10) * len(one) // 10]
            found[name] = _distance(_between(one, edges), _between(other, edges))
        else:
            counted = old[name].value_counts(name="old").join(new[name].value_counts(name="new"), on=name, how="full").fill_null(0)
            found[name] = _distance(counted["old"].to_numpy(), counted["new"].to_numpy())
    return found


def _between(ordered: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.diff(np.searchsorted(ordered, edges), prepend=0, append=len(ordered))


def _distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.nansum(p * np.log2(p / middle)) + np.nansum(q * np.log2(q / middle))
    return float(np.sqrt(max(0.0, bits / 2)))


if __name__ == "__main__":
    start = time.perf_counter()
    made = distances(*sys.argv[1:])
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_bytes": peak_bytes(), "distances": made}))
