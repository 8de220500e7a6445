"""Server-sent events: that the ledger has moved, or the work that runs, to any number of readers of a project, by one look a second."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass

from starlette.concurrency import run_in_threadpool

from loopline.errors import LooplineError

LOOK_S = 1.0
BEAT_S = 15.0
"""A comment comes at least so often: proxies close what is silent, and a reader who is gone is noticed by it."""
LIFE_S = 600.0
"""A stream ends after so long: the browser comes again by itself, and is asked anew who it is."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What a look found: the ledger's head, and how often the work's course has changed."""

    seq: int
    work: int


class Pulse:
    """What one project's readers wait for: one task looks as long as anybody reads, and wakes them all.

    Parameters
    ----------
    look
        What there is now; it may ask a database, and is called in a thread.
    """

    def __init__(self, look: Callable[[], Seen], *, every_s: float = LOOK_S, beat_s: float = BEAT_S, life_s: float = LIFE_S) -> None:
        self._look, self._every_s, self._beat_s, self._life_s = look, every_s, beat_s, life_s
        self._seen: Seen | None = None
        self._moved = asyncio.Event()
        self._readers = 0
        self._looking: asyncio.Task[None] | None = None
        self._is_ended = False

    @property
    def readers(self) -> int:
        """How many read now."""
        return self._readers

    def end(self) -> None:
        """Let every reader's stream end."""
        self._is_ended = True
        self._moved.set()

    async def follow(self, told: Seen | None = None) -> AsyncIterator[str]:
        """The messages of one reader, one for each move since what it was told; those that a slow reader misses come as one."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._life_s
        self._readers += 1
        if self._looking is None:
            self._moved = asyncio.Event()
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            # After how long a browser that lost its stream comes again.
            yield "retry: 2000\n\n"
            while not self._is_ended and clock() < until:
                seen, moved = self._seen, self._moved
                if seen is not None and seen != told:
                    told = seen
                    yield _message(seen)
                    continue
                try:
                    await asyncio.wait_for(moved.wait(), min(self._beat_s, max(0.0, until - clock())))
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._readers -= 1
            if not self._readers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _keep_looking(self) -> None:
        while True:
            try:
                seen = await run_in_threadpool(self._look)
            except (LooplineError, OSError) as error:
                # A database that is away comes back: readers wait, and the pages say what is wrong.
                _log.debug("the ledger could not be looked at: %s", error)
            else:
                if seen != self._seen:
                    self._seen, moved, self._moved = seen, self._moved, asyncio.Event()
                    moved.set()
            await asyncio.sleep(self._every_s)


def _message(seen: Seen) -> str:
    return f"id: {seen.seq}.{seen.work}\nevent: moved\ndata: {json.dumps(asdict(seen))}\n\n"


def parsed(said: str) -> Seen | None:
    """What a reader had seen, as the id of a message tells it; None where it tells nothing."""
    seq, _, work = said.partition(".")
    return Seen(int(seq), int(work)) if seq.isascii() and seq.isdecimal() and work.isascii() and work.isdecimal() and len(said) < 40 else None
