"""A small lake with a real table, and packages that the model stage really makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.local import LocalEngine
from loopline.engine.step import Facts, Silence, Step
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft
from loopline.ledger.state import fold
from loopline.ledger.store import Ledger
from loopline.model import stage as model_stage
from loopline.model.spec import ModelSpec
from loopline.release import stage as release_stage
from loopline.release.spec import ReleaseSpec
from loopline.workspace import Ask, Job, Workspace

DATA = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}})
COLUMNS = [
    {"name": "size", "type": "number", "use": True},
    {"name": "kind", "type": "category", "use": True},
    {"name": "at", "type": "datetime", "use": True},
    {"name": "noise", "type": "number", "use": True},
    {"name": "y", "type": "text", "use": True},
]
WORTH = {"binary": {"act_right": 10, "act_wrong": -6}, "multiclass": {"right": 1, "wrong": -1}, "regression": {"over": -1, "under": -2}}


def table(task: str, rows: int = 900) -> pl.DataFrame:
    """Rows whose outcome hangs on size and kind, with some nulls."""
    rng = np.random.default_rng(7)
    size, kind = rng.normal(size=rows), rng.choice(["a", "b", "c"], rows)
    drive = 2 * size + (kind == "a") + rng.normal(scale=0.5, size=rows)
    outcome: dict[str, list[Any]] = {
        "binary": ["yes" if value > 0.5 else "no" for value in drive],
        "multiclass": ["low" if value < -1 else "high" if value > 1 else "middle" for value in drive],
        "regression": [float(value) for value in drive],
    }
    start = datetime(2026, 1, 1)
    return pl.DataFrame(
        {
            "size": [None if lot < 0.05 else float(value) for value, lot in zip(size, rng.random(rows), strict=True)],
            "kind": [None if lot < 0.05 else str(value) for value, lot in zip(kind, rng.random(rows), strict=True)],
            "at": [start + timedelta(hours=index) for index in range(rows)],
            "noise": rng.normal(size=rows),
            "y": outcome[task],
        }
    )


@dataclass(frozen=True)
class Room:
    """A workspace with one table, in which steps are really run."""

    folder: Path
    workspace: Workspace
    task: str

    @property
    def data(self) -> Facts:
        """The data stage's facts on the table."""
        version = Tables(self.workspace.lake).version("t")
        columns = [column if column["name"] != "y" or self.task != "regression" else {**column, "type": "number"} for column in COLUMNS]
        classes = {"binary": ["no", "yes"], "multiclass": ["high", "low", "middle"], "regression": []}[self.task]
        return {
            "main": "t",
            "tables": {"t": {"id": version.id, "version": version.version, "rows": version.rows}},
            "columns": columns,
            "task": self.task,
            "positive": "yes" if self.task == "binary" else None,
            "classes": classes,
            "time": "at",
            "key": [],
            "read": 1000,
            "quarantined": 100,
        }

    def perform(self, step: Step) -> Facts:
        """The facts of a step, once it is done and entered."""
        ledger = self.workspace.ledger
        (started,) = ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body={"state": "started", "name": step.name}))
        job = Job(project="p", folder=self.folder, step=step, attempt=started.id, workspace=self.workspace, progress=Silence())
        facts = self.workspace.engine.run(step.function, job)
        ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body={"state": "succeeded", "name": step.name, "seconds": 60.0, "facts": facts}))
        return facts

    def charter(self, **more: Any) -> CharterSpec:
        """A charter for the table's outcome."""
        return CharterSpec.model_validate({"predict": "y", "worth": {"currency": "USD", **WORTH[self.task]}, **more})

    def made(self, family: str, *, charter: CharterSpec | None = None, **more: Any) -> Facts:
        """The model stage's facts for one family."""
        spec = ModelSpec.model_validate({"families": [family], "search": {"trials": 1}, "assess": {"refits": False}, **more})
        asked = next(model_stage.steps(spec, DATA, charter or self.charter(), self.ask({"data": self.data})))
        assert isinstance(asked, Step)
        return self.perform(asked)

    def ask(self, facts: Mapping[str, Facts]) -> Ask:
        """What a stage sees now."""
        ledger = self.workspace.ledger
        return Ask(project="p", folder=self.folder, state=fold(ledger.read()), facts=facts)

    def checked(self, model: Facts, *, charter: CharterSpec | None = None, data: Mapping[str, Any] | None = None, **limits: Any) -> Facts:
        """The facts of the gates on a package."""
        ask = self.ask({"data": {**self.data, **(data or {})}, "model": model})
        asked = next(release_stage.steps(ReleaseSpec.model_validate(limits), DATA, charter or self.charter(), ask))
        assert isinstance(asked, Step)
        return self.perform(asked)

    def crown(self, package: str) -> None:
        """Make a package the champion."""
        self.workspace.ledger.append(Draft(kind="champion", subject=package, body={"how": "promoted", "why": "w", "previous": None, "approvals": []}))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Callable[[str], Room]]:
    ledgers: list[Ledger] = []

    def opened(task: str) -> Room:
        ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p")
        ledgers.append(ledger)
        lake = Lake(str(tmp_path / "lake"))
        Tables(lake).append("t", table(task))
        return Room(tmp_path, Workspace(ledger, lake, LocalEngine(1)), task)

    yield opened
    for ledger in ledgers:
        ledger.close()
