"""What may go now, found under the lease of every project that shares the lake; and its removal, which can be killed and called again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from loopline.engine.step import Progress
from loopline.housekeeping.citations import Citations, Reader
from loopline.housekeeping.segments import collected
from loopline.housekeeping.spec import KeepSpec
from loopline.lake import objects
from loopline.lake.blobs import Blobs, Kept
from loopline.lake.files import leftovers
from loopline.lake.tables import Tables
from loopline.lake.vacuum import Stale, remove, stale
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.model.package import load_manifest
from loopline.serve.segments import Segment
from loopline.workspace import Workspace

KIND = "gc"
"""The kind of the entries that say what was freed."""
WHAT = {
    "logs": "segments of the prediction log that are in their tables",
    "versions": "data files that only earlier versions of tables held",
    "trials": "blobs of packages that never decided, and of results that newer ones have replaced",
    "blobs": "blobs that nothing names",
    "leftovers": "files that killed writers left",
}
"""What is freed, by kind."""
_RAW = ("quarantine", "mends", "cleaned")
"""Tables whose rows name batches, the raw bytes of which may be asked for."""
_PAGE = 10_000
_STRANGER = timedelta(days=1)
"""Where writers may be at work that hold no lease of ours, a file of theirs is not a leftover before it is so old."""


@dataclass(frozen=True)
class Plan:
    """What may go.

    Parameters
    ----------
    trials, blobs
        Blobs that were named once, and those that never were.
    steps
        Keys of the steps whose results go: with the same inputs they are computed again.
    held_back
        What stays although it might go, and why.
    """

    segments: tuple[Segment, ...] = ()
    tables: tuple[Stale, ...] = ()
    trials: tuple[Kept, ...] = ()
    blobs: tuple[Kept, ...] = ()
    leftovers: tuple[tuple[Path, int], ...] = ()
    steps: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()

    @property
    def freed(self) -> dict[str, dict[str, int]]:
        """How many things and bytes go, by kind."""
        sizes = {
            "logs": [segment.size_bytes for segment in self.segments],
            "versions": [file.size_bytes for table in self.tables for file in table.files],
            "trials": [blob.size_bytes for blob in self.trials],
            "blobs": [blob.size_bytes for blob in self.blobs],
            "leftovers": [size for _, size in self.leftovers],
        }
        return {kind: {"count": len(found), "bytes": sum(found)} for kind, found in sizes.items()}

    @property
    def is_empty(self) -> bool:
        """Whether nothing may go."""
        return not any(part["count"] for part in self.freed.values())

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values: counts, and no names of files."""
        tables = {one.table: {"files": len(one.files), "bytes": one.size_bytes, "versions": len(one.versions)} for one in self.tables}
        return {"freed": self.freed, "tables": tables, "steps": len(self.steps), "held_back": list(self.held_back)}


@contextmanager
def alone(ledger: Ledger) -> Iterator[None]:
    """Holds the lease of every project of a ledger: none of them can name a blob while it is judged and removed.

    Raises
    ------
    Mistake
        Where one of them is running; says which process.
    """
    with ExitStack() as stack:
        stack.enter_context(ledger.lease())
        for project in ledger.projects():
            if project != ledger.project:
                stack.enter_context(ledger.beside(project).lease())
        yield


def _entries(ledger: Ledger) -> Iterator[Entry]:
    """Every entry of every project, page by page."""
    last = 0
    while page := ledger.read(after=last, limit=_PAGE, all_projects=True):
        yield from page
        last = page[-1].seq


def plan(workspace: Workspace, keep: KeepSpec, *, now: datetime, progress: Progress) -> Plan:
    """What may go; nothing is removed. Who means to remove it holds `alone` before.

    Raises
    ------
    Fault
        Where it cannot be known what a package that decided consists of.
    """
    lake, tables = workspace.lake, Tables(workspace.lake)
    progress.say("reading what the ledger names")
    reader = Reader(workspace.ledger.project)
    for entry in _entries(workspace.ledger):
        reader.add(entry)
    served = _distinct(tables, "predictions", "package")
    cited = reader.citations(served=served, batches={batch for name in _RAW for batch in _distinct(tables, name, "batch")})
    progress.say("looking at the tables")
    found = (
        stale(lake, name, keep={version for table, version in cited.versions if table == name}, since=now - keep.versions) for name in sorted(tables.names())
    )
    progress.say("looking at the blobs")
    strangers = sorted(set(_projects_of_lake(workspace)) - cited.projects)
    trials, blobs = ((), ()) if strangers else _blobs(workspace, cited, keep, now)
    gone = {blob.digest for blob in trials}
    held_back = [f"blobs: the lake is shared with {name}, whose ledger is another one" for name in strangers]
    return Plan(
        segments=tuple(collected(tables, lake.log, before=now - keep.logs, now=now)),
        tables=tuple(one for one in found if one.files),
        trials=trials,
        blobs=blobs,
        leftovers=tuple(_left(workspace, timedelta(0) if not strangers else _STRANGER)),
        steps=tuple(sorted(key for key, named in cited.steps.items() if named & gone)),
        held_back=tuple(held_back),
    )


def _distinct(tables: Tables, table: str, column: str) -> set[str]:
    """The texts in a table's column; none where there is no such table or column."""
    if not tables.exists(table):
        return set()
    rows = tables.read(table)
    if column not in rows.collect_schema():
        return set()
    return {value for value in rows.select(pl.col(column).unique()).collect(engine="streaming")[column].to_list() if value}


def _projects_of_lake(workspace: Workspace) -> list[str]:
    """The projects that have tables in the lake."""
    if not workspace.lake.project:
        return []
    with objects.told(workspace.lake):
        return objects.folders(workspace.lake, "tables")


def _blobs(workspace: Workspace, cited: Citations, keep: KeepSpec, now: datetime) -> tuple[tuple[Kept, ...], tuple[Kept, ...]]:
    """The blobs that were named once and may go, and those that never were."""
    store = Blobs(workspace.lake)
    # Also of a package that came from elsewhere, of which this ledger does not list the files.
    needed = cited.needed | {digest for package in cited.packages if store.exists(package) for digest in load_manifest(store, package)["files"].values()}
    old = [blob for blob in store.listed() if blob.time <= now - keep.blobs and blob.digest not in needed]
    trials = tuple(blob for blob in old if blob.digest in cited.past and cited.past[blob.digest] <= now - keep.trials)
    return trials, tuple(blob for blob in old if blob.digest not in cited.past)


def _left(workspace: Workspace, older_than: timedelta) -> Iterator[tuple[Path, int]]:
    for file in leftovers(workspace.lake, older_than=older_than):
        with suppress(FileNotFoundError):
            yield file, file.stat().st_size


def free(workspace: Workspace, planned: Plan, *, keep: KeepSpec, by: str, progress: Progress) -> Entry | None:
    """The entry that says what was freed, once it is gone; None where there was nothing.

    Killed in the middle, it is called again: what is left is found again. Steps whose results go are named in the ledger first, so that no
    later run takes them for done.
    """
    if planned.is_empty:
        return None
    ledger, blobs, lake = workspace.ledger, Blobs(workspace.lake), workspace.lake
    parents: tuple[str, ...] = ()
    if planned.steps:
        (begun,) = ledger.append(Draft(kind=KIND, body={"state": "begun", "steps": list(planned.steps)}, actor=by))
        parents = (begun.id,)
    work: list[tuple[Callable[[], None], str]] = [
        *((segment.path.unlink, "logs") for segment in planned.segments),
        *((partial(remove, lake, one), "versions") for one in planned.tables),
        *((partial(blobs.remove, blob.digest), "blobs") for blob in (*planned.trials, *planned.blobs)),
        *((file.unlink, "leftovers") for file, _ in planned.leftovers),
    ]
    for done, (once, kind) in enumerate(work):
        progress.at(done, len(work), unit="removals", note=kind)
        with suppress(FileNotFoundError):
            once()
    body: Mapping[str, Any] = {"state": "done", **planned.as_json(), "keep": keep.model_dump(mode="json")}
    return ledger.append(Draft(kind=KIND, body={**body, "steps": list(planned.steps)}, parents=parents, actor=by))[0]
