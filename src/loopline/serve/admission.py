"""What the server lets in: bodies up to their size and in time, and no more requests at once than it can answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import Message, Receive

from loopline.declaration import say_duration
from loopline.serve.answers import Refusal
from loopline.serve.spec import Limits

_LATER = "send it again a little later, or to another server"


class Admission:
    """Reads the bodies of requests, and counts those that are not answered yet."""

    def __init__(self, limits: Limits) -> None:
        self.most_rows = limits.rows
        self._limits = limits
        self._max_body = self.most_bytes = int(limits.body_mb * 1_000_000)
        self._max_held = int(limits.memory_mb * 1_000_000)
        self._body_s = limits.body_within.total_seconds()
        self._answer_s = limits.answer_within.total_seconds()
        self._inside = 0
        self._held_bytes = 0

    @asynccontextmanager
    async def taken(self, request: Request) -> AsyncIterator[bytes]:
        """The body of a request that has a place in the queue until it is answered.

        Raises
        ------
        Refusal
            When the body is too large or too slow, too much is held already, or the answer takes too long.
        """
        # A full queue is told before the body comes: the client saves sending it.
        self._require_place()
        body = await self._read(request)
        try:
            async with self.place():
                yield body
        finally:
            self._held_bytes -= len(body)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place in the queue until the answer is made.

        Raises
        ------
        Refusal
            When there is none, or the answer takes too long.
        """
        self._require_place()
        self._inside += 1
        try:
            async with asyncio.timeout(self._answer_s) as clock:
                yield
        except TimeoutError:
            if not clock.expired():
                raise
            what = f"the answer took longer than {say_duration(self._limits.answer_within)}"
            raise Refusal(503, what, remedy=f"{_LATER}; serve.limits.answer_within is the limit") from None
        finally:
            self._inside -= 1

    async def first(self, receive: Receive) -> Message:
        """The first part of a request's body.

        Raises
        ------
        Refusal
            When it does not come in time.
        """
        try:
            async with asyncio.timeout(self._body_s):
                return await receive()
        except TimeoutError:
            raise self._too_slow() from None

    def require_rows(self, count: int, *, reasons: bool = False, name: str = "rows") -> None:
        """Check that so many rows, or outcomes, are taken at once.

        Raises
        ------
        Refusal
            When they are too many.
        """
        if count > self._limits.rows:
            what = f"there are {count:,} {name}, and at most {self._limits.rows:,} are taken at once"
            raise Refusal(413, what, where=name, remedy="send them in several requests, or use loopline score; serve.limits.rows is the limit")
        most = self._limits.reason_rows
        if reasons and count > most:
            what = f"there are {count:,} rows, and at most {most:,} are answered with reasons at once"
            raise Refusal(413, what, where=name, remedy="send them in several requests, or use loopline score --reasons; serve.limits.reason_rows is the limit")

    def _require_place(self) -> None:
        if self._inside >= self._limits.queue:
            raise Refusal(429, f"{self._inside:,} requests wait for their answer already", remedy=f"{_LATER}; serve.limits.queue is the limit")

    async def _read(self, request: Request) -> bytes:
        """The whole body, counted among what is held."""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_body:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_s):
                async for part in request.stream():
                    parts.append(part)
                    size += len(part)
                    self._held_bytes += len(part)
                    if size > self._max_body:
                        raise self._too_large()
                    if self._held_bytes > self._max_held:
                        what = f"the requests that are here already fill {self._limits.memory_mb:g} MB"
                        raise Refusal(429, what, remedy=f"{_LATER}; serve.limits.memory_mb is the limit")
        except BaseException as error:
            self._held_bytes -= size
            if isinstance(error, TimeoutError):
                raise self._too_slow() from None
            raise
        return b"".join(parts)

    def _too_slow(self) -> Refusal:
        what = f"the body did not come within {say_duration(self._limits.body_within)}"
        return Refusal(408, what, where="body", remedy="send it faster, or less at once; serve.limits.body_within is the limit")

    def _too_large(self) -> Refusal:
        what = f"the body is larger than {self._limits.body_mb:g} MB"
        return Refusal(413, what, where="body", remedy="send fewer rows at once, or use loopline score; serve.limits.body_mb is the limit")
