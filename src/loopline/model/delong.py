"""The area under the ROC curve with its interval, and the difference of two areas on the same rows. Pure functions on NumPy.

References
----------
DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated receiver operating
characteristic curves. Sun, X., Xu, W. (2014). Fast implementation of DeLong's algorithm: n log n steps. Obuchowski, N. A. (1997).
Nonparametric analysis of clustered ROC curve data: the same for rows in blocks, and the same number where each row is a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks, numbered, student
from loopline.model.estimates import LEVEL, Estimate

Floats = NDArray[np.float64]


def placements(outcome: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """For each row where it happened the share of the others that it scores above, and for each other row the share that scores above it.

    Ties count half. The mean of either is the area.
    """
    yes, no = score[outcome], score[~outcome]
    return _share_below(no, yes), 1 - _share_below(yes, no)


def _share_below(others: Floats, score: Floats) -> Floats:
    ordered = np.sort(others)
    twice: Floats = (np.searchsorted(ordered, score, "left") + np.searchsorted(ordered, score, "right")) / (2 * max(len(others), 1))
    return twice


def auc(outcome: NDArray[np.bool_], score: Floats, blocks: Blocks, *, level: float = LEVEL) -> Estimate | None:
    """The area under the ROC curve with its interval; None where one of the two outcomes is missing.

    The interval is made on the scale of the logit, which keeps it within 0 and 1. Where every pair is in order there is no scatter to tell
    it by: then it is that of as many independent pairs as there are rows of the rarer outcome.
    """
    yes = int(outcome.sum())
    rarer = min(yes, len(outcome) - yes)
    if rarer == 0:
        return None
    upper, lower = placements(outcome, score)
    area = float(upper.mean())
    if area in (0.0, 1.0):
        bound = float(((1 - level) / 2) ** (1 / rarer))
        return Estimate(area, bound, 1.0) if area else Estimate(area, 0.0, 1 - bound)
    error, count = _error(outcome, upper, lower, blocks)
    middle, reach = np.log(area / (1 - area)), student(count, level) * error / (area * (1 - area))
    return Estimate(area, float(1 / (1 + np.exp(reach - middle))), float(1 / (1 + np.exp(-reach - middle))))


def difference(outcome: NDArray[np.bool_], score: Floats, other: Floats, blocks: Blocks, *, level: float = LEVEL) -> Estimate | None:
    """By how much the area of one score is greater than that of another on the same rows, with its interval; None as for `auc`."""
    if not outcome.any() or outcome.all():
        return None
    one, two = placements(outcome, score), placements(outcome, other)
    upper, lower = one[0] - two[0], one[1] - two[1]
    value = float(upper.mean())
    error, count = _error(outcome, upper, lower, blocks)
    reach = student(count, level) * error
    return Estimate(value, value - reach, value + reach)


def _error(outcome: NDArray[np.bool_], upper: Floats, lower: Floats, blocks: Blocks) -> tuple[float, int]:
    """The standard error of the area, or of a difference of areas, and the number of blocks."""
    codes, count = numbered(blocks)
    area, variance = upper.mean(), 0.0
    off, whole = [], []
    for rows, placed in ((outcome, upper), (~outcome, lower)):
        off.append(np.bincount(codes[rows], weights=placed - area, minlength=count))
        whole.append(len(placed))
        holding = len(np.unique(codes[rows]))
        variance += holding / max(holding - 1, 1) * float(np.sum(off[-1] ** 2)) / len(placed) ** 2
    variance += 2 * count / max(count - 1, 1) * float(np.sum(off[0] * off[1])) / (whole[0] * whole[1])
    return float(np.sqrt(max(variance, 0.0))), count
