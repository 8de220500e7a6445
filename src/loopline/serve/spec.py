"""Serving as it is declared."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from loopline.declaration import Span, Spec
from loopline.serve.segments import Mode


class Limits(Spec):
    """How much the server takes; what is over a limit is refused with a word that names it, and the server lives on.

    Parameters
    ----------
    body_mb, rows, reason_rows
        The most in one request: of its body, of rows, and of rows that are answered with their reasons.
    queue, memory_mb
        The most at one time: of requests whose body has come and whose answer has not left, and of all bodies together.
    connections
        The most connections that are open at one time.
    header_within, body_within, answer_within
        The longest time that a request's head takes to come, then its body, then its answer to be made, and as long again for it to be taken.
    """

    body_mb: float = Field(default=16.0, gt=0)
    rows: int = Field(default=10_000, ge=1)
    reason_rows: int = Field(default=100, ge=1)
    queue: int = Field(default=256, ge=1)
    memory_mb: float = Field(default=256.0, gt=0)
    connections: int = Field(default=1000, ge=1)
    header_within: Span = Field(default=timedelta(seconds=10), gt=timedelta())
    body_within: Span = Field(default=timedelta(seconds=30), gt=timedelta())
    answer_within: Span = Field(default=timedelta(seconds=60), gt=timedelta())


class ServeSpec(Spec):
    """Where the server listens, how much it takes, and what its log promises.

    `workers` processes share the port. `log` says whether an answer leaves once its record is durable, or may leave before, within a bound.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8378, ge=1, le=65535)
    limits: Limits = Limits()
    log: Mode = "durable"
    workers: int = Field(default=1, ge=1, le=64)
