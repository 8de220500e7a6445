"""What explains a breach, told from windows, decisions and the ledger's entries. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from statistics import NormalDist
from typing import Any

from loopline.model.evaluate import SUPPORT
from loopline.watch.changepoint import Change, change_point
from loopline.watch.decisions import Decisions
from loopline.watch.departed import departed
from loopline.watch.earned import CONFIDENCE, Earned, standard_error
from loopline.watch.explanation import Body, Explanation, Loss, Shift, Turn
from loopline.watch.slices import Fallen, fallen
from loopline.watch.spec import OF_COMING, OF_MONEY
from loopline.watch.upstream import Happened

MEMORY = 120
"""So many windows before the monitor first saw it are looked back on."""

FEATURES_SHOWN = 5
_NOTHING = Fallen((), 0)


def explain(
    alert: Body,
    windows: Sequence[Body],
    *,
    currency: str,
    happened: Happened = lambda package, good, bad: (),
    importance: Mapping[str, float] | None = None,
    decisions: Decisions | None = None,
    reference: Decisions | None = None,
    columns: Sequence[str] = (),
    profiles: Mapping[str, Any] | None = None,
) -> Explanation | None:
    """What explains the breach that an alert tells of; None where the package has no window up to the breach.

    Parameters
    ----------
    alert
        The alert's body.
    windows
        Bodies of windows, in any order, of any package.
    happened
        Tells what happened upstream between the last good and the first bad window.
    importance
        What each feature earns the model per decision.
    decisions
        What the package decided, with outcomes.
    reference
        What it decided on its test part; slices are held against it where too little was served before.
    columns
        The columns whose slices are looked at.
    profiles
        From a feature to its profile in training.
    """
    mine = _up_to(alert, windows)
    if not mine:
        return None
    turned = turn(alert, mine)
    bad = [window for window in mine if window["start"] >= turned.bad["start"]]
    good = [window for window in mine if window["start"] < turned.bad["start"]]
    costs = alert["monitor"] not in OF_COMING
    return Explanation(
        says=str(alert["says"]),
        currency=currency,
        turn=turned,
        features=_features(good, bad, importance),
        costs=costs,
        fallen=_slices(turned, bad, decisions, reference, columns) if costs else _NOTHING,
        money=_loss(good, bad, alert) if costs else None,
        departed=departed(bad, profiles or {}),
        upstream=tuple(happened(str(alert["package"]), turned.good, turned.bad)),
    )


def _up_to(alert: Body, windows: Sequence[Body]) -> list[Body]:
    """The package's windows that have rows, oldest first, up to the last breach."""
    last = max(alert["last"] or "", alert["since"])
    mine = [window for window in windows if window["package"] == alert["package"] and window["start"] <= last and (window["rows"] or window["refused"])]
    mine.sort(key=lambda window: str(window["start"]))
    seen = sum(window["start"] < alert["since"] for window in mine)
    return mine[max(0, seen - MEMORY) :]


def turn(alert: Body, windows: Sequence[Body]) -> Turn:
    """When it turned: where the mean of what the alert is about changed for the worse, if it surely did, else when the monitor first saw it.

    Parameters
    ----------
    windows
        The package's, oldest first, at least one.
    """
    read = [(at, *reading) for at, window in enumerate(windows) if (reading := _reading(alert, window)) is not None]
    changed = change_point([value for _, value, _ in read], [weight for _, _, weight in read])
    at = next((at for at, window in enumerate(windows) if window["start"] >= alert["since"]), len(windows) - 1)
    known = changed is not None and changed.is_sure and _is_worse(alert, changed)
    if changed is not None and known:
        at = read[changed.at][0]
    bad = windows[at]
    good = windows[at - 1] if at else None
    return Turn(since=datetime.fromisoformat(bad["start"]), good=good, bad=bad, chance=changed.chance if changed is not None and known else None)


def _is_worse(alert: Body, change: Change) -> bool:
    """Whether money fell, or else it changed to the side on which the monitor's value lies beyond its limit."""
    if alert["monitor"] in OF_MONEY:
        return change.after < change.before
    return bool((change.after - change.before) * (alert["value"] - alert["limit"]) > 0)


def _reading(alert: Body, window: Body) -> tuple[float, float] | None:
    """What a window says of the alert's matter, and the rows that it rests on; None where it says nothing, and the monitor's word on the moment holds.

    The matter of a monitor of success is money in the end.
    """
    rows, refused = window["rows"], window["refused"]
    match alert["monitor"]:
        case "volume":
            return float(rows), 1.0
        case "refused_share":
            return (refused / (rows + refused), float(rows + refused)) if rows or refused else None
        case "drift" | "score_drift":
            value = window["score_drift"] if alert["monitor"] == "score_drift" else window["drift"].get(alert["feature"])
            return None if value is None or not rows else (float(value), float(rows))
        case name if name in OF_MONEY:
            earned = Earned.of_json(window["sums"])
            part = earned.gain if name == "worth_baseline" else earned.money
            return None if part.mean is None else (part.mean, float(part.count))
    return None


def _features(good: Sequence[Body], bad: Sequence[Body], importance: Mapping[str, float] | None) -> tuple[Shift, ...]:
    """The features that went beyond their limit in a bad window, by what they moved times what they are worth."""
    names = {name.partition(":")[2] for window in bad for name in window["breaches"] if name.startswith("drift:")}
    told = []
    for name in names:
        now, before = _distance(bad, name), _distance(good, name)
        if now is not None:
            told.append(Shift(name=name, distance=now, before=before, importance=None if importance is None else importance.get(name)))
    return tuple(sorted(told, key=lambda one: (-one.weight, -one.distance, one.name))[:FEATURES_SHOWN])


def _distance(windows: Sequence[Body], name: str) -> float | None:
    """The mean distance over windows, weighted by their rows."""
    said = [(window["drift"][name], window["rows"]) for window in windows if window["drift"].get(name) is not None]
    rows = sum(count for _, count in said)
    return sum(value * count for value, count in said) / rows if rows else None


def _slices(turned: Turn, bad: Sequence[Body], decisions: Decisions | None, reference: Decisions | None, columns: Sequence[str]) -> Fallen:
    if decisions is None or not len(decisions):
        return _NOTHING
    now, before = decisions.within(turned.since, datetime.fromisoformat(bad[-1]["end"])), decisions.within(None, turned.since)
    if not len(now):
        return _NOTHING
    if reference is not None and len(before) < min(10 * SUPPORT, len(reference)):
        return replace(fallen(reference, now, columns), against="on the test part")
    return fallen(before, now, columns) if len(before) else _NOTHING


def _loss(good: Sequence[Body], bad: Sequence[Body], alert: Body) -> Loss | None:
    """What the bad windows earned against those before, or where these have too few outcomes, against the promise."""
    now, then = ([Earned.of_json(window["sums"]).money for window in part] for part in (bad, good))
    count = sum(part.count for part in now)
    if not count:
        return None
    each = sum(part.total for part in now) / count
    known = sum(part.count for part in then)
    if known >= SUPPORT:
        expected, against = sum(part.total for part in then) / known, "the windows before earned"
        error = math.hypot(standard_error(now), standard_error(then))
    elif alert.get("cost"):
        expected, against, error = alert["cost"]["promised"], "was promised", standard_error(now)
    else:
        return None
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error * count
    lost = (expected - each) * count
    sure = math.isfinite(reach)
    return Loss(
        lost=lost,
        low=lost - reach if sure else None,
        high=lost + reach if sure else None,
        decisions=count,
        per_decision=each,
        expected=expected,
        against=against,
        promised=alert["cost"]["promised"] if known >= SUPPORT and alert.get("cost") else None,
    )
