"""Telling: each open alert is told once to its role's channel; a channel that fails is a fact in the ledger, and is tried again later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from loopline.access.secrets import reveal
from loopline.engine.step import Facts
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.tell import tell
from loopline.watch.spec import URGENCY
from loopline.workspace import Job

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(days=1)


def channel_of(role: str, channels: Mapping[Any, str]) -> str | None:
    """The role's channel; where it has none, the first that is declared, so that no alert is lost; None where there is none at all."""
    return channels.get(role) or next(iter(channels.values()), None)


def due(alerts: Sequence[Entry], channels: Mapping[Any, str], now: datetime) -> list[Entry]:
    """The open alerts that are to be told now: never tried, or failed long enough ago; the wait doubles with every failure."""
    return [entry for entry in alerts if entry.body["state"] == "open" and channel_of(entry.body["role"], channels) and _is_due(entry, now)]


def _is_due(entry: Entry, now: datetime) -> bool:
    told: Mapping[str, Any] | None = entry.body["told"]
    if told is None:
        return True
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(told["tries"] - 1, 20))
    return not told["done"] and now - entry.time >= wait


def run(job: Job) -> Facts:
    """Tell each channel its alerts in one message, and enter whether that succeeded.

    Killed between the message and the entry, it tells the same alerts once more: rather twice than never.
    """
    ledger, channels = job.workspace.ledger, job.step.reads["tell"]
    entries = ledger.read(kinds=("alert",), ids=job.step.inputs["alerts"])
    waiting: dict[str, list[Entry]] = {}
    for entry in entries:
        channel = channel_of(entry.body["role"], channels)
        if channel is not None and _newest(ledger, entry).id == entry.id:
            waiting.setdefault(channel, []).append(entry)
    failed = 0
    for channel, alerts in waiting.items():
        job.progress.say(f"telling {len(alerts)} alerts")
        why = tell(channel, title=title(job.project, alerts), text=message(alerts), reveal=reveal)
        failed += len(alerts) if why else 0
        # A person may have taken an alert on while the message went out: their word stays.
        newest = (_newest(ledger, entry) for entry in alerts)
        ledger.append(*(_told(entry, why) for entry in newest))
    count = sum(map(len, waiting.values()))
    return {"says": f"{count - failed} alerts told" + (f", {failed} could not be told" if failed else ""), "told": count - failed, "failed": failed}


def _newest(ledger: Ledger, entry: Entry) -> Entry:
    return ledger.read(kinds=("alert",), subject=entry.subject, newest_first=True, limit=1)[0]


def _told(entry: Entry, why: str | None) -> Draft:
    tries = (entry.body["told"] or {"tries": 0})["tries"] + 1
    body = {**entry.body, "told": {"done": why is None, "why": why or "", "tries": tries}}
    return Draft(kind="alert", subject=entry.subject, key=entry.key, body=body, parents=(entry.id,))


def title(project: str, alerts: Sequence[Entry]) -> str:
    """The message's title."""
    return f"{project}: {alerts[0].body['says']}"[:120] if len(alerts) == 1 else f"{project}: {len(alerts)} alerts"


def message(alerts: Sequence[Entry]) -> str:
    """What is told: each alert in a line, and what to do."""
    urgent = sorted(alerts, key=lambda entry: URGENCY.index(entry.body["monitor"]))
    lines = [f"- {entry.body['says']}" for entry in urgent]
    return "\n".join([*lines, "", "Look: loopline alerts list, loopline watch show", f"Take it on: loopline alerts ack {urgent[0].subject}"])
