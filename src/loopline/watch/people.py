"""The people of a project with what they are needed for, how they are told, and what waits for whom: as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loopline.access.people import holders
from loopline.charter.spec import ROLES, CharterSpec
from loopline.ledger.entry import by_id
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.release.approvals import authors
from loopline.release.spec import ReleaseSpec
from loopline.watch.handoff import Handoff, since
from loopline.watch.roles import Team
from loopline.watch.spec import WatchSpec


def team(charter: CharterSpec, release: ReleaseSpec, watch: WatchSpec, state: State) -> Team:
    """The people as they are declared, and who made the newest package."""
    newest = max(state.packages.values(), key=lambda entry: entry.seq, default=None)
    return Team(charter, release, watch, frozenset() if newest is None else authors(state, newest.subject))


def waiting(ledger: Ledger, state: State, stages: Mapping[str, str | None], handoffs: Sequence[Handoff]) -> list[dict[str, Any]]:
    """What waits now: since it was handed over, or since its stage came so far where nobody could be told.

    Parameters
    ----------
    stages
        From a stage to the entry that it has reached.
    """
    reached = {**stages, **{entry.kind: entry.id for entry in state.rollouts[-1:]}}
    entries = by_id(ledger.read(ids=[id for id in reached.values() if id is not None]))
    found = []
    for one in handoffs:
        came = entries.get(reached[one.stage] or "")
        handed = since(state.alerts.get(one.id), one) or (came.time.isoformat() if came is not None else None)
        found.append({"role": one.role, "stage": one.stage, "since": handed, "says": one.says, "next": one.next})
    return found


def listed(team: Team, waiting: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every role with who holds it, every person with what waits for them, and what is wrong with that."""
    return {
        "roles": _roles(team, waiting),
        "people": [{"name": name, "roles": roles, "waiting": [one for one in waiting if one["role"] in roles]} for name, roles in team.people().items()],
        "waiting": list(waiting),
        "findings": [asdict(finding) for finding in team.findings()],
    }


def _roles(team: Team, waiting: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    needs = team.needs()
    return [
        {
            "role": role,
            "needed_for": [need.why for need in needs if need.role == role],
            "held_by": list(holders(role, team.stakeholders)),
            "told_through": [asdict(channel) for channel in team.channels(role)],
            "waiting": [one["stage"] for one in waiting if one["role"] == role],
        }
        for role in ROLES
    ]
