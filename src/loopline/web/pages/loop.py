"""The first page: the ring of the stages, the month's money, what is open, and what waits for the reader and for others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopline.errors import LooplineError
from loopline.lake.unexpected import in_words
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.packages import newest, worth_of
from loopline.sheet.ring import ways
from loopline.value.month import Month, month
from loopline.watch.causes import explains
from loopline.watch.spec import BUSINESS, OF_WORTH
from loopline.watch.standing import Standing, lasting
from loopline.web.asked import MAKERS, Asked
from loopline.web.coming import coming, unheard
from loopline.web.current import Current
from loopline.web.lately import lately
from loopline.web.lens import Lens, lens_of
from loopline.web.page import Action, Done, Form, Page, Work
from loopline.web.pages.turns import known_of
from loopline.web.ring import Known as RingKnown
from loopline.web.ring import Stage, compact, ring
from loopline.web.tasks import round_once
from loopline.web.underway import Underway, underway
from loopline.web.waiting import Wait, waits

ROUND = "/round"
"""The address of the form that takes the loop round."""
_RUN = "loopline run"
_said = logging.getLogger("loopline")
MONEY = OF_WORTH | {"worth_estimated", *BUSINESS}
"""The monitors of money."""
_MOST, _EXPLAINED = 6, 12
"""So many alerts, and so many things that wait, stand on the first page, so many that explain an alert, and so many words on
an earlier package; the pages behind it have them all."""


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An open alert.

    Parameters
    ----------
    lost
        The money that it has cost so far; None where that is not known.
    explained_by, more
        What the first of the alerts say that explain it, and how many others do.
    is_money
        Whether it is about money.
    """

    id: str
    state: str
    level: str
    role: str
    says: str
    since: datetime
    lost: float | None
    explained_by: tuple[str, ...]
    more: int
    is_money: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "since": self.since.isoformat(), "explained_by": list(self.explained_by)}


@dataclass(frozen=True, kw_only=True)
class LoopView:
    """What the first page shows.

    Parameters
    ----------
    cards
        The parts of the page, in the order of the reader's lens.
    stages
        The ring, in the order of the loop; `listed` has the same stages with those of the lens first.
    month
        The month's money; None where no model has decided anything.
    so_far
        What all decisions whose outcome is known have earned, and ``added`` above no model, as the newest review tells; None before it knows of any.
    unread
        Why the month cannot be read, where the ledger is at hand and what it names is not; empty where it can.
    unpriced
        Whether the charter has no prices, so that no sum is money.
    alerts
        Those that are open, the ones about money first; `more_alerts` others are not shown. Of all of them `of_money` are about money.
    known_alerts
        How many last that somebody has taken on or made silent, and `known_explained` how many more explain these.
    mine, others
        What waits for the reader, and for others.
    next, can_run
        The command that comes next, and whether a button does it for this reader.
    stopped
        What stopped the loop, where that was not a person's turn.
    unheard
        Which alerts reached nobody, and why.
    is_new
        Whether nothing has been done yet.
    underway
        The turn that is under way; None where none is.
    coming
        What servers have answered that no turn has collected yet, and when the next one comes; empty where that is nothing.
    """

    project: str
    problem: str
    decision: str
    currency: str
    at: datetime
    lens: Lens
    cards: tuple[str, ...]
    stages: tuple[Stage, ...]
    month: Month | None
    so_far: Mapping[str, Any] | None
    unread: str
    unpriced: bool
    alerts: tuple[Raised, ...]
    more_alerts: int
    known_alerts: int
    known_explained: int
    of_money: int
    mine: tuple[Wait, ...]
    others: tuple[Wait, ...]
    next: str
    can_run: bool
    stopped: LooplineError | None
    unheard: str
    is_new: bool
    underway: Underway | None
    coming: str
    title: str = "Loop"

    @property
    def listed(self) -> tuple[Stage, ...]:
        """The stages with those of the reader's lens first."""
        return self.lens.own_first(self.stages, lambda stage: stage.name)

    @property
    def around(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The cards before the ring, and those after it."""
        at = self.cards.index("loop")
        return self.cards[:at], self.cards[at + 1 :]

    @property
    def ways(self) -> tuple[tuple[tuple[float, float], tuple[float, float]], ...]:
        """The arrows of the ring."""
        return ways()

    @property
    def middle(self) -> tuple[str, str, str]:
        """What stands in the middle of the ring: the month, its sum and its target, in few words."""
        money = self.month
        if money is None or money.total is None or self.unpriced:
            return "", "not run yet" if self.is_new else "not to be read now" if self.unread else "nothing earned yet", ""
        name = f"{money.start:%B}" if money.is_now else f"{money.start:%b %Y}"
        target = "" if money.target is None else f"of {compact(money.target)}"
        return f"{name}, {money.estimate}" if money.estimate else name, f"{compact(money.total)} {self.currency}", target

    @property
    def bar(self) -> dict[str, float] | None:
        """Where the month's sums lie between nothing and the most of them, in percent; None where there is no target, or nothing to draw."""
        money = self.month
        if money is None or money.target is None or money.total is None or money.due is None:
            return None
        heading = money.heading or 0.0
        known = 0.0 if money.added is None else money.added.mean
        most = max(money.target, money.total, heading)
        sums = {"known": known, "total": money.total, "due": money.due, "target": money.target, "heading": heading}
        return {name: round(100 * max(0.0, value) / most, 1) for name, value in sums.items()} if most > 0 else None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        stopped = self.stopped
        return {
            "project": self.project,
            "problem": self.problem,
            "decision": self.decision,
            "lens": list(self.lens.roles),
            "cards": list(self.cards),
            "stages": [stage.as_json() for stage in self.stages],
            "month": None if self.month is None else {**self.month.as_json(), "currency": self.currency},
            "so_far": None if self.so_far is None else dict(self.so_far),
            "unread": self.unread,
            "alerts": [alert.as_json() for alert in self.alerts],
            "more_alerts": self.more_alerts,
            "known_alerts": self.known_alerts,
            "known_explained": self.known_explained,
            "waiting": {"mine": [one.as_json() for one in self.mine], "others": [one.as_json() for one in self.others]},
            "next": self.next,
            "stopped": None if stopped is None else {"what": stopped.what, "where": stopped.where, "remedy": stopped.remedy},
            "unheard": self.unheard,
            "underway": None if self.underway is None else self.underway.as_json(),
            "coming": self.coming,
        }


def view(current: Current, asked: Asked) -> LoopView:
    """The first page of a project for a reader."""
    charter, state, status = current.project.declaration.charter, current.state, current.status
    lens = lens_of(asked.reader.roles, asked.query.get("lens", ""))
    alerts = lasting(state, current.at)
    opened = [one for one in alerts if one.is_open]
    windows, unread = _windows(current)
    money = _month(current, windows)
    ordered = sorted(opened, key=lambda one: not _is_money(one))
    waiting_for, so_far = known_of(current, alerts), _so_far(state)
    refused = waiting_for.data.refused
    known = RingKnown(
        charter=charter,
        state=state,
        delivery=_delivery(current),
        windows=windows,
        unread=unread,
        open_alerts=len(opened),
        month=money,
        at=current.at,
        coming=coming(current),
        unheard=unheard(current),
        underway=underway(current),
        refused=refused.unsaid + refused.mended,
        so_far=so_far,
    )
    waiting = _of_reader(waits(waiting_for, asked.reader.name), asked)
    return LoopView(
        project=current.project.name,
        problem=charter.problem or "",
        decision=charter.decision or "",
        currency=charter.worth.currency,
        at=current.at,
        lens=lens,
        cards=lens.cards(),
        stages=ring(status.stages, known, lens.stages),
        month=money,
        so_far=so_far,
        unread=unread,
        unpriced=not charter.worth.is_priced,
        alerts=_raised(ordered[:_MOST], alerts),
        more_alerts=len(ordered[_MOST:]),
        known_alerts=sum(map(_is_known, alerts)),
        known_explained=sum(len(one.explained_by) for one in alerts if _is_known(one)),
        of_money=sum(map(_is_money, opened)),
        mine=tuple(one for one in waiting if one.is_mine),
        others=tuple(one for one in waiting if not one.is_mine),
        next=status.next,
        can_run=status.next == _RUN and known.underway is None and asked.reader.may(MAKERS),
        stopped=status.error,
        unheard=status.unheard,
        is_new=not state.latest and not state.failed,
        underway=known.underway,
        coming=known.coming,
    )


def _windows(current: Current) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The newest windows, and why they cannot be read: a lake that is away takes no more of the page than what it holds."""
    try:
        return lately(current.workspace.lake, current.state), ""
    except (LooplineError, OSError) as error:
        _said.warning("the newest windows cannot be read: %s", error)
        # Where it lies stands in the log: this page is for people who can do nothing with that.
        return (), f"the month cannot be read: {in_words(error).what}"


def _month(current: Current, windows: Sequence[Mapping[str, Any]]) -> Month | None:
    declared, state = current.project.declaration, current.state
    # Of what decides; before anything does, of what the model stage made last.
    worth = worth_of(state, state.champion or newest(state))
    without = None if worth is None else worth["baseline"]
    return month(windows, declared.charter, at=current.at, confidence=declared.value.confidence, without_model=without)


def _so_far(state: State) -> dict[str, Any] | None:
    """The sums of the newest review, of all decisions whose outcome it knows."""
    told = (state.facts("value", "review") or {}).get("realised")
    if told is None:
        return None
    return {"earned": told["total"], "added": told["added"]["per_decision"] * told["outcomes"], "outcomes": told["outcomes"], "until": told["until"]}


def _delivery(current: Current) -> Entry | None:
    return next(iter(current.workspace.ledger.read(kinds=("batch",), newest_first=True, limit=1)), None)


def _of_reader(waiting: Sequence[Wait], asked: Asked) -> tuple[Wait, ...]:
    """What waits, in a report as its roles see it: who makes one may hold others, and what nobody holds is for whoever may do it on a page."""
    if asked.origin or not asked.reader.roles:
        return tuple(waiting)
    return tuple(replace(one, is_mine=one.is_mine and bool(asked.reader.roles & {*one.roles})) for one in waiting)


def _raised(opened: Sequence[Standing], alerts: Sequence[Standing]) -> tuple[Raised, ...]:
    """Open alerts with what explains them."""
    by_id = {one.id: one for one in alerts}
    made = []
    for one in opened:
        body = one.entry.body
        made.append(
            Raised(
                id=one.id,
                state=one.state,
                level=one.level,
                role=str(body["role"]),
                says=one.says,
                since=datetime.fromisoformat(body["since"]),
                lost=one.cost["lost"] if one.cost else None,
                explained_by=tuple(explains(by_id[other].entry.body) for other in one.explained_by[:_EXPLAINED]),
                more=len(one.explained_by[_EXPLAINED:]),
                is_money=_is_money(one),
            )
        )
    return tuple(made)


def _is_known(one: Standing) -> bool:
    return one.is_lasting and not one.is_open


def _is_money(one: Standing) -> bool:
    return one.entry.body["monitor"] in MONEY


def take_round(current: Current, asked: Asked, form: Form) -> Done | Work:
    """Take the loop round, as far as the evidence allows."""
    return round_once()


PAGES = (Page("loop", "/", view, "loop.html.j2"),)
ACTIONS = (Action(ROUND, take_round, MAKERS),)
