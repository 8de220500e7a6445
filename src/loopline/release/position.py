"""Where the release stands: what decides, what the newest package waits for, and the rollout that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.engine.step import Halt
from loopline.ledger.state import GATES, State
from loopline.release.approvals import settled_today, tally_of
from loopline.release.champion import Reign, history, promotion, standing
from loopline.release.judgement import following
from loopline.release.record import Signer, taken_back
from loopline.release.rollout.conduct import evidence_on, traffic
from loopline.release.rollout.course import newest
from loopline.release.rollout.plan import Plan
from loopline.release.spec import PROMOTION, ReleaseSpec
from loopline.release.stage import awaited, ruling_now
from loopline.release.tally import RoleTally, Tally

BACK = "loopline release rollback --why '...'"
_AFTER = {"paused": "loopline release resume --why '...'", "withdrawn": "change the data or the model, or say yes again; then: loopline run"}
"""What follows for the newest package from where its rollout stands."""


@dataclass(frozen=True)
class Position:
    """Where the release stands.

    Parameters
    ----------
    reign
        That of the package that decides; None before any does.
    withdrawn
        Who took their yes to it back.
    facts
        The gates' facts on the newest package, settled; None before the first.
    said
        What has been said of the newest package.
    halt
        Whom it waits for; None where it waits for nobody.
    rollout
        The newest one, as `trial` gives it.
    next
        The command that comes next.
    """

    reign: Reign | None
    withdrawn: tuple[Signer, ...]
    facts: Mapping[str, Any] | None
    said: Tally
    halt: Halt | None
    rollout: dict[str, Any] | None
    next: str

    @property
    def package(self) -> str | None:
        """The newest package that went through the gates."""
        return None if self.facts is None else str(self.facts["package"])

    def as_json(self) -> dict[str, Any]:
        """Plain values; `docs/json.md` has the shape."""
        return {
            "champion": None if self.reign is None else self.reign.package or None,
            "since": None if self.reign is None else self.reign.since.isoformat(),
            "withdrawn": [one.as_json() for one in self.withdrawn],
            "rollout": self.rollout,
            "package": self.package,
            "passed": None if self.facts is None else self.facts["passed"],
            "approvals": [_plain(one) for one in self.said.roles],
            "unheard": [{"role": one.word.body["role"], "by": one.word.actor, "entry": one.word.id, "why": one.why} for one in self.said.unheard],
            "lack": self.said.lack,
            "waiting_for": None if self.halt is None else self.halt.role,
            "next": self.next,
        }


def position(spec: ReleaseSpec, charter: CharterSpec, state: State) -> Position:
    """Where the release stands now."""
    found = state.facts(*GATES)
    facts = None if found is None else settled_today(spec, charter, state, found)
    package = None if facts is None else str(facts["package"])
    said = Tally(PROMOTION, ()) if package is None else tally_of(spec, charter, state, package)
    next = "loopline run" if facts is None else following(spec, charter, state, facts)
    reigns, back, rollout = history(state.champions), taken_back(state), trial(spec, charter, state)
    waits = facts is not None and package is not None and facts["passed"] and promotion(state.champions, package) is None
    if back and not waits:
        next = way_back(state) or next
    if rollout is not None and rollout["package"] == package:
        next = _AFTER.get(rollout["state"], next)
    halt = awaited(package, said) if waits and package is not None else None
    return Position(reigns[-1] if reigns else None, back, facts, said, halt, rollout, next)


def way_back(state: State) -> str:
    """The command that lets the package before decide again; empty where there is none."""
    return BACK if len(standing(state.champions)) > 1 else ""


def trial(spec: ReleaseSpec, charter: CharterSpec, state: State) -> dict[str, Any] | None:
    """The newest rollout as plain values, with what is to be done with it by the evidence; None where there never was one."""
    course = newest(state.rollouts)
    if course is None:
        return None
    plan, evidence = Plan.of_json(course.plan), evidence_on(state, course)
    ruling = ruling_now(spec, charter, state, course) if course.is_live else None
    return {
        "package": course.package,
        "champion": course.champion,
        "state": course.end or ("paused" if course.paused else "live"),
        "plan": str(plan),
        "leg": course.leg,
        "kind": plan.legs[course.leg].kind,
        "share": traffic(plan.legs[course.leg])["share"],
        "began": course.began.isoformat(),
        "since": course.since.isoformat(),
        "why": course.why,
        "evidence": list(evidence),
        "ruling": None if ruling is None else ruling.as_json(),
    }


def _plain(one: RoleTally) -> dict[str, Any]:
    refused = None if one.refusal is None else one.refusal.actor
    return {"role": one.role, "needed": one.needed, "yes": [entry.actor for entry in one.approvals], "refused_by": refused}
