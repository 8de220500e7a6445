"""What the data pages share: who may see rows, where they are in a list, and the lease under which they write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loopline.data.batches import KINDS
from loopline.data.derived.made import KIND as MADE
from loopline.data.edits.edits import lease
from loopline.data.overview import kinds_of
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.quarantine.replay import REPLAY
from loopline.data.quarantine.settling import settle_all
from loopline.data.rewind import FORGET
from loopline.errors import Fault
from loopline.lake.tables import Tables
from loopline.web.asked import SEE_ROWS, Asked
from loopline.web.current import Current
from loopline.web.kept import Kept
from loopline.web.page import About, Form, Missing

ROWS = SEE_ROWS
"""The roles that may see single rows."""
PER_PAGE = 50
_SAYS = (*KINDS, MADE, REPLAY, FORGET, "replaying", "discard", "mend", "relabel", "answer", "amended")
_MOVED: Kept[int] = Kept(8)
PATIENCE_S = 3.0
"""How long a form waits for another writer of the project before it says who that is."""


@dataclass(frozen=True)
class Part:
    """Which part of a list is shown: `page` counts from 1."""

    page: int
    total: int
    per_page: int = PER_PAGE

    @property
    def skip(self) -> int:
        """How many come before."""
        return (self.page - 1) * self.per_page

    @property
    def pages(self) -> int:
        """How many there are."""
        return max(1, -(-self.total // self.per_page))

    @property
    def before(self) -> int | None:
        """The page before this one."""
        return min(self.page - 1, self.pages) if self.page > 1 else None

    @property
    def after(self) -> int | None:
        """The page after this one."""
        return self.page + 1 if self.page < self.pages else None

    @property
    def says(self) -> str:
        """Where this is, in words."""
        return f"{self.skip + 1:,} to {min(self.total, self.skip + self.per_page):,} of {self.total:,}" if self.total > self.skip else f"none of {self.total:,}"


def page_of(asked: Asked, name: str = "page") -> int:
    """The page that is asked for; the first one where that is no number."""
    return number_of(asked, name, least=1) or 1


def number_of(asked: Asked, name: str, *, least: int = 0) -> int | None:
    """A number behind the question mark; None where there is none, or it is no such number."""
    said = asked.query.get(name, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 12 and int(said) >= least else None


def table_of(current: Current, asked: Asked, *, sources: bool = False) -> str:
    """The table that is asked for: in the address, behind the question mark, or else the main one.

    Raises
    ------
    Missing
        When the declaration makes no such table.
    """
    data = current.project.declaration.data
    known = list(data.sources) if sources else tables_of(current)
    name = asked.path.get("table") or asked.query.get("table") or data.main
    if name not in known:
        raise Missing(f"there is no table {name[:80]!r}", remedy=f"the tables are: {', '.join(known)}")
    return name


def tables_of(current: Current) -> list[str]:
    """The tables that the declaration makes."""
    return [name for name, _, _ in kinds_of(current.project.declaration.data)]


def moved(current: Current) -> int:
    """The place of the newest entry that says anything of data: what is made from those holds until it moves."""
    ledger = current.workspace.ledger
    return _MOVED.of((ledger.url, current.project.name, current.seq), lambda: ledger.newest(_SAYS))


def version_of(current: Current, table: str) -> tuple[str, int]:
    """What a table is at, in its identity and version; nothing where it is not there."""
    if not is_there(current, table):
        return "", -1
    at = Tables(current.workspace.lake).version(table)
    return at.id, at.version


def is_there(current: Current, table: str) -> bool:
    """Whether anything has come into a table yet.

    Raises
    ------
    Fault
        When the ledger tells of rows in it, and the lake has no such table.
    """
    lake = current.workspace.lake
    if Tables(lake).exists(table):
        return True
    if _is_told_of(current, table):
        remedy = "check the lake's address, and that its folder or store is there"
        raise Fault(f"the ledger tells of rows in {table}, and the lake has no such table", where=lake.url, remedy=remedy)
    return False


def _is_told_of(current: Current, table: str) -> bool:
    if table == QUARANTINE:
        return bool((current.state.facts("data", "ingest") or {}).get("quarantined"))
    if table == "predictions":
        return ((current.state.facts("serve", "collect") or {}).get("predictions") or {}).get("version") is not None
    return any(entry.kind == MADE or entry.body["accepted"] for entry in current.workspace.ledger.read(kinds=("batch", MADE), subject=table))


def about(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """What tells of the table of an address; of every table where it names none."""
    return (About(_SAYS, asked.path.get("table")),)


@contextmanager
def writing(current: Current) -> Iterator[None]:
    """The project's lease, with every table settled.

    Raises
    ------
    Mistake
        Where another process holds it for longer than a reader waits; says which.
    """
    with lease(current.workspace.ledger, patience_s=PATIENCE_S):
        settle_all(current.workspace, current.project.declaration.data)
        yield
