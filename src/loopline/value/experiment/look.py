"""A look at an experiment: what it shows, by the log's tables as they were collected last; and why nothing can be told where it is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import WorthSpec
from loopline.engine.step import Facts
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.serve.experiments import KIND, Experiment
from loopline.value.experiment.analysis import Analysis, analyse
from loopline.value.experiment.conduct import named, shares
from loopline.value.experiment.results import of_decisions, of_feature
from loopline.value.experiment.spec import Plan
from loopline.value.logged import Measured
from loopline.workspace import Job, Workspace


@dataclass(frozen=True)
class Look:
    """What an experiment shows; None where a package of it can no longer be read, and then `trouble` says why."""

    analysis: Analysis | None
    trouble: str = ""

    @property
    def found(self) -> dict[str, Any] | None:
        """What it shows as plain values."""
        return None if self.analysis is None else self.analysis.as_json()

    def says(self) -> str:
        """The same in one line."""
        return f"nothing can be told: {self.trouble}" if self.analysis is None else self.analysis.says()


def look(workspace: Workspace, experiment: Experiment, versions: Mapping[str, int], worth: WorthSpec, *, always: bool) -> Look:
    """What an experiment shows now.

    Parameters
    ----------
    versions
        The version of each of the log's tables.
    worth
        As the charter declares it.
    always
        Whether outcomes are seen whatever is done.
    """
    plan, tables = Plan.model_validate(experiment.plan), Tables(workspace.lake)
    if experiment.sort == "feature":
        return Look(analyse(plan, shares(experiment), of_feature(tables, versions, experiment, plan)))
    blobs, trust = Blobs(workspace.lake), Trust.of(workspace.ledger)
    packages = dict.fromkeys([experiment.package, *(arm.package for arm in experiment.arms if arm.package)])
    measured = []
    for package in packages:
        try:
            measured.append(Measured.of(load(blobs, package, trust), worth))
        except LooplineError as error:
            if error.retry:
                raise
            return Look(None, f"package {package[:8]} can no longer be read ({error.what})")
    return Look(analyse(plan, shares(experiment), of_decisions(tables, versions, experiment, plan, measured, always=always)))


def run(job: Job) -> Facts:
    """What the experiment shows, for the turn to judge."""
    inputs, reads = job.step.inputs, job.step.reads
    experiment = named(job.workspace.ledger.read(kinds=(KIND,)), inputs["name"])
    worth, always = WorthSpec.model_validate(reads["worth"]), reads["outcome_seen"] == "always"
    seen = look(job.workspace, experiment, inputs["versions"], worth, always=always)
    return {"says": seen.says(), "found": seen.found, "trouble": seen.trouble}
