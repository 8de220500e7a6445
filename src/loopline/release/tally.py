"""The tally: which words of roles on a package count, and whether they suffice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from loopline.access.people import Stakeholders, holders, holds, same
from loopline.ledger.entry import Entry
from loopline.release.words import NO, WITHDRAWN, YES, examined

REMEDY = "change charter.stakeholders or release.approvals"
"""What helps where the people who are listed are too few."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a move of a package asks for, and whose words count.

    Parameters
    ----------
    move
        ``promotion``, ``rollback``, ``rollout``, or ``charter``, which moves no package.
    required
        From a role to the number of people of it who must say yes.
    stakeholders
        The people of each role; a role without any may be spoken for by anyone.
    keys
        From a public key that is trusted now to the name of who signs with it.
    names
        From a public key to all names under which it was ever known.
    about
        Ids of the entries that a word may be about: the gates' verdicts on the package, the reign that a rollback ends, or the charter in force.
    four_eyes
        Whether a person counts for one role of a package only, and its authors for none.
    authors
        The names of those who signed the package, as `same` has them.
    """

    move: str
    required: Mapping[str, int]
    stakeholders: Stakeholders
    keys: Mapping[str, str]
    about: frozenset[str]
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    four_eyes: bool = False
    authors: frozenset[str] = frozenset()

    def asks(self, entry: Entry) -> bool:
        """Whether an entry is a word on this move by a role that is asked."""
        said = entry.body
        role = said.get("role")
        return said.get("move", self.move) == self.move and isinstance(role, str) and role in self.required and said.get("verdict") in (YES, NO, WITHDRAWN)

    def objection(self, entry: Entry, yes: Mapping[str, Iterable[str]]) -> str:
        """Why a word does not count although its person said it; empty when it does.

        Parameters
        ----------
        yes
            From a role to the people whose yes stands for it.
        """
        role, by = entry.body["role"], entry.actor
        if not holds(by, role, self.stakeholders):
            return f"{by} does not hold the role {role}"
        if str(entry.body.get("about")) not in self.about:
            return "it is about something else than what is decided here"
        return self.conflict(by, role, yes) if entry.body["verdict"] == YES else ""

    def conflict(self, by: str, role: str, yes: Mapping[str, Iterable[str]]) -> str:
        """Why four eyes do not let a person's yes count for a role, beside the yes that stand; empty when they do."""
        if not self.four_eyes:
            return ""
        if same(by) in self.authors:
            return f"{by} made the package, and release.four_eyes asks for others"
        other = next((name for name, people in yes.items() if name != role and same(by) in map(same, people)), "")
        return f"{by} has said yes as {other} already, and release.four_eyes lets them count once" if other else ""

    @property
    def lack(self) -> str:
        """Why the people whom the charter lists cannot say every yes that is asked for; empty when they can.

        With four eyes every group of roles must hold as many people as it asks for: that suffices for each to speak for one role.

        References
        ----------
        Hall, "On representatives of subsets", Journal of the London Mathematical Society, 1935.
        """
        listed = [role for role in self.required if holders(role, self.stakeholders)]
        for size in range(1, len(listed) + 1 if self.four_eyes else 2):
            for group in combinations(listed, size):
                people = {same(name): name for role in group for name in holders(role, self.stakeholders) if not self.conflict(name, role, {})}
                needed = sum(self.required[role] for role in group)
                if len(people) < needed:
                    besides = " besides who made the package" if self.four_eyes and self.authors else ""
                    only = f"only {', '.join(people.values())}" if people else "nobody"
                    return f"{needed} must say yes as {' or '.join(group)}, and the charter lists {only}{besides}"
        return ""


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
    """

    role: str
    needed: int
    approvals: tuple[Entry, ...] = ()
    refusal: Entry | None = None

    @property
    def is_met(self) -> bool:
        """Whether enough people said yes and no refusal stands."""
        return self.refusal is None and len(self.approvals) >= self.needed

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"{self.role}: refused by {self.refusal.actor}"
        return f"{self.role} ({len(self.approvals)} of {self.needed})" if self.needed > 1 else self.role


@dataclass(frozen=True)
class Unheard:
    """A word that does not count, and why."""

    word: Entry
    why: str

    def __str__(self) -> str:
        return f"the {self.word.body.get('verdict')} of {self.word.actor} as {self.word.body.get('role')} does not count: {self.why}"


@dataclass(frozen=True)
class Tally:
    """What has been said of a move of a package.

    Parameters
    ----------
    roles
        What each role that is asked has said, in the order of the declaration.
    unheard
        The words of these roles that do not count, oldest first.
    lack
        Why the people whom the charter lists cannot say every yes that is asked for; empty when they can.
    """

    move: str
    roles: tuple[RoleTally, ...]
    unheard: tuple[Unheard, ...] = ()
    lack: str = ""

    @property
    def yes(self) -> dict[str, list[str]]:
        """From a role to the people whose yes stands for it."""
        return _people(entry for one in self.roles for entry in one.approvals)

    def __str__(self) -> str:
        """What it waits for, and what stands in its way."""
        missing = " and ".join(str(one) for one in self.roles if not one.is_met)
        return "; ".join([f"waits for the approval of {missing}", *([self.lack] if self.lack else []), *map(str, self.unheard)])


def tally(rules: Rules, words: Iterable[Entry]) -> Tally:
    """What each role that is asked has said.

    A person's newest word for a role replaces their earlier ones, and counts once however often they said it; who takes a yes
    back has said none. A no stands until somebody of the same role says yes after it. A word that does not count changes nothing.

    Parameters
    ----------
    words
        The approval entries about one package, in any order.
    """
    standing: dict[tuple[str, str], Entry] = {}
    unheard: list[Unheard] = []
    for entry, why in examined((word for word in words if rules.asks(word)), rules.keys, rules.names):
        role, verdict = entry.body["role"], entry.body["verdict"]
        why = why or rules.objection(entry, _people(standing.values()))
        before = standing.get((role, same(entry.actor)))
        if why:
            unheard.append(Unheard(entry, why))
        elif verdict != WITHDRAWN or (before is not None and before.body["verdict"] == YES):
            standing.pop((role, same(entry.actor)), None)
            if verdict != WITHDRAWN:
                standing[role, same(entry.actor)] = entry
    roles = tuple(_of_role(role, needed, standing.values()) for role, needed in rules.required.items())
    return Tally(rules.move, roles, tuple(unheard), rules.lack)


def _people(words: Iterable[Entry]) -> dict[str, list[str]]:
    """From a role to the people whose yes stands for it."""
    yes: dict[str, list[str]] = {}
    for entry in words:
        if entry.body["verdict"] == YES:
            yes.setdefault(entry.body["role"], []).append(entry.actor)
    return yes


def _of_role(role: str, needed: int, standing: Iterable[Entry]) -> RoleTally:
    said = [entry for entry in standing if entry.body["role"] == role]
    refusal = said[-1] if said and said[-1].body["verdict"] == NO else None
    return RoleTally(role, needed, tuple(entry for entry in said if entry.body["verdict"] == YES), refusal)


def counted(said: Tally) -> list[dict[str, Any]]:
    """The approvals that count, as plain values: who said yes, as what, why, and in which entry."""
    return [{"role": one.role, "by": entry.actor, "why": entry.body.get("why", ""), "entry": entry.id} for one in said.roles for entry in one.approvals]
