"""What becomes known of a request while it is answered, kept for whoever traces it; nothing is kept where nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Part = Literal["score", "log"]
"""The scoring of rows, and the wait until their records are durable."""


class Timeline:
    """One request: which package answers how many rows, what took how long, and why it was refused. No value of a row is in it."""

    __slots__ = ("package", "parts", "refused", "rows")

    def __init__(self) -> None:
        self.package: str | None = None
        self.rows: int | None = None
        self.refused: str | None = None
        self.parts: list[tuple[Part, int, int]] = []

    def took(self, part: Part, since_ns: int) -> None:
        """A part of the work is over now; it began so many nanoseconds after 1970."""
        self.parts.append((part, since_ns, time.time_ns()))


TIMELINE: ContextVar[Timeline | None] = ContextVar("timeline", default=None)
"""That of the request at work; None where nobody traces it."""


@contextmanager
def part(name: Part) -> Iterator[None]:
    """Keep how long a part of the request at work takes."""
    timeline, since_ns = TIMELINE.get(), time.time_ns()
    try:
        yield
    finally:
        if timeline is not None:
            timeline.took(name, since_ns)


def asks(package: str, rows: int) -> None:
    """Keep what the request at work asks for."""
    timeline = TIMELINE.get()
    if timeline is not None:
        timeline.package, timeline.rows = package, rows
