"""Alerts of the machinery: opened by a breach, and resolved when several looks in a row were fine. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loopline.ledger.entry import Draft
from loopline.watch.alerts import alert_id
from loopline.watch.monitors.watched import Breach

FINE_NEEDED = 3
"""Looks in a row that must be fine before an alert is resolved."""
NO_PACKAGE = ""
"""Where an alert of a model has its package."""

Body = Mapping[str, Any]
Looks = Mapping[str, "Sequence[Breach] | None"]
Counts = Mapping[str, int]


def fine(looks: Looks, recorded: Mapping[str, Body], before: Counts) -> dict[str, int]:
    """For each alert that is not in breach, how many looks in a row were fine; a look that could not judge changes nothing.

    Parameters
    ----------
    recorded
        The newest body of each alert of the machinery, by its id.
    before
        What this gave at the last look.
    """
    breached = in_breach(looks)
    return {id: before.get(id, 0) + (looks.get(body["monitor"]) is not None) for id, body in recorded.items() if id not in breached}


def drafts(looks: Looks, recorded: Mapping[str, Body], counts: Counts, before: Counts, now: datetime) -> list[Draft]:
    """The entries that bring the recorded alerts up to what the looks found; none when they are.

    What a person resolved by hand opens again only after a look at it was fine.

    Parameters
    ----------
    counts, before
        What `fine` gives after these looks, and gave after the last ones.
    """
    made = []
    for id, breach in in_breach(looks).items():
        body = recorded.get(id)
        if body is None or (body["state"] == "resolved" and ("by" not in body or before.get(id, 0))):
            made.append(_draft(id, _opened(breach, now)))
    for id, count in counts.items():
        if recorded[id]["state"] != "resolved" and count >= FINE_NEEDED:
            made.append(_draft(id, {**recorded[id], "state": "resolved", "last": now.isoformat(), "why": f"{FINE_NEEDED} looks in a row were fine"}))
    return made


def in_breach(looks: Looks) -> dict[str, Breach]:
    """The breaches by the ids of their alerts."""
    return {alert_id(breach, NO_PACKAGE): breach for breaches in looks.values() for breach in breaches or ()}


def _opened(breach: Breach, now: datetime) -> dict[str, Any]:
    return {
        "state": "open",
        "monitor": breach.monitor,
        "feature": breach.feature,
        "features": list(breach.features),
        "package": NO_PACKAGE,
        "role": breach.role,
        "since": now.isoformat(),
        "last": now.isoformat(),
        "opened": now.isoformat(),
        "value": breach.value,
        "limit": breach.limit,
        "cost": None,
        "what": breach.says,
        "says": breach.says,
    }


def _draft(id: str, body: Body) -> Draft:
    return Draft(kind="alert", subject=id, key=body["since"], body=body)
