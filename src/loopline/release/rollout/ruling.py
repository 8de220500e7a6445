"""What is ruled on a rollout: where it stands, what was found, and what is to be done. Light."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from loopline.declaration import figure

Action = Literal["hold", "advance", "withdraw", "promote", "ask"]
Judgement = Literal["worse", "good enough", "undecided", "unknown"]


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a rollout stands.

    Parameters
    ----------
    leg
        The number of the leg that it is in, from 0.
    since
        When that leg began.
    paused
        Whether a person stopped it: it goes no further then, but harm still withdraws it.
    approved
        Whether the plan's approver lets it pass without outcomes.
    """

    leg: int
    since: datetime
    paused: bool = False
    approved: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known of one question.

    Parameters
    ----------
    question
        ``worth`` (money per decision), ``errors`` (share of requests) or ``latency`` (milliseconds).
    difference
        Challenger less champion, as measured; None where nothing was.
    low, high
        Within what the true difference lies; None where it is unknown. The bound that tells harm is wrong at any time with a chance of a third of alpha, the
        other with one of alpha. Those of errors are of the latest leg.
    margin
        How far the challenger may be worse.
    seen
        Requests, or pairs of decisions, that are as telling as the evidence.
    unit
        What the difference is in.
    note
        Of what is unknown: what it lacks.
    """

    question: str
    judgement: Judgement
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float
    seen: int
    unit: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        if self.difference is None or self.low is None or self.high is None:
            return f"{self.question} is unknown" + (f" ({self.note})" if self.note else "")
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.question} differs by {figure(self.difference)}{unit} ({figure(self.low)} to {figure(self.high)}): {self.judgement}"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What is to be done, why, and the findings behind it.

    `is_overdue`: the leg was undecided for longer than the plan's patience, and a person is to be told.
    """

    action: Action
    why: str
    figures: tuple[Finding, ...]
    is_overdue: bool = False

    def as_json(self) -> dict[str, Any]:
        """The ruling as plain JSON values."""
        return {"action": self.action, "why": self.why, "figures": [one.as_json() for one in self.figures], "is_overdue": self.is_overdue}
