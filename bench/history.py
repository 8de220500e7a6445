"""Years of history for a project, written at once: a million entries of a credible mix, with a chain that holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from loopline.ledger import chain
from loopline.ledger.entry import Draft, Entry, id_of, now
from loopline.ledger.store import Ledger

TURN = timedelta(hours=1)
TRIALS = 120
_TURNS_PER_DAY, _ALERTED = 24, 7
_HOURLY = ("data", "ingest"), ("serve", "collect"), ("watch", "windows"), ("watch", "machinery")
_DAILY = ("value", "lift"), ("value", "review")
_USAGE = {"requests": 1200, "decisions": 1200, "cpu_s": 9.5, "wall_s": 3600.0, "sent_bytes": 480_000, "peak_bytes": 210_000_000, "calls": 4000}


Keep = Callable[[Mapping[str, Any]], tuple[str, Mapping[str, str]]]


class History:
    """What a project would have entered, after the entries of one that is small and finished.

    Parameters
    ----------
    templates
        The entries of the small one: each that is made has the body of one of them, with other digests.
    keep
        Keeps a package that has the files of the small one's under a manifest of its own; gives its digest, and its signature as an entry says it.
    """

    def __init__(self, templates: Sequence[Entry], keep: Keep) -> None:
        self._keep = keep
        self._steps = {(one.subject, one.body["name"]): one for one in templates if one.kind == "step" and one.body["state"] == "succeeded"}
        self._one = {one.kind: one for one in templates}
        self._package = self._one["package"].subject
        self._last = ""

    def turns(self) -> Iterator[list[Draft]]:
        """What one turn after the other enters: hour by hour, with a search each day."""
        number = 0
        while True:
            drafts = self._turn(number)
            if number % _TURNS_PER_DAY == 0:
                drafts += self._day(number // _TURNS_PER_DAY)
            yield drafts
            number += 1

    def _turn(self, number: int) -> list[Draft]:
        made = [draft for step in _HOURLY for draft in self._step(*step, number)]
        batch = _digest("batch", number)
        # Of a table that the declaration has no more: nobody looks for their rows.
        made += [replace(_draft(self._one[kind]), subject="orders", key=batch) for kind in ("begun", "batch")]
        # A window is computed again while outcomes come for it.
        made += [replace(_draft(self._one["window"]), key=f"{number // _TURNS_PER_DAY - late:05}", subject=self._last) for late in range(6)]
        made += [Draft(kind="usage", subject="serve", body={"state": "serves", "server": "s1", "cost": 0.05, "currency": "EUR", **_USAGE})]
        made += [Draft(kind="turn", body={"state": "done", "host": "bench", "at": "", "seconds": 9.0})]
        if number % _ALERTED == 0:
            made += self._alert(number)
        return made

    def _alert(self, number: int) -> list[Draft]:
        about, since = _digest("alert", number % 500)[:12], f"2020-{number:05}"
        body, items = dict(self._one["alert"].body), [{"alert": about, "since": since, "purpose": "told"}]
        message = {"done": number % 3 > 0, "at": now().isoformat(), "why": "", "items": items, "role": "data", "channel": "mail"}
        states = (body, {**body, "state": "acknowledged", "by": "dan@example.com"}, {**body, "state": "resolved"})
        first, *rest = (Draft(kind="alert", subject=about, key=since, body=one, actor="dan@example.com" if "by" in one else "loopline") for one in states)
        return [first, Draft(kind="message", subject="m1", body=message), *rest]

    def _day(self, day: int) -> list[Draft]:
        """A search and its package, which its gates let through and nobody releases."""
        template, study = self._one["package"].body, _digest("study", day)
        package, signature = self._keep(manifest := {**template["manifest"], "day": day})
        made = [draft for step in _DAILY for draft in self._step(*step, day)]
        made += [replace(_draft(self._one["trial"]), subject=study, key=_digest("trial", day, trial)) for trial in range(TRIALS)]
        made += [Draft(kind="signature", subject=package, body=signature)]
        made += [Draft(kind="package", subject=package, key=self._one["package"].key, body={**template, "manifest": manifest})]
        made += [*self._step("model", "search", day, package), *self._step("release", "gates", day, package)]
        self._last = package
        return made

    def _step(self, stage: str, name: str, number: int, package: str = "") -> list[Draft]:
        done = _draft(self._steps[stage, name], self._package, package)
        key = _digest(stage, name, number)
        return [Draft(kind="step", subject=stage, key=key, body={"state": "started", "name": name}), replace(done, key=key)]


def write(file: Path, templates: Sequence[Entry], *, entries: int, keep: Keep) -> None:
    """Write a history of so many entries to a new ledger, in which no package has decided yet: what decides has to lie in the lake.

    Parameters
    ----------
    file
        The SQLite file.
    keep
        As `History` is told.
    """
    project = templates[0].project
    with Ledger.open(f"sqlite:///{file}", project):
        pass
    head, begins, turns = chain.Head(), now() - timedelta(days=1), History(templates, keep).turns()
    with sqlite3.connect(file, isolation_level=None) as bare:
        bare.execute("PRAGMA synchronous=OFF")
        bare.execute("BEGIN")
        # The time of the first turn, so that the last one was yesterday.
        time = begins - TURN * (entries / _per_turn(templates))
        while head.seq < entries:
            head, time = _enter(bare, next(turns)[: entries - head.seq], head, project, time), time + TURN
        bare.execute("UPDATE ledger_head SET seq = ?, hash = ?", head)
        bare.execute("COMMIT")
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _per_turn(templates: Sequence[Entry]) -> float:
    turns = History(templates, lambda manifest: (_digest(manifest), {})).turns()
    many = _TURNS_PER_DAY * _ALERTED
    return sum(len(next(turns)) for _ in range(many)) / many


def _enter(bare: sqlite3.Connection, drafts: Sequence[Draft], head: chain.Head, project: str, time: datetime) -> chain.Head:
    """Append drafts as a turn does, each after the one before it."""
    # The parent of a turn's entries is the last one of the turn before.
    parent = (id_of(*head),) if head.seq else ()
    rows, _ = chain.seal((chain.write(replace(draft, parents=parent)) for draft in drafts), head=head, project=project, time=time)
    bare.executemany(f"INSERT INTO ledger_entries VALUES ({', '.join('?' * len(chain.Row._fields))})", rows)
    return chain.Head(rows[-1][0], rows[-1][-1])


def _draft(entry: Entry, old: str = "", new: str = "") -> Draft:
    body = json.loads(json.dumps(entry.body).replace(old, new)) if new else entry.body
    return Draft(kind=entry.kind, subject=entry.subject, key=entry.key, body=body)


def _digest(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()
