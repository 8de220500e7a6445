"""Profiles: of ten million numbers on one thread, of an ingest's chunks, and the merge of a thousand; seconds of the processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loopline.data.profiles.profile import ProfileBuilder, merge_all, profile

NUMBERS = 10_000_000
CHUNK_ROWS, CHUNKS = 300_000, 4
ROWS = 5_000_000
PROFILES = 1_000


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal; a process of its own takes them, with one thread."""
    one = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "bench.bench_profile"], cwd=Path(__file__).parents[1], env={**os.environ, **one}, capture_output=True, check=True
    )
    took = json.loads(ended.stdout)
    for name, unit, goal in (
        (f"profile: {NUMBERS:,} numbers, one thread", "s", "<= 1.5"),
        (f"profile: {ROWS:,} rows x 10 columns in chunks of {CHUNK_ROWS:,}, one thread", "s", "<= 2.5"),
        (f"profile: merge of {PROFILES:,} profiles of numbers", "s", "<= 1"),
        (f"profile: merge of {PROFILES:,} profiles of texts", "s", "<= 1"),
        ("profile: worst error of a rank in those numbers", "% of the rows", "<= 0.5"),
    ):
        yield {"name": name, "value": took.pop(0), "unit": unit, "baseline": None, "ratio": None, "goal": goal}


def _measure() -> list[float]:
    rng = np.random.default_rng(7)
    numbers = pl.DataFrame({"x": rng.normal(size=NUMBERS)})
    start = time.process_time()
    told = profile(numbers).columns["x"]
    whole_s = time.process_time() - start
    shares = np.arange(1, 100) / 100
    ranks = np.searchsorted(np.sort(numbers["x"].to_numpy()), told.at(shares), side="right") / NUMBERS
    builder, chunks_s = ProfileBuilder(), 0.0
    for number in range(CHUNKS):
        chunk = _chunk(rng, number * CHUNK_ROWS)
        start = time.process_time()
        builder.add(chunk)
        chunks_s += time.process_time() - start
    start = time.process_time()
    builder.profile()
    chunks_s += time.process_time() - start
    merges = []
    words = [f"word {number}" for number in range(2000)]
    for column in (lambda: rng.lognormal(size=5000), lambda: rng.choice(words, 5000)):
        parts = [profile(pl.DataFrame({"x": column()})) for _ in range(PROFILES)]
        start = time.process_time()
        merge_all(parts)
        merges.append(time.process_time() - start)
    return [whole_s, chunks_s * ROWS / (CHUNKS * CHUNK_ROWS), *merges, 100 * float(np.abs(ranks - shares).max())]


def _chunk(rng: np.random.Generator, first: int) -> pl.DataFrame:
    """Rows as an ingest sees them: six columns of numbers, four of texts, one of them all distinct."""
    starts = rng.integers(0, 1_000_000, CHUNK_ROWS)
    return pl.DataFrame(
        {
            "id": np.arange(first, first + CHUNK_ROWS),
            "code": [f"{number:09d}" for number in range(first, first + CHUNK_ROWS)],
            "country": rng.choice(["DE", "FR", "GB", "US", "ES", "IT"], CHUNK_ROWS),
            "status": rng.choice(["new", "paid", "sent", "done"], CHUNK_ROWS),
            "city": [f"city {number}" for number in rng.zipf(1.4, CHUNK_ROWS) % 3000],
            "age": rng.integers(0, 121, CHUNK_ROWS),
            "amount": np.round(rng.gamma(2, 50, CHUNK_ROWS), 2),
            "weight": rng.lognormal(size=CHUNK_ROWS),
            "start": starts,
            "end": starts + rng.integers(0, 1000, CHUNK_ROWS),
        }
    )


if __name__ == "__main__":
    print(json.dumps(_measure()))
