"""The overview of several loops: each in a row with its money, its alerts and what waits, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.access.people import roles_of
from loopline.charter.statement import of_statement
from loopline.errors import LooplineError
from loopline.ledger.entry import now
from loopline.ledger.following import Following
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.watch.handoff import recorded
from loopline.watch.standing import open_now
from loopline.watch.turns import KIND as TURN
from loopline.watch.turns import watched
from loopline.web.asked import Asked, Reader
from loopline.web.current import Current, base_of
from loopline.web.pages import loop as first_page


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop as the overview shows it.

    Parameters
    ----------
    to
        The address of its pages; empty where it is not declared on this machine.
    money
        What the month has added, in part estimated perhaps; None where that is not known.
    due, target
        What it should have added by now, and by its end; None where the charter has no target.
    says
        What is to be said of the money in words.
    alerts, of_money
        How many alerts are open, and how many of them are about money.
    mine
        How many things wait for the reader.
    waits
        What waits, with the roles that it waits for.
    trouble
        Why it cannot be read; empty where it can.
    """

    project: str
    to: str = ""
    currency: str = ""
    money: float | None = None
    due: float | None = None
    target: float | None = None
    verdict: str = "unknown"
    says: str = ""
    alerts: int = 0
    of_money: int = 0
    mine: int = 0
    waits: tuple[tuple[str, str], ...] = ()
    champion: str = ""
    since: datetime | None = None
    turn: str = ""
    is_late: bool = False
    trouble: str = ""

    @property
    def urgency(self) -> tuple[bool, int, bool, int, bool, bool, int, str]:
        """What puts one loop before another: the least first."""
        unwatched, behind = self.is_late, self.verdict == "behind"
        return not self.trouble, -self.of_money, not behind, -self.alerts, not unwatched, not self.mine, -len(self.waits), self.project.casefold()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        waits = [{"roles": roles, "what": what} for roles, what in self.waits]
        return {**vars(self), "since": None if self.since is None else self.since.isoformat(), "waits": waits}


@dataclass(frozen=True)
class Overview:
    """What the overview shows."""

    loops: tuple[Loop, ...]
    title: str = "Loops"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"loops": [loop.as_json() for loop in self.loops]}


def overview(loops: Iterable[Loop]) -> Overview:
    """The loops, the most urgent first."""
    return Overview(tuple(sorted(loops, key=lambda one: one.urgency)))


def here(current: Current, reader: Reader) -> Loop:
    """A loop that is declared on this machine."""
    seen = first_page.view(current, Asked(reader))
    declared, state, month = current.project.declaration, current.state, seen.month
    turns = watched(current.workspace.ledger, declared.data, declared.watch, current.at)
    known = month is not None and month.is_now and not seen.unpriced
    undecided = "" if month is not None and month.is_now else "nothing was decided this month"
    why = "the charter has no prices" if seen.unpriced else seen.unread or undecided or (month.why if month is not None else "")
    return Loop(
        project=current.project.name,
        to=f"{current.base}/",
        currency=seen.currency,
        money=month.total if month is not None and known else None,
        due=month.due if month is not None and known else None,
        target=month.target if month is not None and known else None,
        verdict=month.verdict if month is not None and known else "unknown",
        says=why,
        alerts=len(seen.alerts) + seen.more_alerts,
        of_money=seen.of_money,
        mine=len(seen.mine),
        waits=tuple((", ".join(one.roles), one.what) for one in (*seen.mine, *seen.others)),
        champion=state.champion or "",
        since=state.champions[-1].time if state.champion else None,
        turn=turns.says,
        is_late=turns.is_late,
        trouble="" if current.mistake is None else str(current.mistake),
    )


def broken(project: str, error: LooplineError) -> Loop:
    """A loop that cannot be read."""
    return Loop(project=project, to=f"{base_of(project)}/", trouble=str(error))


class Elsewhere:
    """The projects that share a database with one of this machine and are declared somewhere else: told from the ledger alone."""

    def __init__(self) -> None:
        self._followed: dict[tuple[str, str], tuple[Ledger, Following]] = {}

    def loops(self, ledger: Ledger, but: Iterable[str], reader: Reader) -> list[Loop]:
        """Those of a ledger that the reader may see."""
        return [_loop(beside, state) for beside, state in self._seen_by(ledger, but, reader)]

    def ledgers(self, ledger: Ledger, but: Iterable[str], reader: Reader) -> frozenset[tuple[str, str]]:
        """The same projects, each by the address of its ledger and its name."""
        return frozenset((beside.url, beside.project) for beside, _ in self._seen_by(ledger, but, reader))

    def seq(self, url: str, project: str) -> int:
        """The number of the last entry of a project that `ledgers` named."""
        return self._followed[url, project][0].seq()

    def _seen_by(self, ledger: Ledger, but: Iterable[str], reader: Reader) -> Iterator[tuple[Ledger, State]]:
        for project in ledger.projects():
            if project in {*but}:
                continue
            if (key := (ledger.url, project)) not in self._followed:
                beside = ledger.beside(project)
                self._followed[key] = beside, Following(beside)
            beside, following = self._followed[key]
            state = following.state()
            listed: Mapping[str, list[str]] = _charter(state).get("stakeholders", {})
            if Reader(reader.name, frozenset(roles_of(reader.name, listed)), reader.is_local).may(None):
                yield beside, state


def _charter(state: State) -> Mapping[str, Any]:
    return state.charters[-1].body["charter"] if state.charters else {}


def _loop(beside: Ledger, state: State) -> Loop:
    """A loop as its ledger tells it."""
    said, project = _charter(state), beside.project
    try:
        currency = of_statement(said, where=project).worth.currency if said else ""
    except LooplineError:
        currency = ""
    waits = [entry.body for entry in recorded(state.alerts).values() if entry.body["state"] != "resolved"]
    at = now()
    alerts = open_now(state, at)
    turn = next(iter(beside.read(kinds=(TURN,), newest_first=True, limit=1)), None)
    return Loop(
        project=project,
        currency=currency,
        **reviewed(state.facts("value", "review") or {}, at),
        alerts=len(alerts),
        of_money=sum(one.entry.body["monitor"] in first_page.MONEY for one in alerts),
        waits=tuple((str(body["role"]), str(body["says"])) for body in waits),
        champion=state.champion or "",
        since=state.champions[-1].time if state.champion else None,
        turn="" if turn is None else f"the last turn ended {turn.time:%Y-%m-%d %H:%M} UTC on {turn.body['host']}, {turn.body['state']}",
    )


def reviewed(review: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The month's money as the newest review has it, for a loop that is declared elsewhere: its windows may be in a lake that is not here."""
    month, says = review.get("month"), str(review.get("says", ""))
    if month is None:
        return {"says": _parts("declared elsewhere", "no review tells of the month's money", says)}
    if not review["priced"]:
        return {"says": _parts("declared elsewhere", "the charter has no prices", says)}
    if not datetime.fromisoformat(month["start"]) <= at < datetime.fromisoformat(month["end"]):
        return {"says": _parts("declared elsewhere", "its newest review knows of nothing that was decided this month", says)}
    told = _parts("declared elsewhere", f"by its newest review, up to {month['until'][:16].replace('T', ' ')} UTC", month["why"], says)
    return {"money": month["total"], **{name: month[name] for name in ("due", "target", "verdict")}, "says": told}


def _parts(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
