"""Alerts in the words of Alertmanager: what its API takes, so that a team's own routes and silences go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loopline.ledger.entry import Entry
from loopline.watch.causes import Level, explains, level
from loopline.watch.told import LASTING

_SEVERITY: dict[Level, str] = {"page": "critical", "notice": "warning", "digest": "info"}
_PREFIX = "alertmanager+"
_SHOWN = 5


def place(channel: str) -> str:
    """The URL that takes alerts, of a channel such as ``alertmanager+http://host:9093``."""
    return channel.removeprefix(_PREFIX).rstrip("/") + "/api/v2/alerts"


def body(project: str, entry: Entry, others: Sequence[Entry], *, now: datetime, is_over: bool, look: str) -> dict[str, Any]:
    """One alert as ``POST /api/v2/alerts`` takes it.

    Its labels are what Alertmanager knows it by: they are the same from its first breach to its end. One that lasts ends some time
    ahead, and is told again before that: a loop that has died leaves nothing burning for ever.

    Parameters
    ----------
    look
        The command that shows all that is known of it.

    References
    ----------
    https://prometheus.io/docs/alerting/latest/alerts_api/
    """
    said = entry.body
    labels = {
        "alertname": f"loopline_{said['monitor']}",
        "project": project,
        "alert": entry.subject,
        "role": said["role"],
        "severity": _SEVERITY[level(said)],
        "feature": said["feature"],
        "package": said["package"][:12],
    }
    explained = "; ".join(explains(other.body) for other in others[:_SHOWN])
    annotations = {"summary": said["says"], "explained_by": explained, "look": look}
    return {
        # A label without a value is one that is not there.
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: text for name, text in annotations.items() if text},
        # It refuses what ends before it starts, as it would where the clock was set back.
        "startsAt": min(datetime.fromisoformat(entry.key), now).isoformat(),
        "endsAt": (now if is_over else now + LASTING).isoformat(),
    }
