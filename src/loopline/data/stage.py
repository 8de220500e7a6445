"""The data stage: what the sources hold now, in tables that keep their contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.data.derived.functions import source_digest
from loopline.data.listing import File, listing
from loopline.data.moments import resolved
from loopline.data.schedule import asked
from loopline.data.spec import SPEC, DataSpec
from loopline.engine.step import Facts, Step, Steps
from loopline.workspace import Ask

_TABLE_ROOMS = ("data/batches.py", "data/casting.py", "data/contract", "data/derived", "data/rewind.py")


def steps(spec: DataSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """What the sources hold, stale when a file of one, a moment of its schedule, a delivery by hand or the declaration is new; then each derived table,
    and what is looked up.
    """
    now = datetime.now(UTC)
    local = {name: source for name, source in spec.sources.items() if source.is_local}
    files = {name: listing(source, ask.folder, where=f"data.sources.{name}.path") for name, source in local.items()}
    due = {name: asked(source, now) for name, source in spec.sources.items() if name not in local}
    delivered = {name: entry.id for name, entry in ask.state.deliveries.items() if name in spec.sources}
    known: dict[str, Any] = {}
    early: dict[str, Facts] = {}
    for name, needs in spec.made_early().items():
        # A contract refers to it: it is made before the sources that do are taken in.
        if first := [source for source in needs if source not in known]:
            known |= (yield _ingest(spec, charter, files, due, delivered, only=first))["tables"]
        early[name] = yield _table(spec, name, known, ask.folder)
        known[name] = _version_of(early[name])
    taken = yield _ingest(spec, charter, files, due, delivered)
    facts: dict[str, Any] = {**taken, "tables": dict(taken["tables"])}
    for name in spec.made_in_order():
        made = early.get(name) or (yield _table(spec, name, facts["tables"], ask.folder))
        facts["tables"][name] = _version_of(made)
        facts["says"] += f"; {made['says']}"
    if spec.lookups:
        joined = yield _join(spec, charter, facts["tables"])
        facts |= {**joined, "tables": {**facts["tables"], **joined["tables"]}, "says": f"{facts['says']}; {joined['says']}"}
    return facts


def _ingest(
    spec: DataSpec, charter: CharterSpec, files: Mapping[str, list[File]], due: Mapping[str, Any], delivered: Mapping[str, str], *, only: Sequence[str] = ()
) -> Step:
    """What the sources hold; of some of them only, and unmeasured, where derived tables must be made of these first."""
    measured_here = not spec.lookups and not only
    early = spec.made_early()
    return Step(
        stage="data",
        name=f"ingest {' and '.join(only)}" if only else "ingest",
        function="loopline.data.ingest:run",
        reads={
            **_declared(spec),
            "main": spec.main,
            # The derived tables that contracts refer to.
            **({"tables": {name: spec.tables[name].model_dump(mode="json") for name in early}} if early else {}),
            **({"only": list(only)} if only else {}),
            # What is measured by them is told by the step that joins, where there is one.
            "measures": measured_here,
            **(charter.fields(*MEASURED_FOR) if measured_here else {}),
        },
        inputs={
            "files": {name: [[file.name, file.size, file.mtime_ns] for file in found] for name, found in files.items() if not only or name in only},
            "due": {name: moment for name, moment in due.items() if not only or name in only},
            "delivered": {name: id for name, id in delivered.items() if not only or name in only},
        },
        rooms=("data", "charter/ranges.py", "charter/spec.py", "charter/worth.py", "expression", "lake", "declaration.py"),
    )


def _declared(spec: DataSpec) -> dict[str, Any]:
    """What is declared of sources and contract, without the words that change nothing: reasons, and when a source is asked."""
    declared = spec.fields("sources", "contract")
    for contract in (declared["contract"], *(source["contract"] or {} for source in declared["sources"].values())):
        for column in contract.get("columns", {}).values():
            del column["why"], column["unit"]
    for source in declared["sources"].values():
        del source["schedule"]
    return declared


def _table(spec: DataSpec, name: str, versions: Mapping[str, Any], folder: Path) -> Step:
    """A derived table, stale when its declaration, its function's module or a table that it reads is new."""
    table = spec.tables[name]
    return Step(
        stage="data",
        name=f"table {name}",
        function="loopline.data.derived.derived:run",
        reads={"table": name, "spec": table.model_dump(mode="json"), **({"said_at": table.said_at} if table.said_at is not None else {})},
        inputs={
            "tables": _versions(versions, table.needs_of(name, versions)),
            "own": None if table.function is None else source_digest(table.function, folder),
        },
        rooms=(*_TABLE_ROOMS, *SPEC, "charter/ranges.py", "charter/spec.py", "charter/worth.py", "expression", "lake", "declaration.py"),
    )


def _join(spec: DataSpec, charter: CharterSpec, versions: Mapping[str, Any]) -> Step:
    """The main table with what its lookups find, stale when a lookup, a table or what the measures are for is new."""
    lookups = resolved(spec, charter)
    tables = dict.fromkeys((spec.main, *(lookup.table for lookup in lookups)))
    return Step(
        stage="data",
        name="join",
        function="loopline.data.derived.joined:run",
        reads={
            "main": spec.main,
            "lookups": [lookup.plain() for lookup in lookups],
            "columns": {name: _used(spec, name) for name in tables},
            **charter.fields(*MEASURED_FOR),
        },
        inputs={"tables": _versions(versions, tables)},
        rooms=("data", "charter/ranges.py", "charter/spec.py", "charter/worth.py", "expression", "lake", "declaration.py"),
    )


def _version_of(made: Facts) -> dict[str, Any]:
    return {part: made[part] for part in ("id", "version", "rows")}


def _versions(versions: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: {part: versions[name][part] for part in ("id", "version")} for name in names}


def _used(spec: DataSpec, table: str) -> dict[str, Any]:
    """What a contract says of a table's columns that matters once its rows are in."""
    columns = spec.contract_of(table).columns if table in spec.sources else {}
    return {name: column.model_dump(mode="json", include={"type", "use"}) for name, column in columns.items()}
