"""The server beside a bare Starlette app over onnxruntime without a log: same graph, same row, same load, in turn in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.automl import TASKS
from bench.serving import Project, Server, bare, make, serving
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.model.package import load, pack, store, written
from loopline.model.signing import Trust, sign, signer

SECONDS = float(os.environ.get("LOOPLINE_BENCH_SECONDS", "5"))
REPEATS = int(os.environ.get("LOOPLINE_BENCH_REPEATS", "3"))
SWAPPED = int(os.environ.get("LOOPLINE_BENCH_REQUESTS", "100000"))
SWAPS = 10
SWAP_EVERY_S = 1.5
"""A server looks once a second."""
SYNCS = 200


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: medians of runs that take turns."""
    if not TASKS[0].is_there:
        print("serve: the table of the bank is not there, the figures are left out", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        project = make(Path(folder) / "bank")
        yield from _beside(project, Path(folder))
        yield from _swapped(project)


def _beside(project: Project, folder: Path) -> Iterator[dict[str, Any]]:
    beside: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    unsynced: list[dict[str, Any]] = []
    two: list[dict[str, Any]] = []
    for _ in range(REPEATS):
        with bare(project) as server:
            beside.append(_loaded(server))
        with serving(project) as server:
            ours.append(_loaded(server))
        with serving(project, log="async") as server:
            unsynced.append(_loaded(server))
        with serving(project, log="async", workers=2) as server:
            two.append(_loaded(server))
    per_s = _ratio(ours, beside, "per_s")
    yield _row("single rows, 16 connections, one worker, durable log", _middle(ours, "per_s"), "per s", _middle(beside, "per_s"), per_s, ">= 0.7")
    yield _row("the same: median time to an answer", _middle(ours, "p50_ms"), "ms", _middle(beside, "p50_ms"))
    yield _row(
        f"the same: 99th percentile (a sync of this disk takes {sync_ms(folder):.2g} ms)",
        _middle(ours, "p99_ms"),
        "ms",
        _middle(beside, "p99_ms"),
        goal="<= 25",
    )
    yield _row("the same: processor time a request", _middle(ours, "cpu_ms"), "ms", _middle(beside, "cpu_ms"), _ratio(ours, beside, "cpu_ms"), None)
    yield _row("the same: resident memory", _middle(ours, "resident_mb"), "MB", _middle(beside, "resident_mb"), goal="<= 200")
    yield _row("the same: from its start to the first answer", _middle(ours, "ready_s"), "s", _middle(beside, "ready_s"), goal="<= 1.5")
    per_s = _ratio(unsynced, beside, "per_s")
    yield _row("single rows, 16 connections, one worker, async log", _middle(unsynced, "per_s"), "per s", _middle(beside, "per_s"), per_s, ">= 0.85")
    cpu = _ratio(unsynced, beside, "cpu_ms")
    yield _row("the same: processor time a request", _middle(unsynced, "cpu_ms"), "ms", _middle(beside, "cpu_ms"), cpu, "<= 1.15")
    name = "two workers on one port beside one, async log (the load is made by the same cores)"
    yield _row(name, _middle(two, "per_s"), "per s", _middle(unsynced, "per_s"), _ratio(two, unsynced, "per_s"), ">= 1")
    yield _row("the same: processor time a request", _middle(two, "cpu_ms"), "ms", _middle(unsynced, "cpu_ms"), _ratio(two, unsynced, "cpu_ms"))


def _loaded(server: Server) -> dict[str, Any]:
    """What came of a load after a first one that is not counted; every request must have been answered with 200."""
    server.load(seconds=1)
    said = server.load(seconds=SECONDS)
    if said["broken"] or set(said["statuses"]) != {"200"}:
        raise RuntimeError(f"requests failed: {said}")
    return {**said, "resident_mb": server.resident_mb(), "ready_s": server.ready_s}


def _middle(found: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(one[name] for one in found))


def _ratio(ours: list[dict[str, Any]], beside: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(one[name] / other[name] for one, other in zip(ours, beside, strict=True)))


def sync_ms(folder: Path) -> float:
    """The median milliseconds of appending 4 KiB to a file durably: what no durable log can go below."""
    times = []
    with (folder / "sync").open("ab", buffering=0) as file:
        for _ in range(SYNCS):
            since = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - since)
    return 1000 * statistics.median(times)


def _swapped(project: Project) -> Iterator[dict[str, Any]]:
    """Champions that change under load: two packages in turn."""
    first, second = project.package, other_package(project)
    done = threading.Event()
    ledger_url = f"sqlite:///{project.folder}/.loopline/ledger.db"
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        with Ledger.open(ledger_url, "bank") as ledger:
            while swaps < SWAPS and not done.wait(SWAP_EVERY_S):
                ledger.append(Draft(kind="champion", subject=second if swaps % 2 == 0 else first, body={"why": "a bench", "previous": None}))
                swaps += 1

    with serving(project) as server:
        words = [sys.executable, "-m", "bench.load", server.url, str(project.ours), "--count", str(SWAPPED)]
        thread = threading.Thread(target=swap)
        thread.start()
        said = json.loads(subprocess.run(words, check=True, capture_output=True, text=True, timeout=900).stdout)
        done.set()
        thread.join()
    failed = said["broken"] + sum(count for status, count in said["statuses"].items() if status != "200")
    yield _row(f"{said['requests']:,} requests while the champion changed {swaps} times: failed", failed, "requests", goal="<= 0")


def other_package(project: Project) -> str:
    """A package that differs from the project's in its card alone, signed with one's own key: requests fit both."""
    blobs = Blobs(Lake(str(project.folder / ".loopline" / "lake")))
    with Ledger.open(f"sqlite:///{project.folder}/.loopline/ledger.db", "bank") as ledger:
        package = load(blobs, project.package, Trust.of(ledger))
        said = {name: value for name, value in package.manifest.items() if name not in ("format", "files")}
        other = pack(said, {**package.contents, "card.md": b"# Another card\n"})
        store(blobs, other)
        sign(ledger, other.digest, written(other.manifest), signer(ledger, name="bench"))
    return other.digest


def _row(name: str, value: float, unit: str, baseline: float | None = None, ratio: float | None = None, goal: str | None = None) -> dict[str, Any]:
    return {"name": f"serve: {name}", "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "goal": goal}
