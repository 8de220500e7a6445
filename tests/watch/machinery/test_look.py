"""A look over a real ledger: what it reads, enters and keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.engine.local import LocalEngine
from loopline.engine.step import Facts, Silence, Step
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, now
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.watch.machinery.look import MONITORS, run
from loopline.watch.spec import URGENCY, WatchSpec
from loopline.watch.spec_machinery import MACHINERY
from loopline.watch.stage import alarms
from loopline.workspace import Ask, Job, Workspace

CHARTER: dict[str, Any] = {"predict": "y", "worth": {"currency": "EUR"}, "prices": "prices.yaml", "budget": {"run": "100 per month"}}


class Project:
    """A project whose turns begin when a test says."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder, self.ledger = folder, ledger
        (folder / "lake").mkdir()
        self.workspace = Workspace(ledger, Lake(str(folder / "lake")), LocalEngine())
        self.standing: set[str] = set()
        self.asked = ["data", "serve", "watch", "value"]

    def step(self, at: datetime) -> Step | None:
        """The look that a turn asks for, if any."""
        facts = {stage: {} if stage in self.standing else {"says": "fine"} for stage in self.asked}
        ask = Ask(project="p", folder=self.folder, state=fold(self.ledger.read(kinds=FOLDED)), facts=facts)
        sources = DataSpec.model_validate({"sources": {"t": {"url": "sqlite:///t.db", "table": "t", "key": "id", "schedule": "0 6 * * *"}}})
        asked = next(alarms(WatchSpec(), sources, CharterSpec.model_validate(CHARTER), lambda: ask, at=at), None)
        assert asked is None or isinstance(asked, Step)
        return asked

    def look(self, at: datetime) -> Facts:
        step = self.step(at)
        assert step is not None
        (attempt,) = self.ledger.append(Draft(kind="step", subject="watch", key=step.key, body={"state": "started", "name": step.name}))
        facts = run(Job(project="p", folder=self.folder, step=step, attempt=attempt.id, workspace=self.workspace, progress=Silence()))
        self.ended("watch", "machinery", key=step.key, facts=facts, made_from=step.made_from)
        return facts

    def ended(self, stage: str, name: str, *, state: str = "succeeded", key: str = "k", **more: Any) -> None:
        self.ledger.append(Draft(kind="step", subject=stage, key=key, body={"state": state, "name": name, "seconds": 1.0, **more}))

    def alerts(self) -> dict[str, str]:
        return {entry.body["monitor"]: entry.body["state"] for entry in self.ledger.read(kinds=("alert",))}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        ledger.append(Draft(kind="champion", subject="pkg", body={"why": "a test"}))
        yield Project(tmp_path, ledger)


def test_the_monitors_are_those_that_are_declared_and_told_in_an_order() -> None:
    assert sorted(monitor.__name__ for monitor in MONITORS) == sorted(MACHINERY)
    assert set(MACHINERY) < set(URGENCY)


def test_it_is_looked_at_once_an_hour_and_only_in_a_turn(project: Project) -> None:
    at = now()
    facts = project.look(at)
    assert facts["reading"]["disk_bytes"] > facts["reading"]["free_bytes"] > 0
    assert project.step(at) is None
    assert project.step(at + timedelta(minutes=59)) is None
    assert project.step(at + timedelta(minutes=60)) is not None
    assert project.step(at - timedelta(hours=5)) is not None, "the clock was put back"


def test_a_step_that_stands_still_is_told_at_once_and_over_when_it_has_come_through(project: Project) -> None:
    at = now()
    project.look(at)
    project.ended("data", "ingest", state="failed", why="no such file")
    project.standing = {"data"}
    facts = project.look(at + timedelta(seconds=5))
    assert facts["failed"] == [["data", "ingest"]] and "no such file" in facts["says"]
    assert project.step(at + timedelta(seconds=15)) is None, "it is known"
    assert project.alerts() == {"pipeline_failed": "open"}
    project.standing = set()
    for minutes in (1, 65, 130):
        project.look(at + timedelta(minutes=minutes))
    assert project.alerts() == {"pipeline_failed": "resolved"}


@pytest.mark.parametrize(("stage", "name"), [("watch", "windows"), ("value", "review")])
def test_a_stage_that_watches_stands_still_like_any_other_and_its_alarms_do_not_hide_it(project: Project, stage: str, name: str) -> None:
    at = now()
    project.ended(stage, name, facts={})
    project.ended(stage, name, state="failed", why="no table")
    project.standing = {stage}
    assert project.look(at)["failed"] == [[stage, name]]
    assert project.step(at + timedelta(seconds=1)) is None, "the look came through, and the stage still stands"
    project.ended("watch", "tell", state="failed", why="the ledger is away")
    assert project.step(at + timedelta(seconds=2)) is None, "telling says nothing of how far the stage has come"
    project.ended(stage, "before", facts={})
    assert project.look(at + timedelta(seconds=3))["failed"] == [], "it has come further"
    assert project.alerts() == {"pipeline_failed": "open"}


def test_a_stage_that_is_asked_later_stands_until_then_as_it_stood_at_the_last_look(project: Project) -> None:
    at = now()
    project.ended("value", "review", facts={})
    project.ended("value", "review", key="another", state="failed", why="no table")
    project.standing = {"value"}
    assert project.look(at)["failed"] == [["value", "review"]]
    # What it is asked for now had succeeded before it failed at something else: nothing is entered for that.
    project.standing, every = set(), project.asked
    project.asked = every[:-1]
    assert project.step(at) is None
    project.asked = every
    assert project.look(at)["failed"] == []
    project.asked = every[:-1]
    assert project.step(at) is None, "a turn looks no more than once at the same"


def test_money_counts_from_the_month_and_what_servers_report(project: Project) -> None:
    project.ended("model", "search", cost=60.0, currency="EUR", facts={})
    assert project.look(now())["breaches"]["budget"] == 0
    project.ledger.append(Draft(kind="usage", subject="serve", body={"requests": 5, "cost": 35.0, "currency": "EUR"}))
    facts = project.look(now() + timedelta(hours=2))
    assert facts["breaches"]["budget"] == 1 and "95 of 100 EUR" in facts["says"]


def test_a_turn_that_came_late_is_told(project: Project) -> None:
    project.ledger.append(Draft(kind="turn", body={"state": "done", "says": "", "seconds": 1.0, "every_s": 60.0, "host": "box", "heartbeat": None}))
    assert project.look(now())["breaches"]["pipeline_late"] == 0
    assert project.look(now() + timedelta(hours=5))["breaches"]["pipeline_late"] == 1
    assert project.alerts() == {"pipeline_late": "open"}


def review(project: Project, *broken: str) -> None:
    """A review that judged the charter's criteria."""
    found = [
        {"monitor": "criterion", "feature": id, "features": [], "role": "business", "says": f"criterion {id} does not hold", "value": 0.4, "limit": 0.5}
        for id in broken
    ]
    project.ended("value", "review", facts={"breaches": {"criterion": found, "volume_chartered": None}})


def test_what_a_review_judges_is_raised_at_once_and_over_when_three_more_have_found_it_well(project: Project) -> None:
    at = now()
    project.look(at)
    review(project, "A1")
    assert project.look(at + timedelta(seconds=1))["judged"] == ["criterion:A1"]
    assert project.alerts() == {"criterion": "open"}
    assert project.step(at + timedelta(seconds=2)) is None, "it is known"
    for turn in range(1, 4):
        assert project.alerts() == {"criterion": "open"}
        review(project)
        # The same judgement, seen twice, says no more than once.
        for minutes in (0, 61):
            project.look(at + timedelta(hours=4 * turn, minutes=minutes))
    assert project.alerts() == {"criterion": "resolved"}


def test_what_comes_is_looked_at_by_what_the_ledger_has_of_it(project: Project) -> None:
    at = now()
    for day in range(10):
        project.ledger.append(Draft(kind="batch", subject="t", key=str(day), body={"read": 1000, "quarantined": 400 if day == 9 else 10}))
    project.ended("data", "ingest", facts={"newest": {"t": (at - timedelta(days=9)).isoformat()}})
    breaches = project.look(at)["breaches"]
    # All of it came a moment ago: the newest quarter is held against the rest, and how old rows usually get is not known.
    assert (breaches["quarantined"], breaches["freshness"]) == (1, None)
