"""The data stage: what the sources hold now, in tables that keep their contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.data.listing import listing
from loopline.data.schedule import asked
from loopline.data.spec import DataSpec
from loopline.engine.step import Step, Steps
from loopline.workspace import Ask


def steps(spec: DataSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """One step, stale when a file of a source, a moment of its schedule, a delivery by hand, or the declaration is new."""
    now = datetime.now(UTC)
    local = {name: source for name, source in spec.sources.items() if source.is_local}
    files = {name: listing(source, ask.folder, where=f"data.sources.{name}.path") for name, source in local.items()}
    due = {name: asked(source, now) for name, source in spec.sources.items() if name not in local}
    delivered = {name: entry.id for name, entry in ask.state.deliveries.items() if name in spec.sources}
    facts = yield Step(
        stage="data",
        name="ingest",
        function="loopline.data.ingest:run",
        reads={**_declared(spec), "main": spec.main, **charter.fields("predict", "task", "positive", "worth")},
        inputs={
            "files": {name: [[file.name, file.size, file.mtime_ns] for file in found] for name, found in files.items()},
            "due": due,
            "delivered": delivered,
        },
        rooms=("data", "charter/spec.py", "charter/worth.py", "expression", "lake", "declaration.py"),
    )
    return facts


def _declared(spec: DataSpec) -> dict[str, Any]:
    """What is declared of sources and contract, without the words that change nothing: reasons, and when a source is asked."""
    declared = spec.fields("sources", "contract", "tables")
    for contract in (declared["contract"], *(source["contract"] or {} for source in declared["sources"].values())):
        for column in contract.get("columns", {}).values():
            del column["why"]
    for source in declared["sources"].values():
        del source["schedule"]
    return declared
