"""What happened upstream, told from the ledger's entries: deliveries, edits, contracts, trainings, releases. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopline.ledger.entry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened, when, what it was, and the entry that shows it."""

    time: datetime
    seq: int
    kind: str
    says: str
    by: str
    entry: str

    def as_json(self) -> dict[str, Any]:
        """The happening as plain values."""
        return {"time": self.time.isoformat(), "kind": self.kind, "says": self.says, "by": self.by, "entry": self.entry}


def happenings(entries: Iterable[Entry]) -> list[Happening]:
    """What the entries say that may have changed data, model or decisions, in the order of the ledger; other entries say nothing."""
    told = []
    for entry in entries:
        says = _SAYS[entry.kind](entry) if entry.kind in _SAYS else None
        if says is not None:
            told.append(Happening(time=entry.time, seq=entry.seq, kind=entry.kind, says=says, by=entry.actor, entry=entry.id))
    return told


def between(entries: Sequence[Entry], package: str, good: Mapping[str, Any] | None, bad: Mapping[str, Any]) -> list[Happening]:
    """What happened between the last good and the first bad window of a package.

    By the clock, from the start of the one to the end of the other; and by the ledger's order, between the entries of both, because windows
    of a history that is played back lie long before the entries that tell of them.

    Parameters
    ----------
    entries
        In the order of the ledger; those of the kind ``window`` tell where in it the windows were entered.
    good, bad
        Bodies of windows; without a good one only the span of the bad one counts.
    """
    entered: dict[str, int] = {}
    for entry in entries:
        if entry.kind == "window" and entry.subject == package:
            entered.setdefault(entry.key, entry.seq)
    first, last = (good or bad)["start"], bad["start"]
    after, until = datetime.fromisoformat(first), datetime.fromisoformat(bad["end"])
    placed = (entered[first], entered[last]) if first in entered and last in entered else None
    return [one for one in happenings(entries) if after <= one.time < until or (placed is not None and placed[0] < one.seq < placed[1])]


def _batch(entry: Entry) -> str:
    body = entry.body
    refused = f", {body['quarantined']:,} refused" if body.get("quarantined") else ""
    return f"{body['file']} was taken into {entry.subject}: {body['accepted']:,} {'row' if body['accepted'] == 1 else 'rows'}{refused}"


def _edit(entry: Entry) -> str | None:
    body = entry.body
    if body.get("state", "done") != "done":
        return None
    counts = ", ".join(f"{body[name]:,} {name}" for name in ("added", "changed", "removed") if body.get(name))
    return f"{entry.subject} was edited ({body['verb']}{f': {counts}' if counts else ''}){_because(body)}"


def _because(body: Mapping[str, Any]) -> str:
    return f": {body['why']}" if body.get("why") else ""


def _step(entry: Entry) -> str | None:
    body = entry.body
    if body.get("state") != "failed":
        return None
    return f"the step {body['name']} of {entry.subject} failed"


def _champion(entry: Entry) -> str:
    return f"{entry.subject[:8]} decides{_because(entry.body)}" if entry.subject else f"no package decides{_because(entry.body)}"


def _package(entry: Entry) -> str:
    family = entry.body.get("manifest", {}).get("family")
    return f"{entry.subject[:8]} was trained{f' ({family})' if family else ''}"


_SAYS: Mapping[str, Callable[[Entry], str | None]] = {
    "batch": _batch,
    "undone": lambda entry: f"a batch was taken out of {entry.subject}",
    "admit": lambda entry: f"a batch that was held back was let into {entry.subject}{_because(entry.body)}",
    "edit": _edit,
    "replay": lambda entry: f"refused rows were replayed into {entry.subject}{_because(entry.body)}",
    "contract": lambda entry: f"{entry.subject} is held to a new contract",
    "amended": lambda entry: f"{entry.subject} was amended by answers of the expert",
    "step": _step,
    "package": _package,
    "rollout": lambda entry: f"the rollout of {entry.subject[:8]}: {entry.body['action']}{_because(entry.body)}",
    "champion": _champion,
    "constraint": lambda entry: f"the expert spoke on the effect of {entry.subject}{_because(entry.body)}",
}

KINDS: tuple[str, ...] = (*_SAYS, "window")
"""The kinds of entries that `between` reads."""

Happened = Callable[[str, Mapping[str, Any] | None, Mapping[str, Any]], Sequence[Happening]]
"""Tells what `between` tells of a package, from wherever the entries are."""
