"""Alerts: opened by breaches, one for each monitor and feature while they last, and resolved when windows are fine again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry, digest
from loopline.watch.causes import ANEW, SUPERSEDED, VOID
from loopline.watch.drift import ROWS_NEEDED
from loopline.watch.earned import CONFIDENCE, interval
from loopline.watch.monitors.watched import Breach, Promise
from loopline.watch.scan import FINE_NEEDED
from loopline.watch.spans import written
from loopline.watch.spec import OF_COMING
from loopline.watch.windows import Window

Body = Mapping[str, Any]
Found = Mapping[str, Sequence[Breach] | None]
"""What each monitor found in a window; None where it could not judge."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A cause from its first breach until it has been fine for a while.

    Parameters
    ----------
    starts
        Those of the windows with a breach, in the order of time.
    breach
        The last one.
    over
        Start of the window with which it was over; None while it lasts.
    """

    starts: tuple[datetime, ...]
    breach: Breach
    over: datetime | None = None

    @property
    def since(self) -> datetime:
        """The start of the first window with a breach."""
        return self.starts[0]

    @property
    def last(self) -> datetime:
        """The start of the last window with a breach."""
        return self.starts[-1]

    def within(self, first: str) -> Episode:
        """What there is of it from a window on; all of it where that is nothing."""
        return replace(self, starts=tuple(start for start in self.starts if start.isoformat() >= first) or self.starts)

    def after(self, last: str) -> Episode:
        """What is left of it once a person has closed what was seen up to a window: a cause of its own, of which nobody was told yet."""
        return replace(self, starts=tuple(start for start in self.starts if start.isoformat() > last) or self.starts)


def alert_id(breach: Breach, package: str) -> str:
    """The same for the same monitor, feature and package, however often it breaches."""
    return identified(breach.monitor, breach.feature, package)


def identified(monitor: str, feature: str, about: str) -> str:
    """The id of what a monitor finds in a feature of a package, or of whatever else it is about."""
    return digest([monitor, feature, about])[:12]


def episodes(windows: Sequence[Window], found: Sequence[Found]) -> dict[str, list[Episode]]:
    """Every cause's episodes in the order of time, by the alert's id; a window that a monitor could not judge changes nothing."""
    told: dict[str, list[Episode]] = {}
    monitor_of: dict[str, str] = {}
    fine: dict[str, int] = {}
    for window, looks in zip(windows, found, strict=True):
        breached = {alert_id(breach, window.package): breach for breaches in looks.values() for breach in breaches or ()}
        for id, breach in breached.items():
            monitor_of[id], fine[id] = breach.monitor, 0
            mine = told.setdefault(id, [])
            before = mine.pop().starts if mine and mine[-1].over is None else ()
            mine.append(Episode(starts=(*before, window.start), breach=breach))
        for id, mine in told.items():
            if id in breached or mine[-1].over is not None or looks[monitor_of[id]] is None:
                continue
            fine[id] += 1
            if fine[id] == FINE_NEEDED:
                mine.append(replace(mine.pop(), over=window.start))
    return told


def drafts(
    told: Mapping[str, Sequence[Episode]], recorded: Mapping[str, Body], windows: Sequence[Window], promise: Promise, *, currency: str, now: datetime
) -> list[Draft]:
    """The entries that bring the recorded alerts up to what the windows show; none when they are.

    What a person said stays: an acknowledged alert is resolved when it is over, and one that was resolved by hand opens again only
    with a breach in a later window than those that had been seen then.

    Parameters
    ----------
    recorded
        The newest body of each alert of this package, by its id.
    now
        When what opens is opened.
    """
    made: list[Draft] = []
    for id, mine in told.items():
        body = recorded.get(id)
        if body is not None and body["state"] == "resolved" and body.get("why") in VOID:
            # The package decides again, or outcomes say again what others had denied: what lasted lasts still.
            body, mine = None, [episode for episode in mine[-1:] if episode.over is None]
        for episode in mine:
            known = body is not None and episode.last.isoformat() <= body["last"]
            # Its first windows may turn out fine: what breaches still is no other cause.
            lasting = body is not None and body["state"] != "resolved" and max(body["since"], body["last"]) >= episode.since.isoformat()
            if lasting and body is not None and (newer := _kept_up(body, episode, windows, promise, currency)) is not None:
                body = newer
                made.append(_draft(id, body))
            if not known and not lasting:
                if body is not None and body["state"] != "resolved":
                    made.append(_resolved(id, body, "another breach followed after windows that were fine"))
                fresh = episode if body is None else episode.after(body["last"])
                body = {**_opened(fresh, windows, promise, currency), "opened": now.isoformat()}
                made.append(_draft(id, body))
            if episode.over is not None and body is not None and body["state"] != "resolved" and body["since"] <= episode.last.isoformat():
                why = f"{FINE_NEEDED} windows in a row were fine, the last one that of {episode.over:%Y-%m-%d %H:%M}"
                made.append(_resolved(id, {**body, "last": episode.last.isoformat()}, why))
                body = made[-1].body
        if body is not None and body["state"] != "resolved" and mine[-1].over is not None:
            made.append(_resolved(id, body, ANEW))
    return made + [_resolved(id, body, ANEW) for id, body in recorded.items() if body["state"] != "resolved" and id not in told]


def superseded(recorded: Mapping[str, Body], package: str | None) -> list[Draft]:
    """The entries that resolve the alerts of packages that do not decide any more; an alert that is about no package stays."""
    return [resolved(id, body) for id, body in recorded.items() if body["state"] != "resolved" and body["package"] not in ("", package)]


def resolved(id: str, body: Body) -> Draft:
    """The entry that resolves an alert because another package decides now."""
    return _resolved(id, body, SUPERSEDED)


def _kept_up(body: Body, episode: Episode, windows: Sequence[Window], promise: Promise, currency: str) -> Body | None:
    """The body of an alert that lasts as the windows show it now; None where a reader would not see the difference.

    The sums of one window change with each outcome: it is entered anew when another window breaches, or when what it has cost reads otherwise.
    """
    fresh = _opened(episode.within(body["since"]), windows, promise, currency)
    # A window in breach may be computed anew and be fine; what had been seen of the alert stays seen.
    last = max(body["last"], fresh["last"])
    if last == body["last"] and _reads(fresh["cost"]) == _reads(body["cost"]):
        return None
    return {**body, **{name: fresh[name] for name in ("value", "limit", "cost", "what", "says")}, "last": last}


def _reads(cost: Mapping[str, Any] | None) -> tuple[str, bool] | None:
    """What is read of a cost: two digits of the sum, and whether it is sure."""
    return None if cost is None else (f"{cost['lost']:.2g}", bool(cost.get("sure")))


def _opened(episode: Episode, windows: Sequence[Window], promise: Promise, currency: str) -> dict[str, Any]:
    breach = episode.breach
    cost, what = None, f"{breach.says} (since {written(episode.since)})"
    if breach.monitor not in OF_COMING:
        cost = _cost([window for window in windows if episode.since <= window.start <= episode.last], promise)
        what += f"; {_say_cost(cost, currency)}"
    return {
        "state": "open",
        "monitor": breach.monitor,
        "feature": breach.feature,
        "features": list(breach.features),
        "package": windows[0].package,
        "role": breach.role,
        "since": episode.since.isoformat(),
        "last": episode.last.isoformat(),
        "value": breach.value,
        "limit": breach.limit,
        "cost": cost,
        "what": breach.says,
        "says": what,
    }


def _cost(windows: Sequence[Window], promise: Promise) -> dict[str, Any] | None:
    """What the decisions of the windows earned against what was promised; None before outcomes have come.

    ``low`` and ``high`` are the bounds of what was lost; it is ``sure`` where outcomes enough have come and both are above nought.
    """
    parts = [window.earned.money for window in windows]
    count, promised = sum(part.count for part in parts), promise.per_decision
    if not count or promised is None:
        return None
    mean, seen = sum(part.total for part in parts) / count, interval(parts, CONFIDENCE)
    low, high = (None, None) if seen is None else ((promised - bound) * count for bound in reversed(seen))
    sure = count >= ROWS_NEEDED and low is not None and low > 0
    return {"per_decision": mean, "promised": promised, "lost": (promised - mean) * count, "low": low, "high": high, "outcomes": count, "sure": sure}


def _say_cost(cost: Mapping[str, float] | None, currency: str) -> str:
    if cost is None:
        return "what it costs shows when outcomes come"
    # A sum that was gained beside a breach says nothing of it, and reads as if all were well.
    return f"{figure(cost['lost'])} {currency} lost so far against the promise" if cost["lost"] > 0 else "nothing is lost so far against the promise"


def _resolved(id: str, body: Body, why: str) -> Draft:
    return _draft(id, {**body, "state": "resolved", "why": why})


def _draft(id: str, body: Body) -> Draft:
    return Draft(kind="alert", subject=id, key=body["since"], body=body)


def find(newest: Mapping[str, Entry], id: str) -> Entry:
    """The newest entry of the alert whose id is, or begins with, the text.

    Raises
    ------
    Mistake
        When there is none, or more than one.
    """
    found = [entry for subject, entry in newest.items() if id and subject.startswith(id)]
    if len(found) != 1:
        what = f"several alerts begin with {id!r}" if found else f"there is no alert {id!r}"
        raise Mistake(what, remedy="`loopline alerts list` shows them")
    return found[0]


def acknowledge(entry: Entry, *, by: str, why: str) -> Draft:
    """The entry by which a person takes an alert on.

    Raises
    ------
    Mistake
        When it is not open.
    """
    if entry.body["state"] != "open":
        raise Mistake(f"the alert {entry.subject} is {entry.body['state']} already", remedy="`loopline alerts list --all` says by whom")
    return _said(entry, {"state": "acknowledged", "by": by, "why": why}, by)


def resolve(entry: Entry, *, by: str, why: str, until: str | None) -> Draft:
    """The entry by which a person resolves an alert; a breach in a window after `until`, the newest one that was seen, opens it again.

    Raises
    ------
    Mistake
        When it is resolved already.
    """
    if entry.body["state"] == "resolved":
        raise Mistake(f"the alert {entry.subject} is resolved already", remedy="`loopline alerts list --all` says by whom")
    # Who had taken it on looks after what lasts of its cause.
    taken = {"taken_by": entry.body["by"]} if entry.body["state"] == "acknowledged" else {}
    return _said(entry, {**taken, "state": "resolved", "by": by, "why": why, "last": max(entry.body["last"], until or "")}, by)


def _said(entry: Entry, more: Body, by: str) -> Draft:
    return Draft(kind="alert", subject=entry.subject, key=entry.key, body={**entry.body, **more}, parents=(entry.id,), actor=by)
