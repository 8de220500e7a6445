"""An experiment looked at, and ended by a person."""

from __future__ import annotations

from loopline.access.people import Person, reason, require_listed
from loopline.charter.spec import CharterSpec
from loopline.ledger.state import State
from loopline.release.approvals import stakeholders
from loopline.serve.experiments import Experiment
from loopline.value.experiment.conduct import end, named
from loopline.value.experiment.look import Look, look
from loopline.workspace import Workspace


def looked(workspace: Workspace, state: State, charter: CharterSpec, experiment: Experiment) -> Look:
    """What an experiment that runs shows, by the log's tables as they were collected last."""
    versions = (state.facts("serve", "collect") or {}).get("versions", {})
    return look(workspace, experiment, versions, charter.worth, always=charter.outcome_seen == "always")


def stop(workspace: Workspace, state: State, charter: CharterSpec, name: str, *, winner: str | None, who: Person, why: str) -> Look:
    """End an experiment, and tell what it has shown.

    Parameters
    ----------
    winner
        The arm that a person names; None for the one that the evidence tells.

    Raises
    ------
    Mistake
        When the person holds no role, there is no such experiment or arm, it has ended, or the reason is empty.
    """
    require_listed(who, stakeholders(charter))
    experiment = named(state.experiments, name)
    seen = looked(workspace, state, charter, experiment)
    told = "" if seen.analysis is None else seen.analysis.winner
    by_whom = "evidence" if winner is None else "person"
    workspace.ledger.append(end(experiment, seen.found, winner=told if winner is None else winner, told_by=by_whom, why=reason(why), who=who.name))
    return seen
