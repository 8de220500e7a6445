"""Another threshold that would have earned clearly more on the outcomes that came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from loopline.model.blocks import numbered
from loopline.model.deciding import best_threshold
from loopline.model.estimates import Estimate, of_mean
from loopline.model.policy import Policy
from loopline.watch.decisions import Decisions

_KINDS = ("threshold", "top", "expected_worth")
_BLOCKS_NEEDED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Better:
    """A policy that would have earned more.

    Parameters
    ----------
    threshold
        The probability from which to act, as all rows choose it.
    gain, added
        Money per decision above the present policy, and above no model, on rows that did not choose the threshold.
    acted, acted_now
        Share of the rows that it acts on, and that the present policy did.
    breaks_limit
        Whether the present policy has a limit per period that it would break.
    """

    threshold: float
    gain: Estimate
    added: Estimate
    rows: int
    acted: float
    acted_now: float
    breaks_limit: bool

    def as_json(self) -> dict[str, Any]:
        """The policy as plain values."""
        return {
            "threshold": self.threshold,
            "gain": self.gain.as_json(),
            "added": self.added.as_json(),
            "rows": self.rows,
            "acted": self.acted,
            "acted_now": self.acted_now,
            "breaks_limit": self.breaks_limit,
        }


def better(decisions: Decisions, policy: Policy, *, confidence: float) -> Better | None:
    """The threshold that would have earned clearly more than what was decided, and than any one decision for all; None where none would.

    What choosing flatters is kept out: the blocks of rows are dealt to two halves in turn, each half's threshold is judged on the other half,
    and the difference to what was decided is taken row by row. Where outcomes are seen only where somebody acted, all rows here were acted on,
    and only a threshold that acts on fewer can be found.

    References
    ----------
    Stone, M. (1974). Cross-validatory choice and assessment of statistical predictions. JRSS B 36.
    """
    if decisions.yardstick.task != "binary" or policy["kind"] not in _KINDS or not len(decisions):
        return None
    score, outcome, columns = decisions.judged.score, decisions.judged.outcome, decisions.columns
    worth = decisions.yardstick.worth
    acted, rested = (worth.per_row(np.full(len(score), action), outcome, columns) for action in (True, False))
    codes, count = numbered(decisions.blocks)
    if count < _BLOCKS_NEEDED:
        return None
    anew = np.empty(len(score))
    for half in (0, 1):
        learned, judged = codes % 2 == half, codes % 2 != half
        limit = best_threshold(score[learned], (acted - rested)[learned]).threshold
        anew[judged] = np.where(score[judged] >= limit, acted[judged], rested[judged])
    unaided = decisions.judged.money - decisions.gain
    gain, added, *others = (of_mean(anew - other, decisions.blocks, level=confidence) for other in (decisions.judged.money, unaided, acted, rested))
    if gain is None or added is None or not all(one is not None and one.is_above_zero for one in (gain, added, *others)):
        return None
    limit = best_threshold(score, acted - rested).threshold
    share, now = float(np.mean(score >= limit)), float(np.mean(decisions.judged.decision))
    return Better(
        threshold=limit,
        gain=gain,
        added=added,
        rows=len(score),
        acted=share,
        acted_now=now,
        breaks_limit=policy["kind"] == "top" and share > now,
    )
