"""Whether a difference in money is more than chance gives: means of blocks of neighbouring rows. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

BLOCKS = 20
"""Blocks of neighbouring validation rows whose mean worth is kept for each trial, to tell candidates apart."""

LEVEL = 0.05
"""How often chance alone may be taken for a difference."""

THRESHOLDS = 10
"""So many independent ones the thresholds of one score are taken for, neighbouring ones deciding nearly alike."""


def in_blocks(money: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean money of each of `BLOCKS` blocks of neighbouring rows, or of each row where they are fewer."""
    return np.array([block.mean() for block in np.array_split(money, min(BLOCKS, len(money)))])


def within_noise(gap: NDArray[np.float64], *, among: int = 1) -> bool:
    """Whether chance alone gives a mean difference by blocks that is this far above zero more often than `LEVEL`, by Student's distribution.

    Parameters
    ----------
    among
        How many the better one is the best of: the best of many looks good by chance far more often than a single one does.

    References
    ----------
    Dunn (1961), Multiple comparisons among means (Bonferroni's inequality).
    """
    if len(gap) < 2:
        return not bool(np.any(gap))
    quantile = float(stdtrit(len(gap) - 1, 1 - LEVEL / among))
    return bool(gap.mean() <= quantile * gap.std(ddof=1) / len(gap) ** 0.5)
