"""What held at a moment: who decided, under which charter, what was open, what had been said, and which tables there were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopline.ledger.entry import Entry
from loopline.ledger.state import State, fold
from loopline.release.champion import Reign, history
from loopline.release.rollout.course import Course, newest
from loopline.watch.standing import Standing, lasting
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.moments import moment
from loopline.web.page import Page, never

KINDS = ("champion", "charter", "approval", "silence", "rollout", "override")
"""The kinds of entries that are folded whole; of alerts and steps, which come by the hundred thousand, only the newest of each is asked for."""
_WORDS, _STEPS = 20, 20
_STATED = ("problem", "decision", "predict", "target", "volume", "worth", "outcome_seen", "acceptance")


@dataclass(frozen=True, kw_only=True)
class Past:
    """A moment of the project.

    Parameters
    ----------
    at, seq
        The moment, and the place of the newest entry that there was; 0 before the first one.
    reign
        The package that decided; None where none did.
    charter
        The entry of the charter that held.
    trial
        The rollout that went on.
    alerts
        Those that lasted, the most urgent first.
    words
        The newest approvals and refusals that had been said.
    data
        The entry with the tables that there were, and what they held.
    overrides
        What somebody had gone on in spite of.
    is_ahead
        Whether the moment is still to come: what is told then holds now.
    """

    at: datetime
    seq: int
    reign: Reign | None
    charter: Entry | None
    trial: Course | None
    alerts: tuple[Standing, ...]
    words: tuple[Entry, ...]
    data: Entry | None
    overrides: tuple[Entry, ...]
    is_ahead: bool = False
    title: str = "As of"

    @property
    def tables(self) -> Mapping[str, Any]:
        """From each table to its version and its rows."""
        return {} if self.data is None else dict(self.data.body["facts"]["tables"])

    @property
    def stated(self) -> dict[str, Any]:
        """What the charter said, as far as people read it."""
        said = {} if self.charter is None else self.charter.body["charter"]
        return {name: said[name] for name in _STATED if said.get(name) not in (None, "", [], {})}

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "at": self.at.isoformat(),
            "seq": self.seq,
            "ahead": self.is_ahead,
            "champion": None if self.reign is None else self.reign.as_json(),
            "charter": None if self.charter is None else {"entry": self.charter.id, **self.charter.body["charter"]},
            "rollout": None if self.trial is None else self.trial.as_json(),
            "alerts": [alert.as_json() for alert in self.alerts],
            "words": [entry.as_json() for entry in self.words],
            "tables": dict(self.tables),
            "overrides": [entry.as_json() for entry in self.overrides],
        }


def view(current: Current, asked: Asked) -> Past:
    """What held at the moment of the address; now where none is said.

    Raises
    ------
    Mistake
        When it is no moment.
    """
    at = moment(asked.query.get("at", ""), where="at", ends=True) or current.at
    ledger = current.workspace.ledger
    # The place is one among the entries of every project in the database.
    seq = min(ledger.place(at), current.seq)
    state = fold(ledger.read(kinds=KINDS, before=seq + 1))
    # Of now the alerts are known; for a moment before, each alert's newest entry is looked for among all.
    alerts = current.state.alerts if seq == current.seq else {entry.subject: entry for entry in ledger.newest_of_each("alert", before=seq + 1)}
    is_ahead = at > current.at
    # Of what will have ended by then nobody knows what comes after it.
    told = past(replace(state, alerts=alerts), at=min(at, current.at), seq=seq, data=_data(current, seq))
    return replace(told, at=at, is_ahead=is_ahead)


def past(state: State, *, at: datetime, seq: int, data: Entry | None) -> Past:
    """A moment, from the state that was folded up to it."""
    reigns, course = history(state.champions), newest(state.rollouts)
    words = sorted((entry for said in state.approvals.values() for entry in said), key=lambda entry: -entry.seq)
    open_then = [one for one in lasting(state, at) if one.is_open]
    return Past(
        at=at,
        seq=seq,
        reign=reigns[-1] if reigns and reigns[-1].package else None,
        charter=state.charters[-1] if state.charters else None,
        trial=course if course is not None and course.is_live else None,
        alerts=tuple(open_then),
        words=tuple(words[:_WORDS]),
        data=data,
        overrides=tuple(state.overrides.values()),
    )


def _data(current: Current, seq: int) -> Entry | None:
    """The newest entry by then that says which tables there are."""
    before = seq + 1
    while found := current.workspace.ledger.read(kinds=("step",), subject="data", before=before, newest_first=True, limit=_STEPS):
        for entry in found:
            if entry.body.get("state") == "succeeded" and "tables" in entry.body["facts"]:
                return entry
        before = found[-1].seq
    return None


PAGES = (Page("past", "/ledger/past", view, "past.html.j2", reported=never),)
