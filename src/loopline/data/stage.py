"""The data stage: what the sources hold now, in tables that keep their contract."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.data.listing import listing
from loopline.data.spec import DataSpec
from loopline.engine.step import Step, Steps
from loopline.workspace import Ask


def steps(spec: DataSpec, charter: CharterSpec, ask: Ask) -> Steps:
    """One step, stale when a file of a source, a delivery by hand, or the declaration is new."""
    files = {name: listing(source, ask.folder, where=f"data.sources.{name}.path") for name, source in spec.sources.items()}
    declared = spec.fields("sources", "contract")
    columns = {name: {field: value for field, value in column.items() if field != "why"} for name, column in declared["contract"]["columns"].items()}
    contract = {**declared["contract"], "columns": columns}
    delivered = {name: entry.id for name, entry in ask.state.deliveries.items() if name in spec.sources}
    facts = yield Step(
        stage="data",
        name="ingest",
        function="loopline.data.ingest:run",
        reads={"sources": declared["sources"], "contract": contract, "main": spec.main, **charter.fields("predict", "task", "positive", "worth")},
        inputs={"files": {name: [[file.name, file.size, file.mtime_ns] for file in found] for name, found in files.items()}, "delivered": delivered},
        rooms=("data", "charter/spec.py", "charter/worth.py", "expression", "lake", "declaration.py"),
    )
    return facts
