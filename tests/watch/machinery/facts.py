"""Entries as the ledger would have them, at the times that a test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from loopline.ledger.entry import Entry
from loopline.watch.machinery.reading import Reading
from loopline.watch.machinery.seen import Seen
from loopline.watch.spec_machinery import MachinerySpec

NOW = datetime(2024, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(kind: str, subject: str, ago: timedelta, **body: Any) -> Entry:
    return Entry(seq=1, id="1", project="p", kind=kind, subject=subject, body=body, time=NOW - ago, prev_hash="", hash="")


def step(ago: timedelta, seconds: float = 20.0, *, state: str = "succeeded", name: str = "ingest", rows: Any = None, **more: Any) -> Entry:
    facts = {} if rows is None else {"rows": rows}
    return entry("step", "data", ago, state=state, name=name, seconds=seconds, facts=facts, **more)


def usage(ago: timedelta, statuses: dict[str, int] | None = None, within_s: dict[str, int] | None = None, **more: Any) -> Entry:
    return entry("usage", "serve", ago, predicting={"statuses": statuses or {}, "within_s": within_s or {}}, **more)


def reading(ago: timedelta, free: int, *, disk: int = 1000, memory: int | None = 100) -> Reading:
    return Reading(NOW - ago, "box", memory, free, disk)


def seen(spec: dict[str, Any] | None = None, **facts: Any) -> Seen:
    return Seen(spec=MachinerySpec.model_validate(spec or {}), now=NOW, **facts)
