"""A table that a person edits: what is declared of it, where it lies, what became of it; and the edits of it that hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import polars as pl

from loopline.data.batches import KINDS, Holding, holding, terms_digest
from loopline.data.contract.contract import Terms
from loopline.data.contract.terms import terms_of
from loopline.data.rewind import EDIT, Course, course
from loopline.data.spec import RESERVED, DataSpec, SourceSpec
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.workspace import Workspace

QUARANTINE = "quarantine"
"""The table of refused rows."""


@dataclass(frozen=True)
class Edited:
    """A source's table, with what the ledger says of it now; made anew after each entry."""

    workspace: Workspace
    data: DataSpec
    name: str

    @property
    def source(self) -> SourceSpec:
        """What is declared of its source."""
        return self.data.sources[self.name]

    @cached_property
    def tables(self) -> Tables:
        """The lake's tables."""
        return Tables(self.workspace.lake)

    @cached_property
    def blobs(self) -> Blobs:
        """The lake's blobs."""
        return Blobs(self.workspace.lake)

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries about it, in the ledger's order."""
        return self.workspace.ledger.read(kinds=KINDS, subject=self.name)

    @cached_property
    def course(self) -> Course:
        """What became of it."""
        return course(self.entries)

    @cached_property
    def holding(self) -> Holding:
        """The batches that it holds."""
        return holding(self.entries)

    def rows(self) -> pl.LazyFrame:
        """Its rows now."""
        return self.tables.read(self.name)

    def terms(self) -> Terms:
        """Its contract; a column of which nothing is said keeps the type that it has."""
        schema = self.rows().collect_schema()
        return terms_of(self.tables, self.data, self.name, schema, schema=schema)

    def require_ready(self, *, checked: bool = True) -> None:
        """Check that the table holds what its sources delivered, and nothing half; under the present contract where it must be `checked`.

        Raises
        ------
        Mistake
            When it does not; it says what to do first.
        """
        if not self.holding.held and not self.holding.owed:
            raise Mistake(f"table {self.name!r} holds no delivery yet", remedy=f"loopline data ingest FILE --source {self.name}")
        if self.holding.begun is not None:
            raise Mistake(f"a delivery to table {self.name!r} was interrupted", remedy="finish it first: loopline run")
        if not checked:
            return
        if self.holding.owed or terms_digest(self.source, self.data.contract_of(self.name)) != self.holding.terms:
            raise Mistake(f"the contract has changed since table {self.name!r} was checked", remedy="check its rows again first: loopline run")


def opened(workspace: Workspace, data: DataSpec, name: str) -> Edited:
    """The table, which belongs to a source.

    Raises
    ------
    Mistake
        When it does not; what is made of others is changed where it comes from.
    """
    if name in data.sources:
        return Edited(workspace, data, name)
    if name in data.tables:
        raise Mistake(f"table {name!r} is made of others", remedy="change the tables that it reads; the next loopline run makes it anew")
    if name in RESERVED:
        raise Mistake(f"table {name!r} is kept by Loopline itself", remedy="look at it with loopline data get")
    near = get_close_matches(name, data.sources, n=1, cutoff=0.5)
    raise Mistake(f"there is no source {name!r}", remedy=f"did you mean {near[0]!r}?" if near else f"the sources are: {', '.join(data.sources)}")


@dataclass(frozen=True)
class Standing:
    """The edits of a table.

    Parameters
    ----------
    holds
        Those that hold, in their order: a restore undoes later ones, and what replaces the table ends them.
    due
        From the id of one that the table lost, because it was made anew from its batches, to the sequence of the entry that did so.
    carried
        Those of `due` that lost no more than rows of a file that changed, which live on in the batch that has its place.
    taken
        The batches whose place another one took when their file changed: the sequence of the entry, the old one and the new one.
    """

    holds: tuple[Entry, ...]
    due: Mapping[str, int]
    carried: frozenset[str]
    taken: tuple[tuple[int, str, str], ...]

    def became(self, batch: str, after: int) -> str:
        """The batch that has the place of another by now; only what happened after the entry with that sequence counts."""
        for seq, old, new in self.taken:
            if seq > after and old == batch:
                batch = new
        return batch


def standing(entries: Iterable[Entry]) -> Standing:
    """The edits of a table after the entries about it that count (`rewind.Course.entries`)."""
    holds: list[Entry] = []
    due: dict[str, int] = {}
    carried: set[str] = set()
    taken: list[tuple[int, str, str]] = []
    held: set[str] = set()
    owed: set[str] = set()
    # From a file to the batch that its interrupted successor had taken out already.
    lost: dict[str, str] = {}
    for entry in entries:
        body: Mapping[str, Any] = entry.body
        if entry.kind == "contract":
            owed, held = owed | held, set()
            due, carried = {edit.id: entry.seq for edit in holds}, set()
        elif entry.kind == "undone":
            if body["supersedes"]:
                lost[body["file"]] = body["supersedes"]
            held -= {entry.key, body["supersedes"]}
            owed -= {entry.key, body["supersedes"]}
        elif entry.kind == "batch":
            if body["mode"] == "replace" and entry.key not in owed:
                holds, due, carried, held, owed = [], {}, set(), set(), set()
            elif not held:
                due, carried = {edit.id: entry.seq for edit in holds}, set()
            old = body["supersedes"] or (lost.pop(body["file"], None) if body["how"] == "source" else None)
            if old:
                taken.append((entry.seq, old, entry.key))
                carried |= {edit.id for edit in holds if edit.id not in due}
                due |= {edit.id: entry.seq for edit in holds}
            held = (held - {body["supersedes"]}) | {entry.key}
            owed -= {entry.key, body["supersedes"]}
        elif entry.kind == EDIT and body["verb"] in ("update", "delete", "upsert"):
            holds.append(entry)
        elif entry.kind == EDIT and body["verb"] == "reapply":
            due = {edit: seq for edit, seq in due.items() if edit not in body["edits"]}
            carried -= set(body["edits"])
    return Standing(tuple(holds), due, frozenset(carried), tuple(taken))
