"""Roles: which ones the loop needs here and what for, who holds them, through what they are told, and what is wrong with that. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from loopline.access.people import Stakeholders, holders, same
from loopline.charter.spec import ROLES, CharterSpec
from loopline.release import chartered
from loopline.release.spec import MOVES, ReleaseSpec
from loopline.release.tally import REMEDY, Rules
from loopline.watch.spec import WatchSpec
from loopline.watch.told import address

ALERTED: Mapping[str, str] = {
    "business": "is told what the model earns, of the target, criteria and budget, and of experiments that have ended",
    "data": "is told of deliveries, refused rows and late outcomes",
    "science": "is told of drift",
    "ml": "is told of the model's performance",
    "devops": "is told of requests, failed steps, the service and the machine",
}
"""The roles that monitors tell, and of what."""
MAKERS = ("ml", "science", "data")
"""The roles of those who make packages."""
_LIST = "list people under charter.stakeholders.{role}"


@dataclass(frozen=True)
class Need:
    """What the loop needs a role for.

    Parameters
    ----------
    is_word
        Whether something waits until the role has spoken.
    """

    role: str
    why: str
    is_word: bool = False


@dataclass(frozen=True)
class Channel:
    """A channel through which a role is told: its kind, and its address in the ledger, which tells no secret.

    Parameters
    ----------
    of
        The role that it is declared for: another one's where the role has none of its own.
    """

    through: str
    address: str
    of: str


@dataclass(frozen=True)
class Finding:
    """What is wrong with who holds what, and what helps.

    Parameters
    ----------
    stops
        Whether the loop cannot go on like this.
    """

    name: str
    says: str
    remedy: str
    stops: bool = False

    def __str__(self) -> str:
        return f"{self.says}; {self.remedy}"


@dataclass(frozen=True)
class Team:
    """The people of a project as it is declared.

    Parameters
    ----------
    authors
        The names with which the newest package was signed, as `loopline.access.people.same` has them.
    """

    charter: CharterSpec
    release: ReleaseSpec
    watch: WatchSpec
    authors: frozenset[str] = field(default_factory=frozenset)

    @property
    def stakeholders(self) -> Stakeholders:
        """The people of each role."""
        return {str(role): people for role, people in self.charter.stakeholders.items()}

    def asked(self) -> dict[str, Mapping[str, int]]:
        """From what asks for approvals to the roles that must say yes, with how many people of each."""
        moves = {f"a {move}": self.release.asked(move) for move in MOVES}
        by_what = {"the charter": {str(role): needed for role, needed in self.charter.approvals.items() if needed}, **moves}
        return {what: roles for what, roles in by_what.items() if roles}

    def waited(self) -> list[str]:
        """The roles that something waits for until they have spoken, each once."""
        return list(dict.fromkeys(role for roles in self.asked().values() for role in roles))

    def needs(self) -> list[Need]:
        """What each role is needed for here, role by role."""
        found = sorted(self._needs(), key=lambda need: ROLES.index(need.role))
        return list(dict.fromkeys(found))

    def _needs(self) -> Iterator[Need]:
        yield Need("business", "may go on in spite of a no-go or a spent budget")
        for what, roles in self.asked().items():
            for role, needed in roles.items():
                yield Need(role, f"must say yes to {what}" + (f", {needed} people of it" if needed > 1 else ""), is_word=True)
        waivers: dict[str, list[str]] = {}
        for gate, allowed in self.release.waive.items():
            for one in allowed:
                waivers.setdefault(one, []).append(gate)
        for role, gates in waivers.items():
            yield Need(role, f"may let a package through {', '.join(gates)}")
        yield Need("expert", "answers questions about the data")
        if self.charter.acceptance:
            yield Need("customer", f"judges by {', '.join(one.id for one in self.charter.acceptance)}")
        for role, what in ALERTED.items():
            yield Need(role, what)
        for one in self.watch.escalate.to if self.watch.escalate is not None else ():
            yield Need(one, "is told where nobody answers")

    def channels(self, role: str) -> list[Channel]:
        """The channels through which a role is told: its own, else those of the first role that has any; none where nobody has."""
        told = {str(one): channels for one, channels in self.watch.tell.items()}
        of = role if role in told else next(iter(told), None)
        return [Channel(channel.partition("://")[0], address(channel), of) for channel in told[of]] if of is not None else []

    def people(self) -> dict[str, list[str]]:
        """From each person, in the first spelling of their name, to the roles that they hold."""
        found: dict[str, tuple[str, list[str]]] = {}
        for role in ROLES:
            for name in holders(role, self.stakeholders):
                found.setdefault(same(name), (name, []))[1].append(role)
        return dict(found.values())

    def findings(self) -> list[Finding]:
        """What is wrong, what stops the loop first; empty where all is well."""
        found = [one for rule in (lacking, unheld, untold, own_work, alone, spelled_twice, unheard) for one in rule(self)]
        return sorted(found, key=lambda one: not one.stops)


def lacking(team: Team) -> Iterator[Finding]:
    """More people are asked for than are listed."""
    for what, required in team.asked().items():
        is_release = what != "the charter"
        rules = Rules(
            move=what,
            required=required,
            stakeholders=team.stakeholders,
            keys={},
            about=frozenset(),
            four_eyes=team.release.four_eyes and is_release,
            authors=team.authors if is_release else frozenset(),
        )
        if rules.lack:
            yield Finding("lacking", f"{what} can never be approved: {rules.lack}", REMEDY if is_release else chartered.REMEDY, stops=True)


def unheld(team: Team) -> Iterator[Finding]:
    """A role is needed, and nobody holds it."""
    if not any(team.stakeholders.values()):
        yield Finding("unheld", "nobody is listed, so that anyone may speak for every role", _LIST.format(role="ROLE"))
        return
    waited = team.waited()
    for role in waited:
        if not holders(role, team.stakeholders):
            why = "; ".join(need.why for need in team.needs() if need.role == role and need.is_word)
            yield Finding("unheld", f"nobody holds {role}, so that anyone may speak for it: it {why}", _LIST.format(role=role))
    others = dict.fromkeys(need.role for need in team.needs() if need.role not in waited and need.role not in team.watch.tell)
    if empty := [role for role in others if not holders(role, team.stakeholders)]:
        yield Finding("unheld", f"nobody holds {', '.join(empty)}, though there is work for {'it' if len(empty) == 1 else 'them'}", _LIST.format(role="ROLE"))


def untold(team: Team) -> Iterator[Finding]:
    """Nobody can be told of anything."""
    if not team.watch.tell:
        yield Finding(
            "untold", "nobody is told when it is their turn, nor of any alert: there is no channel", "say one under watch.tell, such as business: mailto://..."
        )


def own_work(team: Team) -> Iterator[Finding]:
    """Who makes packages says yes to them."""
    if team.release.four_eyes:
        return
    said: dict[str, list[str]] = {}
    for what, required in team.asked().items():
        if what != "the charter":
            for role in required:
                said.setdefault(role, []).append(what)
    for name, roles in team.people().items():
        makes = [role for role in roles if role in MAKERS]
        how = f"as {' and '.join(makes)}" if makes else "by their key" if same(name) in team.authors else ""
        words = {role: said[role] for role in roles if role in said}
        if how and words:
            what = " and ".join(dict.fromkeys(one for listed in words.values() for one in listed))
            says = f"{name} makes packages ({how}) and may say yes to {what} (as {' and '.join(words)})"
            yield Finding("own_work", says, f"say release.four_eyes: true, or list somebody else under charter.stakeholders.{next(iter(words))}")


def alone(team: Team) -> Iterator[Finding]:
    """The yes of two roles is that of one person."""
    for what, required in team.asked().items():
        if team.release.four_eyes and what != "the charter":
            # What cannot be is told already.
            continue
        only = {role: people[0] for role in required if len(people := holders(role, team.stakeholders)) == 1}
        by_name: dict[str, list[str]] = {}
        for role, name in only.items():
            by_name.setdefault(same(name), []).append(role)
        for roles in by_name.values():
            if len(roles) > 1:
                says = f"{only[roles[0]]} alone says yes to {what}, as {' and as '.join(roles)}"
                yield Finding("alone", says, f"list another person under charter.stakeholders.{roles[-1]}")


def spelled_twice(team: Team) -> Iterator[Finding]:
    """One person is listed under two names."""
    names = list(dict.fromkeys(name for people in team.stakeholders.values() for name in people))
    for one, other in combinations(names, 2):
        if _may_be_one(one, other):
            yield Finding("spelled_twice", f"{one} and {other} look like one person", "write the name in one way, so that they count once")


def unheard(team: Team) -> Iterator[Finding]:
    """A channel is declared for a role that nobody holds."""
    if any(team.stakeholders.values()):
        for role in team.watch.tell:
            if not holders(role, team.stakeholders) and role not in team.waited():
                yield Finding("unheard", f"watch.tell has a channel for {role}, which nobody holds", f"{_LIST.format(role=role)}, or leave the channel out")


def _may_be_one(one: str, other: str) -> bool:
    """Whether two names are spellings of one: capitals, accents, dots and what follows a plus do not tell people apart, nor an address that one has more."""
    (mine, here), (theirs, there) = _parts(one), _parts(other)
    return mine == theirs and (here == there or not here or not there)


def _parts(name: str) -> tuple[str, str]:
    """What is said before an address's @, plainly, and behind it."""
    local, _, domain = same(name).partition("@")
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", local.partition("+")[0]) if not unicodedata.combining(sign))
    return re.sub(r"[\s._-]+", "", plain), domain
