"""All that is known of one alert: where it stands, what explains it, what was said of it, and who was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.charter.spec import WorthSpec
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.watch.alerts import find
from loopline.watch.explanation import Explanation
from loopline.watch.inquiry import inquire
from loopline.watch.standing import Standing, standings
from loopline.workspace import Workspace


@dataclass(frozen=True)
class Dossier:
    """An alert and what is known of it.

    Parameters
    ----------
    explaining
        The alerts that explain it.
    explanation
        Since when, how much money, which features and slices, and what changed upstream; None where it is about no package, or nothing tells.
    history
        Its entries, oldest first.
    """

    standing: Standing
    explaining: tuple[Standing, ...]
    explanation: Explanation | None
    history: Sequence[Entry]

    @property
    def next(self) -> str:
        """The command that comes next."""
        return f"loopline alerts ack {self.standing.id}" if self.standing.state == "open" else "loopline alerts list"

    def as_json(self) -> dict[str, Any]:
        """Plain values; `docs/json.md` has the shape."""
        return {
            **self.standing.as_json(),
            "explaining": [one.as_json() for one in self.explaining],
            "explanation": None if self.explanation is None else self.explanation.as_json(),
            "messages": [_message(message, self.standing.id) for message in self.standing.messages],
            "history": [
                {"state": was.body["state"], "by": was.actor, "why": was.body.get("why", ""), "time": was.time.isoformat(), "entry": was.id}
                for before, was in zip([None, *self.history], self.history, strict=False)
                # What lasts is kept up to date; only what became of it is told.
                if before is None or (before.key, before.body["state"]) != (was.key, was.body["state"])
            ],
            "next": self.next,
        }


def dossier(workspace: Workspace, state: State, worth: WorthSpec, id: str, now: datetime) -> Dossier:
    """The dossier of the alert whose id is, or begins with, the text.

    Raises
    ------
    Mistake
        When there is none, or more than one.
    """
    entry = find(state.alerts, id)
    found = {one.id: one for one in standings(state, now)}
    one = found[entry.subject]
    history = workspace.ledger.read(kinds=("alert",), subject=entry.subject)
    return Dossier(one, tuple(found[other] for other in one.explained_by), explained(workspace, state, worth, entry.body), history)


def explained(workspace: Workspace, state: State, worth: WorthSpec, alert: Mapping[str, Any]) -> Explanation | None:
    """What explains an alert of a package; None where it is about the machinery, which is about no package."""
    package = alert["package"]
    return inquire(workspace, state, package, worth).explain(alert) if package in state.packages else None


def _message(message: Entry, alert: str) -> dict[str, Any]:
    purpose = next(item["purpose"] for item in message.body["items"] if item["alert"] == alert)
    return {"purpose": purpose, **{name: message.body[name] for name in ("at", "through", "roles", "done", "why")}, "entry": message.id}
