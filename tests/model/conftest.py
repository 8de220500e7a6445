"""One real package for each task, made once for the whole run of the tests."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from loopline.engine.step import Facts
from loopline.model.package import Package
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
    study = Study(
        tmp_path_factory.mktemp(request.param),
        table(request.param),
        request.param,
        key=("id",),
        charter={"decision": "Act on this row?", "acceptance": [{"id": "A1", "check": "worst_slice(flag).worth >= -100"}]},
    )
    facts = study.run()
    return Made(study, facts, study.package(facts))
