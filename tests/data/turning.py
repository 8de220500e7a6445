"""A project in a folder whose data stage is run as the loop runs it, over real files, ledger and lake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from loopline.data.ingest import run as _  # noqa: F401  the stage's heavy part, loaded once
from loopline.engine.step import Facts
from loopline.errors import LooplineError
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.loop import open_loop


class Turning:
    """A folder with a declaration that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data: dict[str, Any] = {}
        self.charter: dict[str, Any] = {"predict": "late"}

    def write(self, name: str, frame: pl.DataFrame) -> None:
        frame.write_csv(self.folder / name, datetime_format="%Y-%m-%dT%H:%M:%S%.6f")

    def text(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self) -> tuple[Facts, list[str]]:
        """The data stage's facts, and the steps of it that had to be done; what stopped it is raised."""
        self.declare()
        with open_loop(self.folder) as loop:
            before = loop.workspace.ledger.read(kinds=("step",), newest_first=True, limit=1)
            status = loop.run(until="data")
            done = loop.workspace.ledger.read(kinds=("step",), after=before[0].seq if before else 0)
            names = [entry.body["name"] for entry in done if entry.subject == "data" and entry.body["state"] == "succeeded"]
            failed = next((stage for stage in status.stages if stage.stage == "data" and stage.state == "failed"), None)
            if failed is not None:
                assert isinstance(status.error, LooplineError)
                raise status.error
            state = loop.state()
            facts: dict[str, Any] = {name: state.facts("data", name) for name in ("ingest", "join")}
            facts |= {f"table {name}": state.facts("data", f"table {name}") for name in self.data.get("tables", {})}
            return facts, [name for name in names if name != "ingest"]

    def declare(self) -> None:
        declared = {"project": "p", "charter": self.charter, "data": self.data}
        (self.folder / "loopline.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))

    def rows(self, table: str) -> pl.DataFrame:
        with open_loop(self.folder) as loop:
            return Tables(loop.workspace.lake).read(table).sort("__row").drop("__batch", "__line", "__row").collect()

    def version(self, table: str) -> int:
        with open_loop(self.folder) as loop:
            return Tables(loop.workspace.lake).version(table).version

    def entries(self, *kinds: str) -> list[Entry]:
        with open_loop(self.folder) as loop:
            return loop.workspace.ledger.read(kinds=kinds)
