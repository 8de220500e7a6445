"""Small real searches: a workspace with one table, and the model stage run on it; also as a command, to be killed midway."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.spec import CharterSpec
from loopline.charter.worth import as_text
from loopline.data.spec import HIDDEN, ROW, DataSpec
from loopline.engine.local import LocalEngine
from loopline.engine.step import Facts, Progress, Silence, Step, Steps
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.model import stage
from loopline.model.material import Material, prepare
from loopline.model.order import Order
from loopline.model.package import Package, load
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust
from loopline.model.spec import ModelSpec
from loopline.workspace import Ask, Job, Workspace

WORTH: Mapping[str, Mapping[str, Any]] = {
    "binary": {"act_right": 10, "act_wrong": -6},
    "multiclass": {"right": 1, "wrong": -1},
    "regression": {"over": -1, "under": -2},
}


def table(task: str, rows: int = 600, *, seed: int = 7) -> pl.DataFrame:
    """Rows whose outcome hangs on size, kind and the hour, with some nulls, an identifier and a constant."""
    rng = np.random.default_rng(seed)
    size, kind, hour = rng.normal(size=rows), rng.choice(["a", "b", "c"], rows), np.arange(rows) % 24
    drive = 2 * size + (kind == "a") + (hour > 12) + rng.normal(scale=0.5, size=rows)
    outcomes: Mapping[str, list[Any]] = {
        "binary": ["yes" if value > 0.7 else "no" for value in drive],
        "multiclass": ["low" if value < -1 else "high" if value > 1.5 else "middle" for value in drive],
        "regression": [float(value) for value in drive],
    }
    holes = rng.random((rows, 2)) < 0.05
    return pl.DataFrame(
        {
            "id": [f"row {index}" for index in range(rows)],
            "at": [datetime(2026, 1, 1) + timedelta(hours=index) for index in range(rows)],
            "size": [None if hole else float(value) for value, hole in zip(size, holes[:, 0], strict=True)],
            "kind": [None if hole else str(value) for value, hole in zip(kind, holes[:, 1], strict=True)],
            "count": rng.integers(0, 9, rows),
            "flag": rng.random(rows) < 0.3,
            "same": ["always"] * rows,
            "y": outcomes[task],
        }
    )


_KINDS = {pl.Boolean: "boolean", pl.String: "category", pl.Date: "date"}


def column_type(kind: pl.DataType) -> str:
    """The type that the data stage's facts give a column."""
    if isinstance(kind, pl.Datetime):
        return "datetime"
    return "integer" if kind.is_integer() else "number" if kind.is_numeric() else _KINDS[type(kind)]


@dataclass(frozen=True)
class Study:
    """A table and what is declared about it, in a folder of its own."""

    folder: Path
    frame: pl.DataFrame
    task: str
    model: Mapping[str, Any] = field(default_factory=dict)
    charter: Mapping[str, Any] = field(default_factory=dict)
    time: str | None = "at"
    key: tuple[str, ...] = ()
    order: str | None = None
    positive: str = "yes"
    target: str = "y"

    @property
    def workspace(self) -> Workspace:
        """Ledger and lake of the folder."""
        return Workspace(Ledger.open(f"sqlite:///{self.folder}/ledger.db", "p"), Lake(str(self.folder / "lake")), LocalEngine())

    @property
    def declared(self) -> ModelSpec:
        """What is declared of the model; without the assessment's fits, unless it is said otherwise: they take longer than the search."""
        return ModelSpec.model_validate({"search": {"trials": 4}, "assess": {"refits": False}, **self.model})

    def step(self, workspace: Workspace) -> Step:
        """The step that the stage asks for, on the table as it lies in the lake."""
        return self._asked(workspace, stage.steps)

    def sounded(self) -> Facts:
        """What each way to decide earns, before the search."""
        workspace = self.workspace
        with workspace.ledger:
            step = self._asked(workspace, partial(stage.sounding, forced=True))
            return workspace.engine.run(step.function, Job(project="p", folder=self.folder, step=step, attempt="", workspace=workspace, progress=Silence()))

    def _asked(self, workspace: Workspace, story: Callable[..., Steps]) -> Step:
        """The first step of a story of the stage's, on the table as it lies in the lake."""
        tables = Tables(workspace.lake)
        tables.append("t", self.frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW)), batch="first")
        version = tables.version("t")
        labels = sorted({as_text(value) for value in self.frame[self.target].to_list() if value is not None})
        classes = {"binary": [*[label for label in labels if label != self.positive], self.positive], "multiclass": labels, "regression": []}[self.task]
        facts = {
            "main": "t",
            "tables": {"t": {"id": version.id, "version": version.version, "rows": version.rows}},
            "columns": [{"name": name, "type": column_type(kind), "use": True} for name, kind in self.frame.schema.items()],
            "task": self.task,
            "positive": self.positive if self.task == "binary" else None,
            "classes": classes,
            "time": self.time,
            "key": list(self.key),
            "order": self.order,
        }
        charter = CharterSpec.model_validate({"predict": self.target, "worth": {"currency": "EUR", **WORTH[self.task]}, **self.charter})
        data = DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}, "contract": {"size": {"required": False}, "kind": {"required": True}}})
        ask = Ask(project="p", folder=self.folder, state=fold(workspace.ledger.read(kinds=FOLDED)), facts={"data": facts})
        asked = next(story(self.declared, data, charter, ask))
        assert isinstance(asked, Step)
        return asked

    def run(self, progress: Progress | None = None) -> Facts:
        """The stage's facts, its step done and entered."""
        workspace = self.workspace
        with workspace.ledger as ledger:
            step = self.step(workspace)
            (started,) = ledger.append(Draft(kind="step", subject="model", key=step.key, body={"state": "started", "name": "search"}))
            job = Job(project="p", folder=self.folder, step=step, attempt=started.id, workspace=workspace, progress=progress or Silence())
            facts = workspace.engine.run(step.function, job)
            ledger.append(Draft(kind="step", subject="model", key=step.key, body={"state": "succeeded", "name": "search", "facts": facts}))
        return facts

    def entries(self, kind: str) -> list[Entry]:
        """The ledger's entries of a kind."""
        with self.workspace.ledger as ledger:
            return ledger.read(kinds=(kind,))

    def blobs(self) -> Blobs:
        """The lake's blobs."""
        return Blobs(Lake(str(self.folder / "lake")))

    def package(self, facts: Facts) -> Package:
        """The package that the facts name."""
        with self.workspace.ledger as ledger:
            return load(self.blobs(), facts["package"], Trust.of(ledger))

    def predictor(self, facts: Facts) -> Predictor:
        """What predicts with the package that the facts name."""
        return Predictor(self.package(facts))


def material(folder: Path, frame: pl.DataFrame, task: str = "binary", **more: Any) -> Material:
    """The rows of a table as what there is to learn, without a search."""
    study = Study(folder, frame, task, **more)
    workspace = study.workspace
    with workspace.ledger:
        step = study.step(workspace)
    order = Order.of(step.reads, step.inputs)
    own = [name for name in HIDDEN if name in frame.columns]
    return prepare(frame.select(list(dict.fromkeys([*order.read_columns(), *own]))), order)


class DiesAfter(Silence):
    """Progress that kills its own process, as a power cut would, once so many trials are done."""

    def __init__(self, trials: int) -> None:
        self.trials = trials

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """Dies when it is time."""
        if done >= self.trials:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    where, tasks, trials = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])
    for what in tasks:
        print(Study(where / what, table(what), what).run(DiesAfter(trials) if trials else None)["package"])
