"""What the machinery is held to, as it is declared: the server, the pipeline, what comes through it, the storage, the machine and the budget."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from loopline.declaration import Span, Spec

MACHINERY = (
    "service_errors",
    "pipeline_failed",
    "contract",
    "pipeline_late",
    "freshness",
    "disk",
    "service_shed",
    "service_slow",
    "memory",
    "budget",
    "outcomes_contradict",
    "quarantined",
    "storage_worse",
    "pipeline_slow",
)
"""The monitors of the machinery, the most urgent first."""


class MachinerySpec(Spec):
    """What is borne of the server, the pipeline, the data, the storage and the machine, before somebody is told.

    Parameters
    ----------
    errors, shed
        The share of requests for predictions that end in an error of the server (500 and above), or are refused because too many wait (429).
    latency_ms
        How long 99 of 100 predictions may take; where it is not said, what is usual.
    fresh
        How old the newest row of a source may be, whether anything comes or not; where it is not said, what is usual.
    contradicted
        The share of the outcomes of the last day that may contradict what was told before.
    memory
        The share of the machine's memory that a step or a server may hold at its peak.
    disk
        How long the disk must last, as it has filled lately.
    budget
        The share of the month's budget (`charter.budget.run`) that may be spent.
    """

    errors: float = Field(default=0.01, ge=0, lt=1)
    shed: float = Field(default=0.01, ge=0, lt=1)
    latency_ms: float | None = Field(default=None, gt=0)
    fresh: dict[str, Annotated[Span, Field(gt=timedelta())]] = {}
    contradicted: float = Field(default=0.01, ge=0, lt=1)
    memory: float = Field(default=0.9, gt=0, le=1)
    disk: Span = Field(default=timedelta(days=14), gt=timedelta())
    budget: float = Field(default=0.9, gt=0, le=1)
