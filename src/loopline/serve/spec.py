"""Serving as it is declared."""

from __future__ import annotations

from pydantic import Field

from loopline.declaration import Spec
from loopline.serve.segments import Mode


class ServeSpec(Spec):
    """Where the server listens, and what it accepts in one request: so many rows, fewer where each is answered with its reasons.

    `workers` processes share the port. `log` says whether an answer leaves once its record is durable, or may leave before, within a bound.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8378, ge=1, le=65535)
    max_rows: int = Field(default=10_000, ge=1)
    max_reason_rows: int = Field(default=100, ge=1)
    max_body_mb: float = Field(default=16.0, gt=0)
    log: Mode = "durable"
    workers: int = Field(default=1, ge=1, le=64)
