"""What steps and the server took, added up by month and stage. Pure.

A month is one of UTC, and what ended in it counts for it. What a step recalled costs nothing; a step that was killed left no end, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from sys import intern
from typing import Literal, NamedTuple

import msgspec

from loopline.ledger.entry import Entry

USAGE = "usage"
"""The kind of the entries in which a server says that it began, and what it took."""

BEGAN, SERVES, ENDED = "began", "serves", "ended"
"""The states of a server's process in its entries."""

REPORT_S = 3600.0
"""Seconds between two entries of a server; one that is killed loses what came after the last one."""
_LATE_S = 60.0
LASTING = timedelta(seconds=REPORT_S + _LATE_S)
"""Who has not reported for longer was killed."""

Phase = Literal["build", "run"]


class Span(NamedTuple):
    """Where something counts.

    Parameters
    ----------
    phase
        ``build`` until the first package decides, ``run`` after that.
    month
        Such as ``2026-11``, in UTC.
    """

    phase: Phase
    month: str
    stage: str


@dataclass(frozen=True, slots=True)
class Spend:
    """What some work took; what nobody measured counts as nothing.

    Parameters
    ----------
    works
        Attempts at steps, and reports of a server.
    wall_s, cpu_s
        Seconds that passed, and seconds of processors.
    peak_bytes
        The most memory that one of them held; None where none was told.
    read_bytes, written_bytes
        Moved from and to devices.
    requests
        Requests that the server answered.
    money
        By currency.
    decisions, sent_bytes
        Decisions that the server answered with, and the bytes of its answers; None where none said so.
    calls
        Times that something was read or written; None where the system does not count it.
    unpriced_s
        Of `wall_s`, the seconds for which the charter had no price when they were reported.
    """

    works: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int | None = None
    read_bytes: int = 0
    written_bytes: int = 0
    requests: int = 0
    money: Mapping[str, float] = field(default_factory=dict)
    decisions: int | None = None
    sent_bytes: int | None = None
    calls: int | None = None
    unpriced_s: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        peaks = [peak for peak in (self.peak_bytes, other.peak_bytes) if peak is not None]

        def sum_of(one: int | None, more: int | None) -> int | None:
            return (one or 0) + (more or 0) if one is not None or more is not None else None

        return Spend(
            works=self.works + other.works,
            wall_s=self.wall_s + other.wall_s,
            cpu_s=self.cpu_s + other.cpu_s,
            peak_bytes=max(peaks, default=None),
            read_bytes=self.read_bytes + other.read_bytes,
            written_bytes=self.written_bytes + other.written_bytes,
            requests=self.requests + other.requests,
            decisions=sum_of(self.decisions, other.decisions),
            sent_bytes=sum_of(self.sent_bytes, other.sent_bytes),
            calls=sum_of(self.calls, other.calls),
            money={name: self.money.get(name, 0.0) + other.money.get(name, 0.0) for name in sorted({*self.money, *other.money})},
            unpriced_s=self.unpriced_s + other.unpriced_s,
        )


class End(msgspec.Struct, frozen=True, gc=False):
    """The end of a step, and what it took: so much of its entry as is kept of every one.

    Parameters
    ----------
    seq, id, time
        Of its entry.
    """

    seq: int
    id: str
    time: datetime
    stage: str
    name: str
    state: str
    wall_s: float
    cpu_s: float
    peak_bytes: int | None
    cost: float | None
    currency: str | None

    @property
    def money(self) -> dict[str, float]:
        """By currency; empty where the step had no price."""
        return {} if self.cost is None or self.currency is None else {self.currency: self.cost}


def end_of(entry: Entry, spend: Spend) -> End:
    """The end of a step, as its entry tells it."""
    body = entry.body
    # Of each there are a few names in all, and a hundred thousand ends.
    stage, name, state = intern(entry.subject), intern(body["name"]), intern(body["state"])
    currency, cost = next(iter(spend.money.items()), (None, None))
    return End(entry.seq, entry.id, entry.time, stage, name, state, spend.wall_s, spend.cpu_s, spend.peak_bytes, cost, currency)


def spend_of(entry: Entry) -> Spend | None:
    """What an entry says that something took: the end of a step, or a server's report; None for any other."""
    body = entry.body
    if entry.kind == "step" and body.get("state") in ("succeeded", "failed") and not body.get("recalled"):
        used = body.get("io") or {}
    elif entry.kind == USAGE and body.get("state") != BEGAN:
        used = body
    else:
        return None
    cost, wall_s = body.get("cost"), body.get("seconds", used.get("wall_s", 0.0))
    return Spend(
        works=1,
        wall_s=wall_s,
        cpu_s=used.get("cpu_s") or 0.0,
        peak_bytes=body.get("peak_bytes"),
        read_bytes=used.get("read_bytes") or 0,
        written_bytes=used.get("written_bytes") or 0,
        requests=body.get("requests", 0),
        decisions=body.get("decisions"),
        sent_bytes=body.get("sent_bytes"),
        calls=used.get("calls"),
        money={} if cost is None else {body["currency"]: cost},
        unpriced_s=wall_s if cost is None else 0.0,
    )


def serving(usage: Iterable[Entry], now: datetime) -> list[Entry]:
    """The newest entry of each process of a server that serves still, as far as its reports say: what it took since is not entered yet.

    Parameters
    ----------
    usage
        The entries of the kind `USAGE`, oldest first; those of the last `LASTING` are enough.
    now
        In UTC.
    """
    newest = {entry.body["server"]: entry for entry in usage if "server" in entry.body}
    return [entry for entry in newest.values() if entry.body["state"] != ENDED and now - entry.time <= LASTING]


def account(entries: Iterable[Entry], *, decides: Entry | None) -> dict[Span, Spend]:
    """What the entries say was spent, by phase, month and stage.

    Parameters
    ----------
    decides
        The entry with which a package decided for the first time; None where none has.
    """
    spans: dict[Span, Spend] = {}
    for entry in entries:
        add(entry, spans, is_run=decides is not None and entry.seq > decides.seq)
    return spans


def add(entry: Entry, spans: dict[Span, Spend], *, is_run: bool) -> Spend | None:
    """What an entry says was spent, once it has been added to the others of its phase, month and stage; None where it says nothing of it."""
    spend = spend_of(entry)
    if spend is not None:
        span = Span("run" if is_run else "build", f"{entry.time:%Y-%m}", entry.subject)
        spans[span] = spans.get(span, Spend()) + spend
    return spend


def total(spends: Iterable[Spend]) -> Spend:
    """The sum of what was spent."""
    return sum(spends, Spend())
