"""The override of a no-go: a named person goes on in spite of it, with a reason and until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Entry

SUBJECT = "charter"
GO_ON = "loopline charter override --by NAME --why REASON"
"""The command that says one."""
USUAL, LONGEST = timedelta(days=90), timedelta(days=365)
"""How long an override holds where nobody says how long, and how long it may at most: what was true of the business then is looked at again."""


@dataclass(frozen=True)
class Override:
    """What a person said of a no-go.

    Parameters
    ----------
    until
        The last day on which it holds, UTC; None of one that was said before overrides had an end.
    rules
        From a rule that said no to what that rested on; None of one that was said before overrides kept them, and is of every rule.
    entry
        Its id in the ledger.
    """

    by: str
    why: str
    until: date | None
    rules: Mapping[str, str] | None
    entry: str

    @classmethod
    def of(cls, entry: Entry | None, binds: str, once: str | None = None) -> Override | None:
        """The override that an entry says; None where there is none of this very charter.

        Parameters
        ----------
        once
            What an override of this charter bound to before it said so itself.
        """
        if entry is None or entry.body.get("binds", entry.key) not in (binds, once):
            return None
        until = entry.body.get("until")
        return cls(entry.actor, entry.body["why"], None if until is None else date.fromisoformat(until), entry.body.get("rules"), entry.id)

    def holds(self, facts: Mapping[str, Any], today: date) -> bool:
        """Whether it lets the loop go on in spite of what a study found."""
        return not self._lacks(facts, today)

    def as_json(self, facts: Mapping[str, Any], today: date) -> dict[str, Any]:
        """The override as plain values, and whether it holds for what a study found."""
        until = None if self.until is None else str(self.until)
        return {"by": self.by, "why": self.why, "until": until, "holds": self.holds(facts, today), "entry": self.entry}

    def says(self, facts: Mapping[str, Any], today: date) -> str:
        """Who goes on in spite of what a study found, and until when; or why they do no more."""
        return self._lacks(facts, today) or f"overridden by {self.by}{'' if self.until is None else f' until {self.until}'}: {self.why}"

    def _lacks(self, facts: Mapping[str, Any], today: date) -> str:
        """Why it does not hold for what a study found; empty where it does."""
        if self.until is not None and today > self.until:
            return f"the override by {self.by} ended on {self.until}"
        # A rule that said no to what was stated, and now does to what the data tell, has not been spoken of.
        left = {name: rests_on for name, rests_on in refusing(facts).items() if self.rules is not None and self.rules.get(name) not in (rests_on, "data")}
        names = [f"{name.replace('_', ' ')}{' (only stated then)' if name in (self.rules or {}) else ''}" for name in left]
        return f"the override by {self.by} does not cover: {', '.join(names)}" if names else ""


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


def refusing(facts: Mapping[str, Any]) -> dict[str, str]:
    """From each rule of a study that says no to what that rests on: the charter, what is stated, or data."""
    return {one["name"]: one["rests_on"] for one in facts.get("rules", ()) if one["passed"] is False}


def no_go(facts: Mapping[str, Any], said: Override | None, *, today: date, has_data: bool) -> str:
    """Why the study's facts stop the loop; empty where they do not, or a person goes on in spite of it.

    Parameters
    ----------
    has_data
        Whether there are data to look at: what rests on nothing but what is stated is no reason not to.
    """
    if facts["verdict"] != "no-go" or (has_data and facts.get("rests_on") == "stated") or (said is not None and said.holds(facts, today)):
        return ""
    return "; ".join(["no-go: " + "; ".join(facts["reasons"]), *([] if said is None else [said.says(facts, today)])])
