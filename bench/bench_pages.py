"""The pages over a workspace that is years old: a million predictions, a million entries and 500 candidates; each page's time and bytes.

Each address is opened over HTTP from a process beside the server, as a browser opens it. The first page is cold: with its CSS and its scripts. The other
addresses are those that are reached by links from there, a few of each page.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import psutil

from bench import history, readers, years
from loopline.access.keys import own_key
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import open_loop
from loopline.model.package import written
from loopline.model.signing import Signature
from tests.web import walk, world

ENTRIES, PREDICTIONS, CANDIDATES = 1_000_000, 1_000_000, 500
DAYS = 7
REPEATS = 5
READERS, MOVES, OPEN_S = 20, 10, 30.0
_KEPT = "LOOPLINE_BENCH_PAGES"
"""Names a folder in which the workspace is kept from one time to the next: making it takes minutes."""
_ASSET = re.compile(r'(?:href|src)="([^"]*/static/[^"]+)"')


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: medians and the worst of a few times, after a first one that is told apart."""
    with _place() as folder:
        if not (folder / "made").exists():
            begun = time.perf_counter()
            make(folder)
            yield _row(f"pages: making {ENTRIES:,} entries and {PREDICTIONS:,} predictions", time.perf_counter() - begun, "s")
        begun = time.perf_counter()
        with _served(folder) as (url, process):
            yield _row("pages: until they are served", time.perf_counter() - begun, "s")
            yield from _opened(url)
            yield from _left_open(url, process, folder)
            yield _row("pages: the most memory of the server", _peak_mb(process), "MB", goal="<= 1000")


def make(folder: Path) -> None:
    """The world of the tests in a folder, but after years of history, with a million predictions and 500 candidates in its search."""
    small = folder / "small"
    small.mkdir(parents=True)
    world.make(small)
    with open_loop(small) as loop:
        templates = loop.workspace.ledger.read()
    home = folder / "big" / ".loopline"
    shutil.copytree(small / ".loopline" / "lake" / "blobs", home / "lake" / "blobs")
    blobs, key = Blobs(Lake(str(home / "lake"), project=world.NAME)), own_key()

    def keep(manifest: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
        data = written(manifest)
        return blobs.put(data), Signature(key.public, key.sign(data)).as_json()

    history.write(home / "ledger.db", templates, entries=ENTRIES, keep=keep)
    world.make(folder / "big", days=DAYS, rows=-(-PREDICTIONS // DAYS))
    with open_loop(folder / "big") as loop:
        _search_on(loop.workspace.ledger)
    years.add(folder / "big")
    (folder / "made").touch()


def _search_on(ledger: Ledger) -> None:
    """Enter the other candidates of the newest search: each has the body of the one that was fitted, and another worth."""
    (trial,) = ledger.read(kinds=("trial",), newest_first=True, limit=1)
    draft = Draft(kind="trial", subject=trial.subject, parents=trial.parents)
    bodies = ({**trial.body, "number": number, "worth": trial.body["worth"] - number / 1e3} for number in range(1, CANDIDATES))
    ledger.append(*(replace(draft, key=f"{body['number']:064}", body=body) for body in bodies))


@contextmanager
def _place() -> Iterator[Path]:
    if kept := os.environ.get(_KEPT):
        yield Path(kept)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The address of the first page, and the process that serves it."""
    words = [sys.executable, "-m", "loopline.cli.main", "pages", "--folder", str(folder / "big"), "--port", "0", "--json"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = server.stdout.readline()
            if not line:
                raise RuntimeError("the pages are not served")
            said += line
        yield json.loads(said)["url"], psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _opened(url: str) -> Iterator[dict[str, Any]]:
    with httpx.Client(base_url=f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", timeout=120) as browser:
        begun = time.perf_counter()
        first = browser.get(url)
        yield _row("pages: the first page, the first time", (time.perf_counter() - begun) * 1e3, "ms")
        sizes = [first.num_bytes_downloaded, *(browser.get(urljoin(url, asset)).num_bytes_downloaded for asset in dict.fromkeys(_ASSET.findall(first.text)))]
        yield _row("pages: the first page with its CSS and scripts, cold", sum(sizes) / 1e3, "kB", goal="<= 250")
        base = urlsplit(url).path.rstrip("/")
        for step in walk.walk(browser, base, each=2):
            if step.page is None:
                continue
            times, size = _timed(browser, step.url)
            name = f"pages: {step.page.name} ({step.url.removeprefix(base)[:60]})"
            if step.status != 200:
                yield _row(f"{name}: its status", step.status, "", goal="<= 200")
                continue
            limit = 100 if step.page.path == "/" else 200
            yield _row(name, statistics.median(times), "ms", goal=f"<= {limit}")
            yield _row(f"{name}: worst; {size / 1e3:.0f} kB", max(times), "ms")


def _left_open(url: str, process: psutil.Process, folder: Path) -> Iterator[dict[str, Any]]:
    """Many readers have the first page open while the loop is at work."""
    origin, begun = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", sum(process.cpu_times()[:2])
    with open_loop(folder / "big") as loop, readers.moving(loop.workspace.ledger, per_s=MOVES):
        found = asyncio.run(readers.read(origin, urlsplit(url).path, readers=READERS, seconds=OPEN_S))
    used = sum(process.cpu_times()[:2]) - begun
    name = f"pages: {READERS} readers, {MOVES} moves a second"
    yield _row(f"{name}: a page, 95 of 100", statistics.quantiles(found.seconds, n=20)[-1] * 1e3, "ms", goal="<= 1000")
    yield _row(f"{name}: answers that are no page", found.failed, "", goal="<= 0")
    yield _row(f"{name}: how often each asks in a second", len(found.seconds) / OPEN_S / READERS, "", goal="<= 1")
    yield _row(f"{name}: processors that the server takes", used / OPEN_S, "", goal="<= 1")


def _timed(browser: httpx.Client, url: str) -> tuple[list[float], int]:
    """Milliseconds of each time, and the bytes of one."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        answer = browser.get(url, headers={"accept": "text/html"})
        times.append((time.perf_counter() - begun) * 1e3)
    return times, answer.num_bytes_downloaded


def _peak_mb(process: psutil.Process) -> float:
    told = Path(f"/proc/{process.pid}/status")
    if told.exists():
        return next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return float(process.memory_info().rss) / 1e6


def _row(name: str, value: float, unit: str, *, goal: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": None, "ratio": None, "goal": goal}
