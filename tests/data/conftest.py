"""A real ledger and lake in a folder, and the data stage's step run over them as the loop does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data import ingest
from loopline.data.spec import DataSpec
from loopline.data.stage import steps
from loopline.engine.local import LocalEngine
from loopline.engine.step import Facts, Silence, Step
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.workspace import Ask, Job, Workspace


@dataclass
class Room:
    """A folder with a workspace and a declaration that a test may change."""

    folder: Path
    workspace: Workspace
    sources: dict[str, Any]
    contract: dict[str, Any]
    charter: CharterSpec

    @property
    def data(self) -> DataSpec:
        return DataSpec.model_validate({"sources": self.sources, "contract": self.contract})

    @property
    def tables(self) -> Tables:
        return Tables(self.workspace.lake)

    def step(self) -> Step:
        state = fold(self.workspace.ledger.read(kinds=FOLDED))
        asked = next(steps(self.data, self.charter, Ask(project="p", folder=self.folder, state=state, facts={})))
        assert isinstance(asked, Step)
        return asked

    def run(self) -> Facts:
        job = Job(project="p", folder=self.folder, step=self.step(), attempt="a", workspace=self.workspace, progress=Silence())
        return ingest.run(job)

    def rows(self, table: str = "visits") -> pl.DataFrame:
        return self.tables.read(table).sort("__row").collect()

    def refused(self) -> pl.DataFrame:
        return self.tables.read("quarantine").sort("source", "line").collect()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
        return path


def visits(first: int, last: int, changes: Mapping[int, str] | None = None) -> str:
    """A CSV of visits with the ids from first to last; some lines may be changed."""
    lines = [
        "id,pages,bought",
        *((changes or {}).get(number, f"{number},{number % 9},{'yes' if number % 3 == 0 else 'no'}") for number in range(first, last + 1)),
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def opened(place: Path) -> Iterator[Room]:
    """The room in a folder, which may have been used before."""
    with Ledger.open(f"sqlite:///{place}/ledger.db", "p") as ledger:
        workspace = Workspace(ledger, Lake(str(place / "lake")), LocalEngine(1))
        sources, contract = {"visits": {"path": "visits*.csv", "key": "id"}}, {"pages": {"type": "integer", "max": 8}}
        yield Room(place / "project", workspace, sources, contract, CharterSpec(predict="bought"))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path) as made:
        yield made
