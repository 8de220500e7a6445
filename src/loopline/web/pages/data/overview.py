"""The first data page: what the sources brought, where every record of it is, how fresh and how ready it is, and what lies under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from loopline.data.batches import KINDS, holding
from loopline.data.overview import overview
from loopline.data.probe.history import KIND as PROBE
from loopline.data.probe.history import worsened
from loopline.data.quarantine.quarantine import QUARANTINE, Balance, balances
from loopline.data.readiness.verdict import Verdict
from loopline.declaration import say_duration
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.kept import Kept
from loopline.web.page import Page
from loopline.web.pages.data import ready
from loopline.web.pages.data.shown import ROWS, is_there, moved, tables_of, version_of
from loopline.web.pages.data.waiting import held_back

_BATCHES = 12
_PROBES = 300


@dataclass(frozen=True)
class Source:
    """What a source brought.

    Parameters
    ----------
    delivered, file
        When the newest batch was taken in, and what it came as.
    newest
        The greatest time in it; None where no column says when.
    within
        How old its newest row may be, where anybody says so.
    is_late
        Whether it is older; None where that cannot be told.
    """

    name: str
    batches: int
    read: int
    accepted: int
    quarantined: int
    merged: int
    delivered: datetime | None
    file: str
    newest: datetime | None
    within: timedelta | None
    is_late: bool | None
    held_back: tuple[Mapping[str, str], ...]

    @property
    def wants(self) -> str:
        """How fresh it should be, in words."""
        return "" if self.within is None else f"at most {say_duration(self.within)} old"

    def as_json(self) -> dict[str, Any]:
        """The source as plain values."""
        moments = {name: None if (at := getattr(self, name)) is None else at.isoformat() for name in ("delivered", "newest")}
        counts = {name: getattr(self, name) for name in ("name", "batches", "read", "accepted", "quarantined", "merged", "file")}
        within = None if self.within is None else self.within.total_seconds()
        return {**counts, **moments, "within_s": within, "is_late": self.is_late, "held_back": [dict(one) for one in self.held_back]}


@dataclass(frozen=True)
class Overview:
    """What the page shows; the balance is of the newest batches, the newest first.

    Parameters
    ----------
    seen
        From a batch that is held back to what a decision on it rests on.
    """

    title: str
    sources: tuple[Source, ...]
    tables: tuple[Mapping[str, Any], ...]
    balance: tuple[Balance, ...]
    batches: int
    ready: Verdict | None
    storage: tuple[str, ...]
    probed: int
    sees_rows: bool
    seen: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "sources": [one.as_json() for one in self.sources],
            "tables": [dict(one) for one in self.tables],
            "balance": [{**vars(one), "is_even": one.is_even} for one in self.balance],
            "batches": self.batches,
            "ready": None if self.ready is None else self.ready.as_json(),
            "storage": {"worse": list(self.storage), "probes": self.probed},
        }


@dataclass(frozen=True)
class _Known:
    tables: tuple[Mapping[str, Any], ...]
    balance: tuple[Balance, ...]
    newest: Mapping[str, Entry]


_KNOWN: Kept[_Known] = Kept(8)


def view(current: Current, asked: Asked) -> Overview:
    """What the data is like now."""
    is_there(current, current.project.declaration.data.main)
    # What was delivered changes with the ledger; the states of refused rows with the quarantine, an instant before or after it.
    known = _KNOWN.of((current.project, moved(current), version_of(current, QUARANTINE)), lambda: _looked_up(current))
    probes = current.workspace.ledger.read(kinds=(PROBE,), newest_first=True, limit=_PROBES)[::-1]
    return Overview(
        title="Data",
        sources=tuple(_source(current, told, known.newest.get(told["table"])) for told in known.tables if told["kind"] == "source"),
        tables=known.tables,
        balance=known.balance[::-1][:_BATCHES],
        batches=len(known.balance),
        ready=ready.judged(current)[0],
        storage=tuple(worsened(probes)),
        probed=len(probes),
        sees_rows=asked.reader.may(ROWS),
        seen={entry.key: seen_of(entry.id) for entry in held_back(current)},
    )


def _looked_up(current: Current) -> _Known:
    workspace, data = current.workspace, current.project.declaration.data
    for name in tables_of(current):
        is_there(current, name)
    newest = {}
    for name in data.sources:
        held = holding(workspace.ledger.read(kinds=KINDS, subject=name))
        if every := [*held.owed.values(), *held.held.values()]:
            newest[name] = max(every, key=lambda entry: entry.seq)
    return _Known(tuple(overview(workspace, data)), tuple(balances(workspace.ledger, Tables(workspace.lake), data.sources)), newest)


def _source(current: Current, told: Mapping[str, Any], entry: Entry | None) -> Source:
    name, declared = told["table"], current.project.declaration
    within = declared.data.contract_of(name).batch.fresh or declared.watch.machinery.fresh.get(name)
    newest = None if entry is None or not entry.body.get("newest") else _aware(datetime.fromisoformat(entry.body["newest"]))
    return Source(
        name=name,
        **{count: told[count] for count in ("batches", "read", "accepted", "quarantined", "merged")},
        delivered=None if entry is None else entry.time,
        file="" if entry is None else entry.body["file"],
        newest=newest,
        within=within,
        is_late=None if within is None or newest is None else current.at - newest > within,
        held_back=tuple(told["held_back"]),
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


PAGES = (Page("data", "/data", view, "data/overview.html.j2"),)
