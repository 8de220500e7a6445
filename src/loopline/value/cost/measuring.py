"""Reads from a workspace what a project has taken, keeps and earned, and prices it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.declaration import Rate
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.lake.inventory import Inventory
from loopline.lake.place import Lake
from loopline.ledger.entry import Entry, now
from loopline.ledger.spend import USAGE, total
from loopline.ledger.state import State, fold
from loopline.ledger.store import Ledger
from loopline.serve.segments import KINDS, listing
from loopline.value.cost.costing import Costs, costs_of
from loopline.value.cost.usage import FOLLOWING, MAKING, Stored, Traces, measure
from loopline.value.cost.view import view_of
from loopline.value.realised import PACE_NEEDED, Body, realise
from loopline.value.spec import ValueSpec
from loopline.watch.summary import bodies
from loopline.workspace import Job, Workspace

TURNS, REPORTS = 500, 1000
"""So many turns and reports of servers are measured, the newest: they come without end, and more of them tell nothing more."""

_MONTHS_PER_YEAR = 12
_YEAR = timedelta(days=365.25)


def run(job: Job) -> Facts:
    """The analysis of what the project costs, as an entry keeps it."""
    job.progress.say("adding up what it took")
    reads, inputs = job.step.reads, job.step.inputs
    charter, value = CharterSpec.model_validate(reads["charter"]), ValueSpec.model_validate(reads["value"])
    return view_of(analyse(job.workspace, charter, value, Prices.model_validate(inputs["prices"]), moment=now()))


def analyse(
    workspace: Workspace,
    charter: CharterSpec,
    value: ValueSpec,
    book: Prices,
    *,
    moment: datetime,
    load: float = 1.0,
    volume: Rate | None = None,
    trainings: Rate | None = None,
    is_charters: bool = True,
) -> Costs:
    """What the project in a workspace costs by a price book.

    Parameters
    ----------
    moment
        Now, in UTC.
    load
        Times the present number of decisions.
    volume, trainings
        Taken in place of what the charter says or the project shows; None where that holds.
    is_charters
        Whether the book is the one that the charter names.
    """
    first = _first_followed(workspace.ledger)
    entries = _entries(workspace.ledger, first)
    state = fold(entries)
    windows = _windows(workspace.lake, state)
    judged = state.facts("release", "gates") or {}
    traces = Traces(
        ended=[entry for entry in entries if entry.kind == "step" and entry.body["state"] in ("succeeded", "failed")],
        first_followed=first,
        usage=workspace.ledger.read(kinds=(USAGE,), newest_first=True, limit=REPORTS)[::-1],
        stored=stored(workspace),
        now=moment,
        answer_ms=judged.get("answer_ms"),
        memory_mb=next((gate["value"] for gate in judged.get("gates", ()) if gate["name"] == "memory"), None),
        decisions=decisions_of(charter, windows, volume),
        trainings=trainings,
    )
    built = total(spend for span, spend in state.spans.items() if span.phase == "build").money.get(charter.worth.currency)
    realised = realise(windows, charter, confidence=value.confidence)
    is_supposed = not is_charters or volume is not None or trainings is not None
    return costs_of(measure(traces), book, charter, realised=realised, built=built, today=moment.date(), load=load, is_supposed=is_supposed)


def _first_followed(ledger: Ledger) -> Entry | None:
    """From where on the steps that follow what was served are read; None where that is from the beginning."""
    # Each collecting is two entries, its begin and its end.
    collected = ledger.read(kinds=("step",), subject=FOLLOWING[0], newest_first=True, limit=2 * TURNS)
    return collected[-1] if len(collected) == 2 * TURNS else None


def _entries(ledger: Ledger, first: Entry | None) -> list[Entry]:
    """The entries of champions and steps; of those that follow what was served, from there on and before a package decided."""
    champions = ledger.read(kinds=("champion",))
    decides = next((entry for entry in champions if entry.subject), None)
    if first is None or decides is None:
        return ledger.read(kinds=("step", "champion"))
    built = ledger.read(kinds=("step",), until=decides.time)
    made = [entry for stage in MAKING for entry in ledger.read(kinds=("step",), subject=stage)]
    followed = [entry for stage in FOLLOWING for entry in ledger.read(kinds=("step",), subject=stage, after=first.seq - 1)]
    known = {entry.seq: entry for entry in (*champions, *built, *made, *followed)}
    return [known[seq] for seq in sorted(known)]


def decisions_of(charter: CharterSpec, windows: list[Body], volume: Rate | None) -> tuple[float, str] | None:
    """How many decisions come in a month, and where that is known from; None where too short a time has passed to tell."""
    if volume is not None:
        return volume.per_year / _MONTHS_PER_YEAR, f"{volume}, as was asked for"
    if charter.volume is not None:
        return charter.volume.per_year / _MONTHS_PER_YEAR, f"charter.volume, {charter.volume}"
    if not windows:
        return None
    since = min(datetime.fromisoformat(window["start"]) for window in windows)
    span = max(datetime.fromisoformat(window["end"]) for window in windows) - since
    if span < PACE_NEEDED:
        return None
    rows = sum(window["rows"] for window in windows)
    return rows * (_YEAR / span) / _MONTHS_PER_YEAR, f"{rows:,} came in {span.days} days"


def stored(workspace: Workspace) -> Stored:
    """The bytes that the project keeps now; blobs that projects share count for each of them."""
    lake = workspace.lake
    inventory = Inventory(lake)
    tables, blobs = inventory.sizes(lake.tables), inventory.sizes("blobs")
    logs = tuple(f"{lake.tables}/{kind}/" for kind in KINDS)
    in_log = sum(size for path, size in tables.items() if path.startswith(logs))
    return Stored(
        ledger_bytes=workspace.ledger.size_bytes(),
        lake_bytes=sum(tables.values()) - in_log + sum(blobs.values()),
        log_bytes=in_log + sum(segment.size_bytes for kind in KINDS for segment in listing(lake.log, kind)),
    )


def _windows(lake: Lake, state: State) -> list[Any]:
    watched = state.facts("watch", "windows")
    if watched is None:
        return []
    return bodies(Blobs(lake), watched["summary"])
