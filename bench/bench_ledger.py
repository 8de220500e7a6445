"""The ledger beside bare `sqlite3` on the same disk in the same run: single appends, batches, and 32 processes at once.

All write the same texts durably (write-ahead log, synchronous=FULL). The bare one has no index, no chain, no head and no
second look; it only inserts.
"""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
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


def step(number: int) -> Draft:
    """An entry as a step's success makes it: such entries come one by one."""
    facts = {"says": "12,345 rows accepted, 17 quarantined", "read": 12_362, "accepted": 12_345, "quarantined": 17, "share": number / 7}
    body = {"state": "succeeded", "name": "ingest", "seconds": 1.234, "facts": facts}
    return Draft(kind="step", subject="data", key=_digest(number), body=body, parents=(f"{number}-0123456789ab",))


def trial(number: int) -> Draft:
    """An entry as a trial of the search makes it: such entries come in batches."""
    settings = {"family": "lightgbm", "learning_rate": 0.03 + number / 1e6, "leaves": 31, "rounds": 400, "subsample": 0.8}
    body = {"number": number, "settings": settings, "worth": number / 7, "metrics": {"log_loss": 0.4321, "roc_auc": 0.7654}, "seconds": 1.25}
    return Draft(kind="trial", subject=_digest(-1), key=_digest(number), body=body, parents=("17-0123456789ab",))


def _digest(number: int) -> str:
    return sha256(b"%d" % number).hexdigest()


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _figures("durable single appends", _compare(Path(folder), step, SINGLES, 1), goal=0.5)
        yield from _figures(f"batches of {BATCH:,}", _compare(Path(folder), trial, BATCHES, BATCH), goal=0.3)
        yield from _crowd(Path(folder))


def _figures(name: str, rates: tuple[float, float, float], *, goal: float) -> Iterator[dict[str, Any]]:
    ours, drafts, ready = rates
    shared = {"value": ours, "unit": "entries/s"}
    yield {"name": f"ledger: {name}, bare sqlite3 given the same drafts", **shared, "baseline": drafts, "ratio": ours / drafts, "goal": f">= {goal}"}
    yield {"name": f"ledger: {name}, bare sqlite3 given the finished rows", **shared, "baseline": ready, "ratio": ours / ready, "goal": None}


def _compare(folder: Path, draft: Callable[[int], Draft], times: int, batch: int) -> tuple[float, float, float]:
    """Entries per second of the ledger, and of bare `sqlite3` that is given drafts (and makes JSON of their bodies) or finished rows.

    Medians over appends that take turns, so that all meet the same noise.
    """
    from_drafts, ready = _bare(folder / f"drafts-{batch}.db"), _bare(folder / f"ready-{batch}.db")
    head = chain.Head()
    seconds: tuple[list[float], ...] = ([], [], [])
    with Ledger.open(f"sqlite:///{folder}/ledger-{batch}.db", "bench") as ledger:
        for start in range(0, times * batch, batch):
            drafts = [draft(number) for number in range(start, start + batch)]
            finished, _ = chain.seal(map(chain.write, drafts), head=head, project="bench", time=datetime.now(UTC))
            head = chain.Head(finished[-1][0], finished[-1][-1])
            appends: list[Callable[[], object]] = [
                partial(ledger.append, *drafts),
                partial(_insert_drafts, from_drafts, drafts, finished),
                partial(_insert, ready, finished),
            ]
            for turn in range(3):
                who = (start // batch + turn) % 3
                begun = time.perf_counter()
                # What it gives back is kept until the clock has stopped: freeing it is not part of it.
                given = appends[who]()
                seconds[who].append(time.perf_counter() - begun)
                del given
    from_drafts.close()
    ready.close()
    ours, drafted, inserted = (batch / statistics.median(each) for each in seconds)
    return ours, drafted, inserted


def _bare(file: Path) -> sqlite3.Connection:
    """A table with the ledger's columns, as durable as the ledger."""
    bare = sqlite3.connect(file, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute(f"CREATE TABLE entries (seq INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT NOT NULL' for name in chain.Row._fields[1:])})")
    return bare


def _insert_drafts(bare: sqlite3.Connection, drafts: Sequence[Draft], finished: Sequence[chain.Stored]) -> None:
    """What any program does that keeps such drafts: JSON of the body, and the insert. Time and hashes are given to it."""
    rows = [
        (row[0], row[1], one.kind, one.subject, one.key, json.dumps(one.body), one.actor, row[7], json.dumps(one.parents), row[9], row[10])
        for one, row in zip(drafts, finished, strict=True)
    ]
    _insert(bare, rows)


def _insert(bare: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    insert = f"INSERT INTO entries VALUES ({', '.join('?' * len(chain.Row._fields))})"
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
            ledger.append(step(index))
            worst = max(worst, time.perf_counter() - start)
    return worst
