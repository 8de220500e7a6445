"""A package before its gates as they stand today: what each asked and found, who waived it, each criterion over time, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.release import remedies
from loopline.release.approvals import judged, named, settled_today, tally_of
from loopline.release.champion import promotion
from loopline.release.spec import ReleaseSpec
from loopline.release.stage import awaited
from loopline.release.traces import traced
from loopline.release.waivers import may_waive

Gate = Mapping[str, Any]


@dataclass(frozen=True)
class Judgement:
    """The gates' verdicts on a package, settled with the waivers that count today.

    Parameters
    ----------
    entry
        The entry of the verdicts.
    facts
        What it found, with who ``waived`` each gate that did not pass.
    criteria
        The acceptance criteria, as `traced` gives them.
    next
        The command that takes the package on, or what must be changed before one does.
    """

    entry: Entry
    facts: Mapping[str, Any]
    criteria: Sequence[Mapping[str, Any]]
    next: str

    @property
    def package(self) -> str:
        """The package's digest."""
        return str(self.facts["package"])


def judgement(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str | None = None) -> Judgement:
    """The judgement of the package whose digest begins so; of the newest where none is named.

    Raises
    ------
    Mistake
        When no package has been through the gates, or none or several begin so.
    """
    entry = named(state, package)
    facts = settled_today(spec, charter, state, entry.body["facts"])
    criteria = traced(charter.acceptance, [one.body["facts"] for one in judged(state)], facts["package"])
    return Judgement(entry, facts, criteria, following(spec, charter, state, facts))


def following(spec: ReleaseSpec, charter: CharterSpec, state: State, facts: Mapping[str, Any]) -> str:
    """The command that takes a package on, or what must be changed before one does; `facts` are `settled_today`."""
    if not facts["passed"]:
        return remedies.following(facts["gates"], {gate["name"]: may_waive(spec, gate["name"]) for gate in facts["gates"]})
    if promotion(state.champions, facts["package"]) is not None:
        return "loopline release history"
    halt = awaited(facts["package"], tally_of(spec, charter, state, facts["package"]))
    return "loopline run" if halt is None else halt.next


def outcome(gate: Gate) -> str:
    """What became of a gate: ``passed``, ``failed``, ``waived`` or ``not asked``."""
    if gate["waived"]:
        return "waived"
    if not gate["passed"]:
        return "failed"
    # Verdicts that were entered before gates said what they ask have no such word, and were all asked.
    return "not asked" if gate.get("asked") == "" else "passed"


def found(gate: Gate) -> str:
    """What a gate found, and who waived it."""
    waived = gate["waived"]
    if not waived:
        # The verdict stands beside it.
        return str(gate["says"]).removeprefix("not asked: ")
    end = f" until {waived['until']}" if waived["until"] else ""
    return f"{gate['says']}; waived by {waived['by']} as {waived['role']}{end}: {waived['why']}"
