"""A small shop: a real package that was trained on known customers, and the tables of what it served."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from onnx import helper

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.local import LocalEngine
from loopline.engine.step import Halt, Silence, Step, Steps
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft
from loopline.ledger.state import State, fold
from loopline.ledger.store import Ledger
from loopline.model.graph import Piece, assemble, tensor
from loopline.model.package import pack, store, written
from loopline.model.plan import Plan
from loopline.model.reference import by_day, category_profile, number_profile
from loopline.watch.handoff import Waits
from loopline.watch.spec import WatchSpec
from loopline.watch.stage import alarms, steps
from loopline.watch.summary import bodies
from loopline.workspace import Ask, Job, Workspace
from tests.signing import vouch

T0 = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PLAN = Plan(numbers=("x",), dates=(), categories=(("c", ("a", "b")),))
CHARTER = CharterSpec(predict="y", worth={"currency": "EUR", "act_right": 10, "act_wrong": -10})  # type: ignore[arg-type]
WORTH = {"per_decision": 2.5, "low": 2.3, "high": 2.7, "gain": {"mean": 2.5, "low": 2.3, "high": 2.7}, "baseline": 0.0, "rule": "never act"}
DONE = {"state": "succeeded", "seconds": 0.0}


@dataclass(frozen=True)
class Crowd:
    """Customers: shape (n,) each."""

    x: np.ndarray
    c: np.ndarray
    happened: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, rows: int, *, seed: int, shift: float = 0.0, contrary: bool = False) -> Crowd:
        """Customers in whom the outcome follows x; shifted, or with outcomes contrary to what was learned."""
        rng = np.random.default_rng(seed)
        x, c = rng.normal(shift, 1.0, rows), rng.choice(["a", "b"], rows, p=[0.7, 0.3])
        score = 1 / (1 + np.exp(-2 * x))
        happened = rng.random(rows) < (1 - score if contrary else score)
        return cls(x, c, happened, score)

    def where(self, rows: np.ndarray) -> Crowd:
        """Some of them, by their places."""
        return Crowd(self.x[rows], self.c[rows], self.happened[rows], self.score[rows])

    def money(self) -> np.ndarray:
        """What acting from a score of one half on earns."""
        return np.where(self.score >= 0.5, np.where(self.happened, 10.0, -10.0), 0.0)


def make_package(lake: Lake, *, project: str = "shop") -> tuple[str, str]:
    """The digests of the package and of its evidence: 60 days of training, 30 of test."""
    train, test = Crowd.of(6000, seed=1), Crowd.of(3000, seed=2)
    nodes = [helper.make_node("MatMul", ["features", "weights"], ["line"]), helper.make_node("Sigmoid", ["line"], ["scores"])]
    piece = Piece(nodes, [tensor("weights", np.array([[2.0], [0.0], [0.0]]))])
    profiles = {"x": number_profile(train.x), "c": category_profile(train.c)}
    day = np.arange(6000) // 100
    features = {name: {**profile, "days": by_day(profile, getattr(train, name), day)} for name, profile in profiles.items()}
    money = test.money()
    worth = {**WORTH, "per_decision": float(money.mean()), "constant": "rest", "perfect": float(np.where(test.happened, 10, 0).mean())}
    brier = float(((test.score - test.happened) ** 2).mean())
    columns = [
        {"name": "x", "type": "number", "roles": ["feature"], "needed": True, "required": False, "values": None},
        {"name": "c", "type": "category", "roles": ["feature"], "needed": True, "required": False, "values": ["a", "b"]},
        {"name": "at", "type": "datetime", "roles": ["time"], "needed": True, "required": False, "values": None},
    ]
    contents = {
        "scoring.json": written({"members": [{"family": "linear", "weight": 1.0}], "calibration": {"kind": "none"}}),
        "model.onnx": assemble(PLAN, [piece], width=1),
        "signature.json": written({"columns": columns, **PLAN.as_json(), "outcome": {}}),
        "policy.json": written({"kind": "threshold", "threshold": 0.5}),
        "reference.json": written({"rows": 6000, "features": features, "score": number_profile(test.score)}),
        "metrics.json": written({"test": {"brier": brier}, "worth": worth, "rows": {"test": 3000}}),
        "card.md": b"# A shop\n",
    }
    said = {"project": project, "task": "binary", "target": "y", "positive": "yes", "classes": ["no", "yes"], "key": [], "time": "at", "family": "linear"}
    into = io.BytesIO()
    at = [T0 - 30 * DAY + (row // 100) * DAY for row in range(3000)]
    pl.DataFrame({"x": test.x, "c": test.c, "at": at, "__outcome": test.happened}).with_columns(pl.col("at").dt.replace_time_zone(None)).write_parquet(into)
    blobs = Blobs(lake)
    return store(blobs, pack(said, contents)), blobs.put(into.getvalue())


class Shop:
    """A workspace in a folder, served day by day, and the watch stage driven as the loop drives it."""

    def __init__(self, folder: Path, spec: WatchSpec | None = None) -> None:
        self.folder = folder
        self.lake = Lake(str(folder / "lake"))
        self.tables, self.blobs = Tables(self.lake), Blobs(self.lake)
        self.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", "shop")
        self.workspace = Workspace(self.ledger, self.lake, LocalEngine(1))
        self.spec, self.charter = spec or WatchSpec(), CHARTER
        self.package, self.evidence = make_package(self.lake)
        self.days = 0
        self.at: datetime | None = None
        vouch(self.ledger, self.blobs, self.package)
        self.ledger.append(
            Draft(kind="step", subject="model", key="search-1", body={**DONE, "name": "search", "facts": {"evidence": self.evidence}}),
            Draft(kind="package", subject=self.package, key="search-1", body={}),
            Draft(kind="champion", subject=self.package, body={"why": "it passed its gates", "previous": None}),
        )

    def serve(self, crowd: Crowd, *, day: int | None = None, arrived: int | None = None, outcomes: bool = True, package: str | None = None) -> list[str]:
        """A day's customers as predictions, which may arrive on a later day, and their outcomes; the predictions' ids."""
        day, rows = self.days if day is None else day, len(crowd.x)
        arrived = day if arrived is None else arrived
        self.days = max(self.days, day + 1, arrived + 1)
        package = package or self.package
        ids = [f"{package[:8]}-{arrived}-{row}" if arrived == day else f"{package[:8]}-{arrived}-{day}-{row}" for row in range(rows)]
        at, came = ([T0 + on * DAY + timedelta(seconds=row) for row in range(rows)] for on in (day, arrived))
        made = {
            "prediction_id": ids,
            "day": [moment.date() for moment in came],
            "time": came,
            "event_time": at,
            "package": package,
            "row": [json.dumps({"x": x, "c": c, "at": str(moment)}) for x, c, moment in zip(crowd.x.tolist(), crowd.c.tolist(), at, strict=True)],
            "score": crowd.score,
            "scores": pl.Series([None] * rows, dtype=pl.String),
            "decision": np.where(crowd.score >= 0.5, "act", "rest"),
        }
        self.tables.append("predictions", pl.DataFrame(made))
        if outcomes:
            self.tell(ids, crowd)
        return ids

    def tell(self, ids: list[str], crowd: Crowd, *, at: datetime = T0) -> None:
        """The customers' outcomes."""
        said = {
            "prediction_id": ids,
            "outcome": np.where(crowd.happened, "yes", "no"),
            "time": [at] * len(ids),
            "day": [(T0 + int(id.split("-")[1]) * DAY).date() for id in ids],
        }
        self.tables.append("outcomes", pl.DataFrame(said))

    def ask(self) -> Ask:
        versions = {name: self.tables.version(name).version for name in ("predictions", "outcomes", "refused") if self.tables.exists(name)}
        return Ask(project="shop", folder=self.folder, state=self.state(), facts={"serve": {"versions": versions}})

    def state(self) -> State:
        return fold(self.ledger.read())

    def watch(self) -> Mapping[str, Any]:
        """The watch stage's facts, its steps run where they have not succeeded; then, where a turn has begun, its alarms."""
        facts = self._taken(steps(self.spec, self.charter, self.ask(), at=self.at))
        if self.at is not None:
            self._taken(self.alarms())
        return facts

    def alarms(self, *, began: datetime | None = None, waits: Waits | None = None) -> Steps:
        """What a turn looks at and tells at the moment that the test says; it began then, or earlier."""
        assert self.at is not None
        at, data = self.at, DataSpec.model_validate({"sources": {"t": {"path": "t.csv"}}})
        return alarms(self.spec, data, self.charter, self.ask, at=began or at, waits=waits, clock=lambda: at)

    def _taken(self, told: Steps) -> Mapping[str, Any]:
        facts: Any = None
        while True:
            try:
                asked = told.send(facts)
            except StopIteration as end:
                return end.value
            assert not isinstance(asked, Halt)
            facts = self.perform(asked)

    def perform(self, step: Step) -> Mapping[str, Any]:
        done = self.state().succeeded.get(step.key)
        if done is not None:
            return done.body["facts"]
        facts = self.run(step)
        self.ledger.append(Draft(kind="step", subject=step.stage, key=step.key, body={**DONE, "name": step.name, "facts": facts}))
        return facts

    def run(self, step: Step) -> Mapping[str, Any]:
        job = Job(project="shop", folder=self.folder, step=step, attempt="", workspace=self.workspace, progress=Silence())
        return self.workspace.engine.run(step.function, job)

    def windows(self) -> list[dict[str, Any]]:
        """The windows of the newest summary."""
        facts = self.state().facts("watch", "windows")
        assert facts is not None
        return bodies(self.blobs, facts["summary"])

    def open(self) -> set[str]:
        """Monitor and feature of the alerts that are not resolved."""
        return {f"{entry.body['monitor']}:{entry.body['feature']}".rstrip(":") for entry in self.state().open_alerts()}
