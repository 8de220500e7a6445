"""Telling: the letters that are due are sent, one message to each channel; whether it got through is an entry."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from textwrap import shorten
from typing import Any

from msgspec.structs import replace

from loopline.access.secrets import reveal
from loopline.charter.spec import WorthSpec
from loopline.engine.step import Facts
from loopline.ledger.entry import Draft, Entry, by_id
from loopline.ledger.following import Following
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.tell import hand_over, tell
from loopline.watch.causes import Incident, explains, level, says, urgency
from loopline.watch.exported import alertmanager
from loopline.watch.inquiry import Evidence, inquire
from loopline.watch.spec import WAITING
from loopline.watch.told import KIND, address, is_alertmanager
from loopline.workspace import HOME, Job

_log = logging.getLogger(__name__)
_SHOWN = 5
_TITLE = 118
_WHY = {
    "elsewhere": "you are told because no channel of {role} takes messages now",
    "escalated": "nobody has taken it on; {role} was told first",
    "told": "you are told because {role} has no channel",
}
_LOUD = {"page": "a page", "notice": "a notice", "digest": "no hurry"}
Items = Sequence[tuple[str, Entry, Sequence[Entry]]]
"""Purpose, alert, and the alerts that explain it."""


@dataclass(frozen=True)
class Source:
    """Where a message comes from.

    Parameters
    ----------
    project, folder
        The project's name and the folder of its declaration.
    host
        The machine on which the folder is.
    """

    project: str
    folder: str
    host: str

    def anywhere(self, command: str) -> str:
        """A command that does the same in any folder of the machine."""
        return f"{command} --folder {shlex.quote(self.folder)}"

    def command(self, verb: str, alert: str) -> str:
        """A command about an alert."""
        return self.anywhere(f"loopline alerts {verb} {alert}")

    def look(self, alert: Entry) -> str:
        """The command that shows what an alert is about; of a hand-off, the one that takes the loop on."""
        return self.anywhere(alert.body["next"]) if alert.body["monitor"] == WAITING else self.command("show", alert.subject)


def run(job: Job) -> Facts:
    """Send each channel its letter in one message, and enter whether that succeeded.

    Killed between the message and the entry, it sends the same letter once more: rather twice than never.
    """
    ledger, now = job.workspace.ledger, datetime.fromisoformat(job.step.inputs["now"])
    channels = {address(channel): channel for listed in job.step.reads["tell"].values() for channel in listed}
    source, why_of = Source(job.project, str(job.folder), job.step.inputs["host"]), _Why(job)
    sent = failed = 0
    for letter in job.step.inputs["letters"]:
        items = _fresh(ledger, letter["items"])
        if not items:
            continue
        channel = channels[letter["to"]]
        job.progress.say(f"telling {' and '.join(letter['roles'])}")
        if is_alertmanager(channel):
            why = _hand_over(channel, source, items, now)
        else:
            text = message(items, letter["roles"], source, {alert.subject: why_of.told(alert) for _, alert, _ in items})
            why = tell(channel, title=title(job.project, [alert for _, alert, _ in items]), text=text, reveal=reveal)
        sent, failed = (sent, failed + 1) if why else (sent + 1, failed)
        ledger.append(_message(letter, channel, items, why, now))
    came = f"{sent} messages sent" + (f", {failed} could not be sent" if failed else "")
    return {"says": came, "sent": sent, "failed": failed}


def _fresh(ledger: Ledger, items: Sequence[Mapping[str, Any]]) -> list[tuple[str, Entry, list[Entry]]]:
    """Purpose, alert and what explains it; without those of which somebody has spoken since the letter was thought of."""
    named = [id for item in items for id in (item["alert"], *item["others"], *item["incident"])]
    entries = by_id(ledger.read(kinds=("alert",), ids=named))
    made = []
    for item in items:
        alert = entries[item["alert"]]
        if ledger.read(kinds=("alert",), subject=alert.subject, newest_first=True, limit=1)[0].id == alert.id:
            # What an incident has cost is said once, also in what is sent.
            about = [entries[id] for id in item["incident"]]
            told = replace(alert, body={**alert.body, "says": says(alert, Incident(about[0], tuple(about[1:])) if about else None)})
            made.append((item["purpose"], told, [entries[id] for id in item["others"]]))
    return made


def attempt(channel: str, project: str) -> str | None:
    """None when a channel took a message that says it is a test, else the reason why not; Alertmanager takes an empty list."""
    if is_alertmanager(channel):
        return hand_over(alertmanager.place(channel), [], reveal=reveal)
    text = f"Alerts of {project} will reach you here. Nothing is wrong: somebody asked for this with `loopline alerts try`."
    return tell(channel, title=f"{project}: a test", text=text, reveal=reveal)


class _Why:
    """What explains the alerts of packages, asked of ledger and lake once for each package."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._known: dict[str, Evidence] = {}

    @cached_property
    def _state(self) -> State:
        return Following(self._job.workspace.ledger, self._job.folder / HOME).state()

    def told(self, alert: Entry) -> list[str]:
        """What explains an alert, in sentences: none of one that waits for the digest, of one about no package, or where that cannot be told."""
        package = alert.body["package"]
        if level(alert.body) == "digest" or package not in self._state.packages:
            return []
        try:
            if package not in self._known:
                self._known[package] = inquire(self._job.workspace, self._state, package, WorthSpec.model_validate(self._job.step.reads["worth"]))
            found = self._known[package].explain(alert.body)
        except Exception:  # a page must go out whatever is wrong with what it is explained from
            _log.debug("an alert cannot be explained", exc_info=True)
            return []
        return [] if found is None else found.found(with_money=False)


def _hand_over(channel: str, source: Source, items: Items, now: datetime) -> str | None:
    bodies = [alertmanager.body(source.project, alert, others, now=now, is_over=purpose == "over", look=source.look(alert)) for purpose, alert, others in items]
    return hand_over(alertmanager.place(channel), bodies, reveal=reveal)


def _message(letter: Mapping[str, Any], channel: str, items: Items, why: str | None, now: datetime) -> Draft:
    body = {
        "at": now.isoformat(),
        "through": channel.partition("://")[0],
        "roles": letter["roles"],
        "items": [{"purpose": purpose, "alert": alert.subject, "since": alert.key} for purpose, alert, _ in items],
        "done": why is None,
        "why": why or "",
    }
    return Draft(kind=KIND, subject=letter["to"], body=body, parents=tuple(alert.id for _, alert, _ in items))


def title(project: str, alerts: Sequence[Entry]) -> str:
    """The message's title: the most urgent alert, and how many more there are."""
    first = min(alerts, key=lambda entry: urgency(entry.body)).body["says"]
    more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    return f"{project}: {shorten(first, _TITLE - len(more), placeholder=' ...')}{more}"


def message(items: Items, roles: Sequence[str], source: Source, why: Mapping[str, Sequence[str]]) -> str:
    """What is told: each alert in a line with what explains it, what it is about, and what to do where. The digest comes last.

    Parameters
    ----------
    roles
        Those that are spoken to.
    why
        What explains each alert beside other alerts, in sentences, by its id.
    """
    ordered = sorted(items, key=lambda item: urgency(item[1].body))
    several = len({alert.body["role"] for _, alert, _ in items}) > 1
    lines: list[str] = []
    for purpose, alert, others in ordered:
        role = alert.body["role"]
        if level(alert.body) == "digest" and "For the digest:" not in lines:
            lines.append("For the digest:")
        lines.append(f"- for {role}: {alert.body['says']}" if several else f"- {alert.body['says']}")
        if purpose != "told" or role not in roles:
            lines.append(f"  {_WHY[purpose].format(role=role)}")
        lines += [f"  explained by: {explains(other.body)}" for other in others[:_SHOWN]]
        lines += [f"  and by {len(others) - _SHOWN} more"] if len(others) > _SHOWN else []
        lines += [f"  {sentence}" for sentence in (*why.get(alert.subject, ()), *_about(alert, source))]
    first = next((alert.subject for _, alert, _ in ordered if alert.body["monitor"] != WAITING), None)
    todo = [f"Look: {source.command('show', first)}", f"Take it on: {source.command('ack', first)}"] if first is not None else []
    return "\n".join([*lines, "", *todo, f"There: on {source.host}, project {source.project}"])


def _about(alert: Entry, source: Source) -> list[str]:
    """How loudly an alert is told, which monitor it is of, and what that looked at; of a hand-off, since when it waits and what to do."""
    body = alert.body
    if body["monitor"] == WAITING:
        return [f"since {body['since'][:16].replace('T', ' ')} UTC; your turn: {source.look(alert)}"]
    names = body.get("features") or [body["feature"]]
    of = f" of {', '.join(names[:_SHOWN])}{' and more' if len(names) > _SHOWN else ''}" if names[0] else ""
    package = f", package {body['package'][:8]}" if body["package"] else ""
    return [f"({_LOUD[level(body)]}: {body['monitor']}{of}{package})"]
