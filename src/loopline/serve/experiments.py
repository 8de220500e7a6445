"""Experiments as the server gives them: folded from their entries, and looked up anew while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from loopline.ledger.entry import Entry
from loopline.ledger.store import Ledger
from loopline.model.policy import Policy
from loopline.serve.apart import Apart, Holdout, Policies
from loopline.serve.split import place

KIND = "experiment"
STARTED, ENDED = "started", "ended"
Sort = Literal["policy", "package", "feature"]
_MARK = "x"
"""How the second part of an assignment's id begins: a prediction's is hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the ways that are compared; the first arm of an experiment is its control.

    Parameters
    ----------
    share
        Its share of the units.
    policy
        What decides in it, of an experiment on policies; None for the package's own.
    package
        The package that answers in it, of an experiment on packages.
    """

    name: str
    share: float
    policy: Policy | None = None
    package: str = ""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment, as far as it has come.

    Parameters
    ----------
    id
        Id of the entry that began it: it stands in each record of it, and the units are split by it.
    package
        The package that decided when it began.
    plan
        What it was planned for: how small an effect it is to see, how surely, and what else is looked at.
    ended
        When it ended; None while it runs.
    winner
        The arm that it named at its end; empty where none was, and while it runs.
    entries
        Every entry on it, oldest first.
    """

    name: str
    sort: Sort
    id: str
    package: str
    began: datetime
    arms: tuple[Arm, ...]
    plan: Mapping[str, Any]
    ended: datetime | None = None
    winner: str = ""
    entries: tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended is None

    def arm_of(self, unit: str) -> str | None:
        """The arm of a unit while it runs; None for one that takes no part. After its end every unit has the winner, or else the control."""
        if not self.is_running:
            return self.winner or self.arms[0].name
        at, end = place(unit, self.id), 0.0
        for arm in self.arms:
            end += arm.share
            if at < end:
                return arm.name
        return None

    def id_of(self, unit: str) -> str:
        """The id by which outcomes of a unit are told: the same whenever it is asked for, and the unit cannot be read from it."""
        head = hashlib.blake2b(self.id.encode(), digest_size=4).hexdigest()[:7]
        own = hashlib.blake2b(unit.encode(), digest_size=12, key=self.id.encode()[:64]).hexdigest()
        return f"{self.began:%Y%m%d}-{_MARK}{head}-{own}"


def is_assignment(id: str) -> bool:
    """Whether an id is one of a unit's assignment, and not of a prediction.

    >>> is_assignment("20261126-x1a2b3c4-00ff"), is_assignment("20261126-1a2b3c4d-mfrggzdf")
    (True, False)
    """
    parts = id.split("-")
    return len(parts) == 3 and parts[1].startswith(_MARK)


def folded(entries: Iterable[Entry]) -> tuple[Experiment, ...]:
    """Every experiment, oldest first, from the entries of its kind in the order of the ledger."""
    found: dict[str, Experiment] = {}
    for entry in entries:
        if entry.body["action"] == STARTED:
            found[entry.subject] = _begun(entry)
        elif entry.subject in found and found[entry.subject].is_running:
            before = found[entry.subject]
            found[entry.subject] = replace(before, ended=entry.time, winner=entry.body["winner"], entries=(*before.entries, entry))
    return tuple(found.values())


def _begun(entry: Entry) -> Experiment:
    said = entry.body
    arms = tuple(Arm(name=arm["name"], share=arm["share"], policy=arm["policy"], package=arm["package"]) for arm in said["arms"])
    return Experiment(
        name=entry.subject, sort=said["sort"], id=entry.id, package=said["package"], began=entry.time, arms=arms, plan=said["plan"], entries=(entry,)
    )


def running(ledger: Ledger, sort: Sort) -> Experiment | None:
    """The experiment of a sort that runs; of several the newest. None where none does."""
    found = [one for one in folded(ledger.read(kinds=(KIND,))) if one.sort == sort and one.is_running]
    return found[-1] if found else None


def apart(ledger: Ledger, holdout: Holdout | None = None) -> Apart:
    """What is decided apart from the packages' policies now: the hold-out, and the arms of a running experiment on policies."""
    known = folded(ledger.read(kinds=(KIND,)))
    policies = next((one for one in reversed(known) if one.sort == "policy" and one.is_running), None)
    given = None
    if policies is not None:
        given = Policies(policies.id, policies.package, policies.id, {arm.name: (arm.share, arm.policy) for arm in policies.arms})
    return Apart(holdout, given)
