"""The ring of the seven stages: where each stands, how old that is, and the one number that matters in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.charter.report.words import named
from loopline.charter.spec import CharterSpec
from loopline.declaration import counted, figure
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.model.packages import newest, worth_of
from loopline.release.rollout.course import newest as newest_course
from loopline.sheet.ring import place
from loopline.story import StageStatus
from loopline.value.month import Month
from loopline.watch.latest import latest, own
from loopline.watch.spans import written
from loopline.web.underway import Underway

PAGES: Mapping[str, str] = {
    "charter": "/charter",
    "data": "/data",
    "model": "/model",
    "release": "/release",
    "serve": "/live",
    "watch": "/live/alerts",
    "value": "/value",
}
"""From a stage to the page that tells more of it."""
LINE = 13
"""So many signs stand on a line of the ring."""
_NOT_YET = "not known yet"
_MODEL = "model"
Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage as the ring shows it.

    Parameters
    ----------
    state
        ``running``, ``done``, ``stale``, ``waiting`` or ``failed``.
    why
        What it came to when it is done; the reason when it is not.
    number, note
        The one number that matters, and what it is.
    since
        When it was last done; None where it never was.
    to
        The page that tells more, below the project's address.
    at
        Its middle in the drawing.
    age
        `since` in words.
    is_own
        Whether it is a stage of the reader's lens.
    """

    name: str
    state: str
    why: str
    number: str
    note: str
    since: datetime | None
    to: str
    at: tuple[float, float]
    age: str
    is_own: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The number in one line or two, for the little room of the ring."""
        gaps = [at for at, sign in enumerate(self.number) if sign == " "]
        if len(self.number) <= LINE or not gaps:
            return (self.number,)
        middle = min(gaps, key=lambda at: abs(at - len(self.number) / 2))
        return self.number[:middle], self.number[middle + 1 :]

    def as_json(self) -> dict[str, Any]:
        """The stage as plain values."""
        since = None if self.since is None else self.since.isoformat()
        return {"stage": self.name, "state": self.state, "why": self.why, "number": self.number, "note": self.note, "since": since, "to": self.to}


def age(since: datetime | None, now: datetime) -> str:
    """How long ago something was, in one word and its unit.

    >>> from datetime import UTC, timedelta
    >>> day = datetime(2026, 3, 2, tzinfo=UTC)
    >>> age(day, day + timedelta(hours=5)), age(day, day), age(None, day)
    ('5 hours ago', 'just now', 'never')
    """
    if since is None:
        return "never"
    gone = (now - since).total_seconds()
    for name, length in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if gone >= length:
            return f"{counted(int(gone // length), name)} ago"
    return "just now"


def compact(value: float) -> str:
    """A number for little room: three digits, and thousands and millions by a letter.

    >>> compact(1191760.0), compact(-52300.0), compact(2014.0), compact(8.459), compact(420.0)
    ('1.19M', '−52.3k', '2,014', '8.46', '420')
    """
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= 0.9995 * size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}".replace("-", "−")
    # What stands in full is as it stands elsewhere: 2,014 on a card is not 2,010 here.
    return figure(value if abs(value) >= 1000 else float(f"{value:.3g}")).replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the ring is told from.

    Parameters
    ----------
    delivery
        The entry of the newest batch.
    windows
        The newest windows, in the order of time.
    unread
        Why they cannot be read; empty where they can.
    open_alerts
        How many alerts are open.
    coming
        What servers have answered that no turn has collected yet; empty where that is nothing.
    unheard
        Why the server that is to run is not heard; empty where it is, or none is to run.
    underway
        The turn that is under way; None where none is.
    refused
        How many refused rows wait now, of all deliveries.
    so_far
        What all decisions have earned, as the newest review tells; None before any outcome has come.
    """

    charter: CharterSpec
    state: State
    delivery: Entry | None
    windows: Sequence[Body]
    open_alerts: int
    month: Month | None
    at: datetime
    unread: str = ""
    coming: str = ""
    unheard: str = ""
    underway: Underway | None = None
    refused: int = 0
    so_far: Body | None = None


def ring(stages: Sequence[StageStatus], known: Known, own: frozenset[str] = frozenset()) -> tuple[Stage, ...]:
    """The stages in the order of the loop.

    Parameters
    ----------
    own
        The stages of the reader's lens.
    """
    tells = {"charter": _charter, "data": _data, "model": _model, "release": _release, "serve": _serve, "watch": _watch, "value": _value}
    told = []
    for turn, status in enumerate(stages):
        number, note = tells[status.stage](known)
        since = done_at(known.state, status.stage)
        runs = known.underway if known.underway is not None and known.underway.stage == status.stage else None
        told.append(
            Stage(
                name=status.stage,
                state=status.state if runs is None else "running",
                why=status.why if runs is None else f"{runs.step}{_begun(runs)}{f', {runs.progress}' if runs.progress else ''}",
                number=number,
                note=note,
                since=since,
                to=PAGES[status.stage],
                at=place(turn),
                age=age(since, known.at),
                is_own=status.stage in own,
            )
        )
    return tuple(told)


def _begun(runs: Underway) -> str:
    return "" if runs.begun is None else f" since {runs.begun:%H:%M} UTC"


def done_at(state: State, stage: str) -> datetime | None:
    """When a stage last did something; None where it never did."""
    return max((entry.time for (of, _), entry in state.latest.items() if of == stage), default=None)


@dataclass(frozen=True)
class Yearly:
    """What a year brings, as the charter's study tells.

    Parameters
    ----------
    above
        What the model, or the perfect one, is held against: what the target counts against too.
    is_expected
        Whether it is a model's worth, and not a perfect one's.
    """

    value: float
    above: str
    is_expected: bool


def yearly(state: State) -> Yearly | None:
    """What the charter's study expects a year to bring above the best that is done without a model, one decision for all; None where that is not known."""
    facts = state.facts("charter", "study") or {}
    study = facts.get("study") or {}
    for one in study.get("alternatives", ()):
        if one["name"] == _MODEL and one.get("added") is not None:
            rival, counted_above = study.get("constant"), one.get("above_constant")
            if counted_above is None or rival in (None, study.get("today")):
                return Yearly(float(one["added"]["value"]), "no model", is_expected=True)
            return Yearly(float(counted_above["value"]), f"“{named(rival, facts.get('task')).lower()}”", is_expected=True)
    a_year = facts.get("per_year") or {}
    if a_year.get("perfect") is None or a_year.get("do_nothing") is None:
        return None
    return Yearly(float(a_year["perfect"] - a_year["do_nothing"]), "no model", is_expected=False)


def _money(known: Known, value: float) -> str:
    return f"{compact(value)} {known.charter.worth.currency}"


def _charter(known: Known) -> tuple[str, str]:
    facts = known.state.facts("charter", "study")
    if facts is None:
        return _NOT_YET, "no verdict has been given"
    worth = yearly(known.state)
    if worth is None:
        return str(facts["verdict"]), "what a year brings is not known: the charter has no volume, or no data have come"
    note = f"a year is expected above {worth.above}" if worth.is_expected else "a year is what a perfect model would add"
    return f"{facts['verdict']}, {_money(known, worth.value)}", note


def _data(known: Known) -> tuple[str, str]:
    facts = known.state.facts("data", "ingest")
    if known.delivery is None:
        return (_NOT_YET, "nothing has been delivered") if facts is None else (counted(facts["accepted"]), "are in the main table")
    said = known.delivery.body
    newest = said.get("newest") or ((facts or {}).get("newest") or {}).get(said.get("table"))
    fresh = "" if newest is None else f"; its newest row is of {str(newest)[:10]}"
    waits = f"; {counted(known.refused, 'refused row')} {'waits' if known.refused == 1 else 'wait'} now" if known.refused else ""
    return f"{said['accepted']:,} in, {said['quarantined']:,} out", f"rows accepted and refused of the newest delivery, as it came{fresh}{waits}"


def _model(known: Known) -> tuple[str, str]:
    worth = worth_of(known.state, newest(known.state))
    if worth is None:
        return _NOT_YET, "no package has been made"
    gain = worth["gain"]["mean"]
    return _money(known, worth["per_decision"]), f"per decision; {'+' if gain >= 0 else ''}{compact(gain)} against {worth['rule']}"


def _release(known: Known) -> tuple[str, str]:
    course = newest_course(known.state.rollouts)
    trial = ""
    if course is not None and course.is_live and course.traffic is not None:
        trial = f"{course.package[:8]} is on trial with {course.traffic.get('share', 0):.0%} of the requests"
    if not known.state.champions or known.state.champion is None:
        return _NOT_YET, trial or "no package decides"
    crowned = known.state.champions[-1]
    return f"since {crowned.time:%d %b %Y}", f"{crowned.subject[:8]} decides{f'; {trial}' if trial else ''}"


def _serve(known: Known) -> tuple[str, str]:
    found = latest(known.windows, known.state.champion)
    if found is None:
        return _NOT_YET, known.unheard or known.unread or known.coming or "no request has been answered"
    # Where windows are of the moment that a decision is about, the newest may lie ahead: nobody has answered in it yet.
    about = f"about {written(found.start)}, which lies ahead" if datetime.fromisoformat(found.start) > known.at else f"in the window of {written(found.start)}"
    note = f"answered {about}; {found.refused:,} refused"
    return counted(found.rows, "row"), "; ".join(filter(None, (known.unheard, note, known.coming)))


def _watch(known: Known) -> tuple[str, str]:
    if not known.windows and not known.open_alerts and not known.unread:
        return _NOT_YET, "nothing has been watched"
    return counted(known.open_alerts, "open alert"), _drifted(known) or known.unread or "no drift is measured"


def _drifted(known: Known) -> str:
    """The feature of the package that decides that is farthest for its limit, in the newest of its windows with rows enough to judge; empty before one."""
    mine = own(known.windows, known.state.champion)
    judged = next((one for one in reversed(mine) if any((one.get("drift_limits") or {}).values())), None)
    drifts = {} if judged is None else judged.get("drift") or {}
    limits = {} if judged is None else {name: limit for name, limit in judged["drift_limits"].items() if limit and name in drifts}
    if judged is None or not limits:
        return "too few rows yet to judge drift" if any(one.get("drift") for one in mine) else ""
    worst = max(limits, key=lambda name: drifts[name] / limits[name])
    newest = latest(known.windows, known.state.champion)
    since = "" if newest is None or newest.start == judged["start"] else f", in the window of {written(judged['start'])}; too few rows since to judge"
    return f"worst drift {worst}: {drifts[worst]:.2f}, its limit is {limits[worst]:.2f}{since}"


def _value(known: Known) -> tuple[str, str]:
    month = known.month
    if month is None:
        return _NOT_YET, known.unread or "nothing has been decided by a model"
    if not known.charter.worth.is_priced:
        return _NOT_YET, "the charter has no prices"
    when = "this month" if month.is_now else f"in {month.start:%B %Y}"
    if month.total is None:
        return _NOT_YET, month.why
    of = "" if month.target is None else f" of {compact(month.target)}"
    so_far = "" if known.so_far is None else f"; all decisions so far: {_money(known, known.so_far['added'])}"
    return f"{_money(known, month.total)}{of}", f"added {when}{f', {month.estimate}' if month.estimate else ''}{so_far}"
