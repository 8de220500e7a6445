"""How many decisions windows hold and of how many the outcome is known, with what an experiment held out: the one count for every page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loopline.watch.earned import Earned, Split


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Decisions and outcomes.

    Parameters
    ----------
    decisions
        All that were served.
    held_out
        Those that chance took from the policy: held out from the model, or given to another arm of an experiment.
    outcomes, held_out_outcomes
        The outcomes of all of them that have come, and those of what was held out.
    """

    decisions: int
    held_out: int
    outcomes: int
    held_out_outcomes: int

    @property
    def own(self) -> int:
        """The decisions of the policy: all but what was held out."""
        return self.decisions - self.held_out

    @property
    def known(self) -> int:
        """Those of the policy whose outcome is known: what money and metrics are told of."""
        return self.outcomes - self.held_out_outcomes

    def as_json(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


def counted(windows: Sequence[Mapping[str, Any]]) -> Counted:
    """How many decisions the windows hold; `windows` are bodies as the watch stage writes them."""
    outcomes = sum(int(window["outcomes"]) for window in windows)
    return Counted(
        decisions=sum(int(window["rows"]) for window in windows),
        held_out=sum(Split.of_json(window.get("split")).apart for window in windows),
        outcomes=outcomes,
        held_out_outcomes=outcomes - sum(Earned.of_json(window["sums"]).outcomes for window in windows),
    )


def decided_in_words(decisions: int, held_out: int) -> str:
    """How many decisions, and how many of them no policy took.

    >>> decided_in_words(1120, 51), decided_in_words(1120, 0)
    ('1,120 decisions, 51 of them held out by an experiment', '1,120 decisions')
    """
    return f"{decisions:,} decisions" + (f", {held_out:,} of them held out by an experiment" if held_out else "")


def known_in_words(outcomes: int, held_out: int) -> str:
    """How many outcomes, and how many of them are of what was held out.

    >>> known_in_words(1040, 46), known_in_words(1040, 0)
    ('1,040 outcomes, 46 of them of what was held out', '1,040 outcomes')
    """
    return f"{outcomes:,} outcomes" + (f", {held_out:,} of them of what was held out" if held_out else "")
