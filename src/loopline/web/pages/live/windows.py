"""What is served now: requests, times, refusals, drift, and what decisions were expected to earn and earned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from loopline.charts import WIDE, Spec
from loopline.declaration import figure
from loopline.lake.blobs import Blobs
from loopline.serve.refusals import reasons
from loopline.sheet.document import Figure
from loopline.watch import pictures
from loopline.watch.estimated import silences
from loopline.watch.latest import latest, own
from loopline.watch.spans import written
from loopline.watch.standing import Standing, lasting
from loopline.watch.summary import newest, ranked
from loopline.web.asked import SEE_ROWS, Asked
from loopline.web.coming import coming, unheard
from loopline.web.current import Current
from loopline.web.page import Page
from loopline.web.rendering import money, number, percent
from loopline.web.said import one_of

Body = Mapping[str, Any]
Drawn = tuple[str, Callable[[int], Spec]]
LASTS = (7, 30, 90, 365)
"""So many of the newest windows may be asked for."""
ALERTS_SHOWN = 5
LISTED = 50


@dataclass(frozen=True)
class Live:
    """What was served lately.

    Parameters
    ----------
    windows
        The newest ones, in the order of time, as the watch stage writes them.
    last
        How many were asked for.
    metric, metrics
        The metric that is drawn, and all that were estimated.
    figures
        What the newest window with rows shows: how many came of all packages, and what the one that decides was worth.
    refusals
        The most frequent reasons for which rows were refused on the days of `refused_on`; None for a reader who may not see rows.
    alerts
        Those that are told apart and last, the most urgent first.
    coming
        What servers have answered that no turn has collected yet, and when the next one comes; empty where that is nothing.
    unheard
        Why the server that is to run is not heard; empty where it is, or none is to run.
    """

    title: str
    says: str
    windows: tuple[Body, ...]
    last: int
    currency: str
    metric: str
    metrics: tuple[str, ...]
    figures: tuple[Figure, ...]
    drawn: tuple[Drawn, ...]
    silent: str
    detectable: Mapping[str, Any] | None
    refusals: tuple[tuple[str, int], ...] | None
    refused_on: str
    alerts: tuple[Standing, ...]
    coming: str
    unheard: str

    @property
    def listed(self) -> tuple[tuple[Body, str], ...]:
        """The newest windows, newest first, each with the feature that is farthest for its limit."""
        return tuple((window, next(iter(ranked(window["drift"], window["drift_limits"])), "")) for window in self.windows[::-1][:LISTED])

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        refusals = None if self.refusals is None else [{"reason": reason, "rows": rows} for reason, rows in self.refusals]
        told = {
            "windows": list(self.windows),
            "currency": self.currency,
            "metric": self.metric,
            "metrics": list(self.metrics),
            "detectable": self.detectable,
            "refusals": refusals,
            "refused_on": self.refused_on,
        }
        return {"says": self.says, "coming": self.coming, "unheard": self.unheard, **told, "alerts": [one.as_json() for one in self.alerts]}


def view(current: Current, asked: Asked) -> Live:
    """The newest windows."""
    facts, currency = current.state.facts("watch", "windows") or {}, current.project.declaration.charter.worth.currency
    last = one_of(LASTS, asked.query.get("last", ""), 30)
    windows = [held["body"] for held in windows_of(current, last)]
    told = next((window["estimated"] for window in reversed(windows) if window["estimated"] is not None), None)
    metrics = tuple(sorted({name for window in windows for name in (window["estimated"] or {}).get("metrics", {})}))
    wanted = asked.query.get("metric", "")
    metric = wanted if wanted in metrics else next(iter(metrics), "")
    refused_on, why = _refusals(current, asked, windows)
    told_apart = [one for one in lasting(current.state, current.at) if one.is_lasting]
    return Live(
        title="Live",
        says=str(facts.get("says", "")),
        windows=tuple(windows),
        last=last,
        currency=currency,
        figures=figures_of(windows, current.state.champion, currency, at=current.at),
        metric=metric,
        metrics=metrics,
        drawn=_drawn(windows, currency, metric),
        silent=silences(told) if told is not None else "",
        detectable=facts.get("detectable"),
        refusals=why,
        refused_on=refused_on,
        alerts=tuple(told_apart[:ALERTS_SHOWN]),
        coming=coming(current),
        unheard=unheard(current),
    )


def windows_of(current: Current, last: int, *, package: str | None = None) -> list[dict[str, Any]]:
    """The newest windows with their counts, as `newest` gives them; none before anything was watched."""
    facts = current.state.facts("watch", "windows")
    return [] if facts is None else newest(Blobs(current.workspace.lake), facts["summary"], last, package=package)


def figures_of(windows: Sequence[Body], champion: str | None, currency: str, *, at: datetime) -> tuple[Figure, ...]:
    """What the newest window shows: how many came of all packages, and what the one that decides was worth; nothing before one."""
    found = latest(windows, champion)
    if found is None:
        return ()
    window, all, parts = found.deciding, found.rows + found.refused, len(found.parts)
    ahead = ", which lies ahead" if datetime.fromisoformat(found.start) > at else ""
    when = f"window of {written(found.start)}{ahead}{f', of {parts} packages' if parts > 1 else ''}"
    # While several serve, what follows is of the one that decides.
    of = f"of {window['package'][:8]}; " if parts > 1 else ""
    made = [
        Figure("Rows answered", number(found.rows), "", when),
        Figure("Refused", percent(found.refused / all, 1), "", f"{number(found.refused)} of {number(all)} rows"),
    ]
    if (took := window["latency_ms"]) is not None:
        note = f"{of}95 of 100: {figure(took['p95'])} ms; 99: {figure(took['p99'])} ms"
        made.append(Figure("Half of the answers within", f"{figure(took['p50'])} ms", "", note))
    if (expected := (window["estimated"] or {}).get("worth")) is not None:
        between = f"{money(expected['low'])} to {money(expected['high'], currency)}"
        made.append(Figure("Expected worth per decision", money(expected["per_decision"], currency), between, f"{of}before outcomes came"))
    came = next((one for one in reversed(own(windows, champion)) if one["worth"] is not None), None)
    if came is not None:
        worth = came["worth"]
        between = "" if worth["low"] is None else f"{money(worth['low'])} to {money(worth['high'], currency)}"
        note = f"{of}window of {written(came['start'])}; without a model {money(worth['baseline'], currency)}"
        made.append(Figure("Realised worth per decision", money(worth["per_decision"], currency), between, note))
    if found.awaited:
        made.append(Figure("Outcomes that have come", percent(found.outcomes / found.awaited), "", f"{number(found.outcomes)} of {number(found.awaited)}"))
    return tuple(made)


def _drawn(windows: Sequence[Body], currency: str, metric: str) -> tuple[Drawn, ...]:
    """The pictures that there is something to draw for."""
    told: list[tuple[str, Callable[[int], Spec | None]]] = [
        ("worth", lambda width: pictures.expected(windows, currency, width=width)),
        ("performance", lambda width: pictures.performance(windows, metric, width=width)),
        ("requests", lambda width: pictures.traffic(windows, width=width)),
        ("latency", lambda width: pictures.latency(windows, width=width)),
        ("drift", lambda width: pictures.drift_map(windows, width=width)),
    ]
    kept = [(name, cache(draw)) for name, draw in told]
    return tuple((name, _sure(draw)) for name, draw in kept if windows and draw(WIDE) is not None)


def _sure(draw: Callable[[int], Spec | None]) -> Callable[[int], Spec]:
    return lambda width: draw(width) or {}


def _refusals(current: Current, asked: Asked, windows: Sequence[Body]) -> tuple[str, tuple[tuple[str, int], ...] | None]:
    """The days of the newest window in which rows were refused, and why they were."""
    if not asked.reader.may(SEE_ROWS):
        return "", None
    window = next((window for window in reversed(windows) if window["refused"]), None)
    if window is None:
        return "", ()
    # A refused row has no moment that can be trusted: it is kept by the day on which it came, which is hardly before its window.
    first, last = datetime.fromisoformat(window["start"]).date(), (datetime.fromisoformat(window["end"]) - timedelta(microseconds=1)).date()
    return f"{first} to {last}" if first != last else f"{first}", tuple(reasons(current.workspace.lake, first, last))


PAGES = (Page("live", "/live", view, "live.html.j2"),)
