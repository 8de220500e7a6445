"""Waivers: a gate that a person lets a package through although it did not pass, said and counted.

Without an end a waiver is for one package alone; with an end it is for every package until the end of that day, UTC. It counts only while the release
declares the gate waivable by the role, the person holds the role, and the signature verifies as theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from loopline.access.people import Person, Stakeholders, holds, nearest_role, reason, speak_for
from loopline.charter.spec import ROLES
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.release.spec import ReleaseSpec
from loopline.release.words import doubt

KIND = "waiver"
STANDING, WITHDRAWN = "standing", "withdrawn"


@dataclass(frozen=True)
class Waiver:
    """A gate's waiver that stands.

    Parameters
    ----------
    until
        The last day on which it counts; None where it is for one package alone.
    package
        That package's digest; None where it is for every package.
    """

    gate: str
    role: str
    by: str
    why: str
    until: date | None
    package: str | None
    entry: str

    @classmethod
    def of(cls, entry: Entry) -> Waiver:
        """The waiver that an entry says."""
        said = entry.body
        until = None if said["until"] is None else date.fromisoformat(said["until"])
        return cls(entry.subject, said["role"], entry.actor, said["why"], until, said["package"], entry.id)

    def __str__(self) -> str:
        end = "" if self.until is None else f" until {self.until}"
        return f"waived by {self.by} as {self.role}{end}: {self.why}"

    def as_json(self) -> dict[str, Any]:
        """The waiver as plain values."""
        return {"role": self.role, "by": self.by, "why": self.why, "until": None if self.until is None else str(self.until), "entry": self.entry}


def may_waive(spec: ReleaseSpec, gate: str) -> tuple[str, ...]:
    """The roles that may waive a gate; ``acceptance`` speaks for every criterion that is not named itself."""
    kind = gate.partition(" ")[0]
    return tuple(map(str, spec.waive.get(gate, spec.waive.get(kind, ()))))


def standing(newest: Iterable[Entry], spec: ReleaseSpec, people: Stakeholders, package: str, *, keys: Mapping[str, str], today: date) -> dict[str, Waiver]:
    """The waivers that count for a package, by gate; its own comes before one for every package. What else is asked for, `counting` says."""
    return of_package(counting((entry for entry in newest if entry.body["package"] in (None, package)), spec, people, keys=keys, today=today), package)


def counting(newest: Iterable[Entry], spec: ReleaseSpec, people: Stakeholders, *, keys: Mapping[str, str], today: date) -> list[Waiver]:
    """The waivers that count, those for every package before those for one.

    Parameters
    ----------
    newest
        The newest word on each gate and package, as `loopline.ledger.state.State.waivers` has them.
    keys
        From a public key that is trusted now to the name of who signs with it.
    """
    said = [Waiver.of(entry) for entry in newest if entry.body["state"] == STANDING and not doubt(entry, keys)]
    return sorted((one for one in said if _counts(one, spec, people, today)), key=lambda one: one.package is not None)


def of_package(counting: Iterable[Waiver], package: str) -> dict[str, Waiver]:
    """Those for a package of the waivers that count, by gate."""
    return {one.gate: one for one in counting if one.package in (None, package)}


def _counts(waiver: Waiver, spec: ReleaseSpec, people: Stakeholders, today: date) -> bool:
    is_over = waiver.until is not None and today > waiver.until
    return not is_over and waiver.role in may_waive(spec, waiver.gate) and holds(waiver.by, waiver.role, people)


def settled(facts: Facts, waivers: Mapping[str, Waiver]) -> dict[str, Any]:
    """The facts of the gates, with who ``waived`` each that did not pass; ``passed`` once all passed or are waived."""
    gates = [{**gate, "waived": waivers[gate["name"]].as_json() if not gate["passed"] and gate["name"] in waivers else None} for gate in facts["gates"]]
    return {**facts, "gates": gates, "passed": not failing(gates)}


def failing(gates: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The verdicts that stand in the way: neither passed nor waived."""
    return [gate for gate in gates if not gate["passed"] and not gate.get("waived")]


@dataclass(frozen=True)
class Let:
    """What a person is about to say of a gate: the drafts of its entries, and a note on their right to say it."""

    drafts: tuple[Draft, ...]
    note: str


def waive(gates: Entry, gate: str, spec: ReleaseSpec, people: Stakeholders, *, role: str, who: Person, why: str, until: date | None, today: date) -> Let:
    """A waiver of a gate that a package did not pass.

    Parameters
    ----------
    gates
        The entry of the gates' verdicts on the package.

    Raises
    ------
    Mistake
        When the gate or the role is unknown, the release lets nobody or others waive it, the person does not hold the role, the gate passed, the reason is
        empty, or the end has passed.
    """
    note = _right(gates, gate, spec, people, role, who)
    if next(one for one in gates.body["facts"]["gates"] if one["name"] == gate)["passed"]:
        raise Mistake(f"{gate} passed, so there is nothing to waive", remedy="see the gates with: loopline release check")
    if until is not None and until < today:
        raise Mistake(f"{until} has passed", where="--until", remedy=f"name a day from {today} on, or leave it out: then it is for this package alone")
    package = gates.body["facts"]["package"] if until is None else None
    body = {"state": STANDING, "role": role, "why": reason(why), "until": None if until is None else str(until), "package": package}
    return Let((Draft(kind=KIND, subject=gate, body=body, parents=(gates.id,), actor=who.name),), note)


def withdraw(gates: Entry, gate: str, newest: Iterable[Entry], spec: ReleaseSpec, people: Stakeholders, *, role: str, who: Person, why: str) -> Let:
    """The end of every waiver of a gate that stands for a package.

    Raises
    ------
    Mistake
        When there is none, or as `waive` does.
    """
    note = _right(gates, gate, spec, people, role, who)
    package = gates.body["facts"]["package"]
    found = [one for one in newest if one.subject == gate and one.body["state"] == STANDING and one.body["package"] in (None, package)]
    if not found:
        raise Mistake(f"no waiver of {gate} stands", remedy="see the gates with: loopline release check")
    said = {"state": WITHDRAWN, "role": role, "why": reason(why), "until": None}
    drafts = (Draft(kind=KIND, subject=gate, body={**said, "package": one.body["package"]}, parents=(one.id,), actor=who.name) for one in found)
    return Let(tuple(drafts), note)


def _right(gates: Entry, gate: str, spec: ReleaseSpec, people: Stakeholders, role: str, who: Person) -> str:
    """What is to be said about a person's right to waive a gate."""
    names = [one["name"] for one in gates.body["facts"]["gates"]]
    if gate not in names:
        near = get_close_matches(gate, names, n=1, cutoff=0.5)
        raise Mistake(f"there is no gate {gate!r}", where="GATE", remedy=f"did you mean {near[0]!r}?" if near else f"the gates are: {', '.join(names)}")
    nearest_role(role, ROLES)
    allowed = may_waive(spec, gate)
    if role not in allowed:
        remedy = f"{' or '.join(allowed)} may" if allowed else f"nobody may; to let a role, say release.waive: {{{gate.partition(' ')[0]}: [{role}]}}"
        raise Mistake(f"{role} may not waive {gate}", where="--as", remedy=remedy)
    return speak_for(who, role, people)
