"""Which entries about a table still count: a restore takes back what came after the version to which it goes; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from loopline.errors import Mistake
from loopline.ledger.entry import Entry

EDIT = "edit"
"""The kind of the entries that say what a person did to a table: begun and, once it is in the table, done."""
FORGET = "forget"
"""The kind of the entries that say that somebody was forgotten."""


@dataclass(frozen=True, slots=True)
class _Link:
    """An entry, and those that count before it."""

    entry: Entry
    before: _Link | None


@dataclass(frozen=True)
class Course:
    """What became of a table.

    Parameters
    ----------
    entries
        Those that count, in the ledger's order; of edits only what is done.
    aside
        From the batches that a restore put out of the table, and nobody took in again, to the sequence of its entry.
    begun
        The entry of an edit that may be in the table in part: its process ended before it was done.
    states
        The versions at which the table was whole (after a batch or an edit, not in the midst of one), in ascending order, and where
        its course was then.
    """

    entries: tuple[Entry, ...]
    aside: dict[str, int]
    begun: Entry | None
    states: tuple[tuple[int, _Link], ...]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions at which the table was whole, in ascending order."""
        return tuple(dict.fromkeys(version for version, _ in self.states))

    def at(self, version: int) -> tuple[Entry, ...]:
        """The entries that counted at a version: those after which the table was whole the last time."""
        return tuple(reversed(list(_chain(_state_at(self.states, version)))))


def course(entries: Iterable[Entry]) -> Course:
    """What became of a table after the entries about it, in the ledger's order."""
    last: _Link | None = None
    states: list[tuple[int, _Link]] = []
    aside: dict[str, int] = {}
    begun: Entry | None = None
    for entry in entries:
        if entry.kind == EDIT and entry.body["state"] == "begun":
            begun = entry
            continue
        if entry.kind == EDIT:
            begun = None
        if entry.kind == EDIT and entry.body["verb"] == "restore":
            there = _state_at(states, entry.body["to"])
            back = {one.key for one in _chain(there) if one.kind == "batch"}
            aside |= {one.key: entry.seq for one in _chain(last) if one.kind == "batch" and one.key not in back}
            aside = {batch: seq for batch, seq in aside.items() if batch not in back}
            last = there
        elif entry.kind == "batch":
            aside.pop(entry.key, None)
        last = _Link(entry, last)
        if entry.kind in ("batch", EDIT) and "version" in entry.body:
            states.append((entry.body["version"], last))
    return Course(tuple(reversed(list(_chain(last)))), aside, begun, tuple(states))


def whole_version(found: Course, version: int, *, nearest: bool, where: str) -> int:
    """The version of the table to which it may be restored.

    Parameters
    ----------
    nearest
        Whether the last whole version before stands in for one that lies in the midst of a batch.

    Raises
    ------
    Mistake
        When there is none.
    """
    before = [one for one in found.versions if one <= version]
    if before and (nearest or before[-1] == version):
        return before[-1]
    after = [one for one in found.versions if one > version]
    near = " or ".join(str(one) for one in (*before[-1:], *after[:1]))
    what = f"version {version} holds a delivery only in part" if before else f"version {version} is older than the first delivery"
    raise Mistake(what, where=where, remedy=f"restore version {near}" if near else "deliver rows first")


def _state_at(states: Sequence[tuple[int, _Link]], version: int) -> _Link:
    return states[bisect_right(states, version, key=lambda state: state[0]) - 1][1]


def _chain(link: _Link | None) -> Iterator[Entry]:
    """The entries up to a link, the newest first."""
    while link is not None:
        yield link.entry
        link = link.before
