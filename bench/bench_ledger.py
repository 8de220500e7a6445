"""The ledger beside bare `sqlite3` on the same disk in the same run: single appends, batches, and 32 processes at once.

Both write the same texts durably (write-ahead log, synchronous=FULL). The bare one has no index, no chain, no head and no
second look; it only inserts.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from loopline.ledger import chain
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger

SINGLES = 400
BATCHES = 25
BATCH = 1_000
PROCESSES = 32
APPENDS = 1_000


def draft(number: int) -> Draft:
    """An entry of the size that a step's success has."""
    facts = {"says": "12,345 rows accepted, 17 quarantined", "read": 12_362, "accepted": 12_345, "quarantined": 17, "number": number, "share": number / 7}
    body = {"state": "succeeded", "name": "ingest", "seconds": 1.234, "facts": facts}
    return Draft(kind="step", subject="data", key=sha256(b"%d" % number).hexdigest(), body=body, parents=("0123456789abcdef",))


def machine() -> str:
    """The machine in one line: processor, cores, Python, SQLite."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine())
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    with tempfile.TemporaryDirectory() as folder:
        yield _row("durable single appends", "entries/s", *_compare(Path(folder), SINGLES, 1), goal=0.5)
        yield _row(f"batches of {BATCH:,}", "entries/s", *_compare(Path(folder), BATCHES, BATCH), goal=0.3)
        yield from _crowd(Path(folder))


def _row(name: str, unit: str, value: float, baseline: float, *, goal: float) -> dict[str, Any]:
    return {"name": f"ledger: {name}", "value": value, "unit": unit, "baseline": baseline, "ratio": value / baseline, "goal": f">= {goal}"}


def _compare(folder: Path, times: int, batch: int) -> tuple[float, float]:
    """Entries per second of the ledger and of bare `sqlite3`: medians over appends that take turns, so that both meet the same noise."""
    bare = sqlite3.connect(folder / f"bare-{batch}.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    columns = chain.Row._fields
    bare.execute(f"CREATE TABLE entries (seq INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT NOT NULL' for name in columns[1:])})")
    insert = f"INSERT INTO entries VALUES ({', '.join('?' * len(columns))})"
    ours, theirs = [], []
    with Ledger.open(f"sqlite:///{folder}/ledger-{batch}.db", "bench") as ledger:
        for start in range(0, times * batch, batch):
            drafts = [draft(number) for number in range(start, start + batch)]
            begun = time.perf_counter()
            entries = ledger.append(*drafts)
            ours.append(time.perf_counter() - begun)
            rows = [
                (one.seq, *chain.write(given)[:6], "bench", one.time.isoformat(), one.prev_hash, one.hash) for given, one in zip(drafts, entries, strict=True)
            ]
            begun = time.perf_counter()
            _bare(bare, insert, rows)
            theirs.append(time.perf_counter() - begun)
    bare.close()
    return batch / statistics.median(ours), batch / statistics.median(theirs)


def _bare(bare: sqlite3.Connection, insert: str, rows: Sequence[tuple[object, ...]]) -> None:
    if len(rows) == 1:
        bare.execute(insert, rows[0])
        return
    bare.execute("BEGIN")
    bare.executemany(insert, rows)
    bare.execute("COMMIT")


def _crowd(folder: Path) -> Iterator[dict[str, Any]]:
    """Many processes append at once, from an empty folder on; an error in any of them ends the run."""
    url = f"sqlite:///{folder}/crowd/ledger.db"
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        waits = pool.starmap(_appender, [(url, number) for number in range(PROCESSES)], chunksize=1)
    wall_s = time.perf_counter() - start
    with Ledger.open(url, "bench") as ledger:
        verdict = ledger.verify()
    whole = verdict.intact and verdict.entries == PROCESSES * APPENDS
    name = f"ledger: {PROCESSES} processes x {APPENDS:,} appends"
    yield {"name": f"{name}, all there and chain intact", "value": float(whole), "unit": "1 = yes", "baseline": None, "ratio": None, "goal": ">= 1"}
    yield {"name": f"{name}, wall time", "value": wall_s, "unit": "s", "baseline": None, "ratio": None, "goal": None}
    yield {"name": f"{name}, worst wait", "value": max(waits), "unit": "s", "baseline": None, "ratio": None, "goal": None}


def _appender(url: str, number: int) -> float:
    """The longest that one append of this process took, in seconds."""
    worst = 0.0
    with Ledger.open(url, f"project-{number % 4}") as ledger:
        for index in range(APPENDS):
            start = time.perf_counter()
            ledger.append(draft(index))
            worst = max(worst, time.perf_counter() - start)
    return worst


if __name__ == "__main__":
    print(machine())
    failed = False
    for row in rows():
        against = "" if row["ratio"] is None else f"  (bare {row['baseline']:,.0f}: {row['ratio']:.2f}x)"
        goal = "" if row["goal"] is None else f"  goal {row['goal']}"
        print(f"{row['name']}: {row['value']:,.2f} {row['unit']}{against}{goal}", flush=True)
        judged = row["value"] if row["ratio"] is None else row["ratio"]
        failed = failed or (row["goal"] is not None and judged < float(row["goal"].removeprefix(">= ")))
    sys.exit(failed)
