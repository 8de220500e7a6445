"""One real package for each task, made once for the whole run of the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from loopline.engine.step import Facts
from loopline.model.package import Package
from tests.kept import copied
from tests.model.studies import Study, table


@dataclass(frozen=True, eq=False)
class Made:
    """A study that was run, with its facts and its package."""

    study: Study
    facts: Facts
    package: Package


@pytest.fixture(scope="session", params=["binary", "multiclass", "regression"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A package of each task."""
    folder = copied(tmp_path_factory, learn, tmp_path_factory.mktemp(request.param), request.param)
    study, facts = posed(folder, request.param), json.loads((folder / "facts.json").read_text())
    return Made(study, facts, study.package(facts))


def posed(folder: Path, task: str) -> Study:
    """A study of each task."""
    charter = {"decision": "Act on this row?", "acceptance": [{"id": "A1", "check": "worst_slice(flag).worth >= -100"}]}
    return Study(folder, table(task), task, key=("id",), charter=charter)


def learn(folder: Path, task: str) -> None:
    """Run it, and keep its facts beside what it made."""
    (folder / "facts.json").write_text(json.dumps(posed(folder, task).run()))
