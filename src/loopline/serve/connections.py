"""The server's connections: not more than it can hold, and none that keeps it waiting for the head of a request or with an answer that nobody takes."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from loopline.declaration import say_duration
from loopline.serve.answers import Refusal, failure
from loopline.serve.spec import Limits

_LARGEST_HEAD = 64 << 10
"""Bytes of a request's line and headers together; the parser itself would take any number."""


class Connection(HttpToolsProtocol):
    """A connection as uvicorn has it, within limits."""

    def __init__(self, limits: Limits, **said: Any) -> None:
        super().__init__(**said)
        self._limits = limits
        self._clock: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, or refuse one connection too many."""
        super().connection_made(transport)
        most = self._limits.connections
        if len(self.connections) > most:
            what = f"there are {most:,} connections already"
            self._end(Refusal(503, what, remedy="try again a little later, or another server; serve.limits.connections is the limit"))
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._come()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; whoever has sent a part of a head, or of a body that was answered before its end, must send the rest in time."""
        super().data_received(data)
        if self.transport.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            return
        if not self._in_body:
            self._head_bytes += len(data)
        if self._head_bytes > _LARGEST_HEAD:
            self._end(Refusal(431, f"the headers are larger than {_LARGEST_HEAD >> 10} kB", where="headers", remedy="send what is long in the body"))
        elif self._clock is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The head has come."""
        self._come()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has come, too."""
        self._in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """An answer waits to be taken."""
        super().pause_writing()
        # Closing would wait until it has been taken.
        self._untaken = self.loop.call_later(self._limits.answer_within.total_seconds(), self.transport.abort)

    def resume_writing(self) -> None:
        """The answer is being taken."""
        self._taken()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that it is no HTTP, in our words."""
        self._end(Refusal(400, "this is no HTTP request", remedy="send HTTP/1.1"))

    def _wait(self) -> None:
        self._clock = self.loop.call_later(self._limits.header_within.total_seconds(), self._late)

    def _come(self) -> None:
        self._head_bytes = 0
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _late(self) -> None:
        if self._in_body:
            # It has its answer already, and a second one would be taken for that to the next request.
            self.transport.close()
            return
        what = f"the head of the request did not come within {say_duration(self._limits.header_within)}"
        self._end(Refusal(408, what, where="headers", remedy="send it at once; serve.limits.header_within is the limit"))

    def _end(self, error: Refusal) -> None:
        """Refuse what has come so far, and close."""
        self._come()
        response = failure("", error.status, error)
        head = b"".join(b"%b: %b\r\n" % pair for pair in response.raw_headers)
        self.transport.write(STATUS_LINE[error.status] + head + b"connection: close\r\n\r\n" + bytes(response.body))
        self.transport.close()
