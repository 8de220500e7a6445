"""Approvals: the yes and no of roles on a package, said and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loopline.access.people import Person, Stakeholders, holders, holds, nearest_role, same, speak_for
from loopline.charter.spec import ROLES, CharterSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import State
from loopline.release.champion import promotion
from loopline.release.spec import ReleaseSpec
from loopline.release.waivers import failing, settled, standing


@dataclass(frozen=True)
class RoleTally:
    """What a role has said of a package.

    Parameters
    ----------
    needed
        How many different people of the role must say yes.
    approvals
        The newest yes of each person who says yes, oldest first.
    refusal
        The no that stands, or None.
    listed
        The people who hold the role; empty when anyone may speak for it.
    """

    role: str
    needed: int
    approvals: tuple[Entry, ...]
    refusal: Entry | None
    listed: tuple[str, ...]

    @property
    def is_met(self) -> bool:
        """Whether enough people said yes and no refusal stands."""
        return self.refusal is None and len(self.approvals) >= self.needed

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"{self.role}: refused by {self.refusal.actor}"
        said = f"{self.role} ({len(self.approvals)} of {self.needed})" if self.needed > 1 else self.role
        short = bool(self.listed) and len(self.listed) < self.needed
        return f"{said}, for which the charter lists only {', '.join(self.listed)}" if short else said


def tally(required: Mapping[str, int], words: Iterable[Entry], stakeholders: Stakeholders) -> tuple[RoleTally, ...]:
    """What each required role has said, in the order of the declaration.

    A person's newest word for a role replaces their earlier ones, and counts once however often they said it. A no stands
    until somebody of the same role says yes after it. Words of people who do not hold the role now do not count.

    Parameters
    ----------
    required
        From a role to the number of people of it who must say yes; a role with 0 is not asked.
    words
        The approval entries about one package, in any order.
    """
    newest: dict[tuple[str, str], Entry] = {}
    for entry in sorted(words, key=lambda word: word.seq):
        newest[str(entry.body["role"]), same(entry.actor)] = entry
    return tuple(_role(role, needed, newest, stakeholders) for role, needed in required.items() if needed > 0)


def _role(role: str, needed: int, newest: Mapping[tuple[str, str], Entry], stakeholders: Stakeholders) -> RoleTally:
    words = [entry for (of, _), entry in newest.items() if of == role and holds(entry.actor, role, stakeholders)]
    said = sorted(words, key=lambda word: word.seq)
    last = said[-1] if said else None
    refusal = last if last is not None and last.body["verdict"] == "no" else None
    approvals = tuple(entry for entry in said if entry.body["verdict"] == "yes")
    return RoleTally(role, needed, approvals, refusal, holders(role, stakeholders))


def counted(tallies: Sequence[RoleTally]) -> list[dict[str, Any]]:
    """The approvals that count, as plain values: who said yes, as what, why, and in which entry."""
    return [{"role": one.role, "by": entry.actor, "why": entry.body.get("why", ""), "entry": entry.id} for one in tallies for entry in one.approvals]


def tally_of(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str) -> tuple[RoleTally, ...]:
    """What each role that must approve has said of a package."""
    required = {str(role): needed for role, needed in spec.approvals.items()}
    return tally(required, state.approvals.get(package, {}).values(), stakeholders(charter))


def stakeholders(charter: CharterSpec) -> dict[str, tuple[str, ...]]:
    """The people of each role, as `loopline.access.people` takes them."""
    return {str(role): people for role, people in charter.stakeholders.items()}


def judged(state: State) -> list[Entry]:
    """The gates' newest verdicts on each package, oldest first."""
    found = {entry.body["facts"]["package"]: entry for entry in sorted(state.succeeded.values(), key=lambda entry: entry.seq) if _is_gates(entry)}
    return sorted(found.values(), key=lambda entry: entry.seq)


def _is_gates(entry: Entry) -> bool:
    return entry.subject == "release" and bool(entry.body["name"] == "gates")


def named(state: State, package: str | None) -> Entry:
    """The gates' newest verdicts on the package whose digest begins so; on the newest package where none is named.

    Raises
    ------
    Mistake
        When no package has been through the gates, or none or several begin so.
    """
    among = judged(state)
    if not among:
        raise Mistake("no package has been through the gates yet", remedy="loopline run")
    found = [entry for entry in among if package is None or entry.body["facts"]["package"].startswith(package.lower())]
    if package is None or len(found) == 1:
        return found[-1]
    there = ", ".join(entry.body["facts"]["package"][:12] for entry in found or among)
    what = f"{package!r} begins more than one package" if found else f"no package that went through the gates begins with {package!r}"
    raise Mistake(what, where="--package", remedy=f"there are: {there}")


@dataclass(frozen=True)
class Word:
    """What a person is about to say of a package: the draft of its entry, and a note on their right to say it."""

    draft: Draft
    note: str


def word(state: State, spec: ReleaseSpec, charter: CharterSpec, *, role: str, who: Person, verdict: str, why: str, package: str | None = None) -> Word:
    """A role's yes or no on the package that waits for it.

    Parameters
    ----------
    verdict
        ``yes`` or ``no``.
    package
        The digest, or its beginning; the newest package that went through the gates by default.

    Raises
    ------
    Mistake
        When the role is unknown, not asked or held by others; when the package did not pass its gates or was promoted already.
    """
    nearest_role(role, ROLES)
    asked = [name for name, needed in spec.approvals.items() if needed > 0]
    if role not in asked:
        remedy = f"release.approvals asks for: {', '.join(asked)}" if asked else "release.approvals asks nobody; loopline run goes on without"
        raise Mistake(f"no word of {role} is asked for", where="--as", remedy=remedy)
    note = speak_for(who, role, stakeholders(charter))
    gates = named(state, package)
    facts = gates.body["facts"]
    digest = facts["package"]
    if promotion(state.champions, digest) is not None:
        raise Mistake(f"{digest[:8]} was promoted already", remedy="to take it back: loopline release rollback --why '...'")
    waivers = standing(state.waivers.values(), spec, stakeholders(charter), digest, today=datetime.now(UTC).date())
    failed = [gate["name"] for gate in failing(settled(facts, waivers)["gates"])]
    if failed:
        raise Mistake(f"{digest[:8]} did not pass {', '.join(failed)}, so it waits for nobody", remedy="see why: loopline release check")
    if not why.strip():
        raise Mistake("the reason is empty", where="--why", remedy="say it in a few words: it is kept beside your name")
    body = {"role": role, "verdict": verdict, "why": why.strip()}
    return Word(Draft(kind="approval", subject=digest, body=body, parents=(gates.id,), actor=who.name), note)
