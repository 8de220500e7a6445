"""Readers who leave a page open: each follows the moves of the ledger and asks for its page again, as the script of the pages does."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger

GATHER_S, SPREAD_S = 0.3, 0.5
"""So long a page waits after a move for others that may follow, and up to so much longer, as `loopline.js` has it."""


@dataclass
class Read:
    """What readers saw: how long each answer took, and how many were no pages."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


@contextmanager
def moving(ledger: Ledger, *, per_s: float) -> Iterator[None]:
    """A ledger that moves so often in a second, beside whatever is done meanwhile."""
    ended = threading.Event()

    def move() -> None:
        due = time.monotonic()
        while not ended.is_set():
            ledger.append(Draft(kind="note", subject="a bench"))
            due += 1 / per_s
            ended.wait(max(0.0, due - time.monotonic()))

    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield
    finally:
        ended.set()
        mover.join()


async def read(origin: str, path: str, *, readers: int, seconds: float) -> Read:
    """So many readers of one page, for a while."""
    found = Read()
    # The server ends a connection that was idle for five seconds: it is given up before.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=origin, timeout=60, limits=limits) as browser:
        await asyncio.gather(*(_reader(browser, path, found, seconds) for _ in range(readers)))
    return found


async def _reader(browser: httpx.AsyncClient, path: str, found: Read, seconds: float) -> None:
    moved, until = asyncio.Event(), time.monotonic() + seconds
    following = asyncio.create_task(_follow(browser, f"{path}events", moved))
    try:
        while (left := until - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(moved.wait(), left)
            except TimeoutError:
                return
            await asyncio.sleep(GATHER_S + random.random() * SPREAD_S)
            moved.clear()
            begun = time.perf_counter()
            answer = await browser.get(path, headers={"accept": "text/html", "x-loopline-by-itself": "1"})
            found.seconds.append(time.perf_counter() - begun)
            found.failed += answer.status_code != 200
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(browser: httpx.AsyncClient, address: str, moved: asyncio.Event) -> None:
    async with browser.stream("GET", address) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: moved"):
                moved.set()
