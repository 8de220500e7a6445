"""The override of a no-go: a named person goes on in spite of it, with a reason and until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Entry

SUBJECT = "charter"
USUAL, LONGEST = timedelta(days=90), timedelta(days=365)
"""How long an override holds where nobody says how long, and how long it may at most: what was true of the business then is looked at again."""


@dataclass(frozen=True)
class Override:
    """What a person said of a no-go.

    Parameters
    ----------
    until
        The last day on which it holds, UTC; None of one that was said before overrides had an end.
    entry
        Its id in the ledger.
    """

    by: str
    why: str
    until: date | None
    entry: str

    @classmethod
    def of(cls, entry: Entry | None, binds: str) -> Override | None:
        """The override that an entry says; None where there is none of this very charter."""
        if entry is None or entry.key != binds:
            return None
        until = entry.body.get("until")
        return cls(entry.actor, entry.body["why"], None if until is None else date.fromisoformat(until), entry.id)

    def holds(self, today: date) -> bool:
        """Whether it still does."""
        return self.until is None or today <= self.until

    def as_json(self, today: date) -> dict[str, Any]:
        """The override as plain values."""
        until = None if self.until is None else str(self.until)
        return {"by": self.by, "why": self.why, "until": until, "holds": self.holds(today), "entry": self.entry}

    def says(self, today: date) -> str:
        """Who said so, and until when."""
        if not self.holds(today):
            return f"the override by {self.by} ended on {self.until}"
        return f"overridden by {self.by}{'' if self.until is None else f' until {self.until}'}: {self.why}"


def end(asked: date | None, *, today: date) -> date:
    """The last day of an override that is said today.

    Parameters
    ----------
    asked
        What the person asks for; None for as long as usual.

    Raises
    ------
    Mistake
        When that day has passed, or is further away than an override may last.
    """
    if asked is None:
        return today + USUAL
    if asked < today:
        raise Mistake(f"{asked} has passed", where="--until", remedy=f"name a day from {today} to {today + LONGEST}")
    if asked > today + LONGEST:
        remedy = f"name a day until {today + LONGEST}, and look at it again then"
        raise Mistake(f"{asked} is more than a year away", where="--until", remedy=remedy)
    return asked


def no_go(facts: Mapping[str, Any], said: Override | None, *, today: date) -> str:
    """Why the study's facts stop the loop; empty where they do not, or a person goes on in spite of it."""
    if facts["verdict"] != "no-go" or (said is not None and said.holds(today)):
        return ""
    ended = [] if said is None else [said.says(today)]
    return "; ".join(["no-go: " + "; ".join(facts["reasons"]), *ended])
