"""Whether a difference in money is more than chance gives: means of blocks of neighbouring rows. Pure functions on NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = 20
"""Blocks of neighbouring validation rows whose mean worth is kept for each trial, to tell candidates apart."""

STUDENT = 1.73
"""The 0.95 quantile of Student's distribution with 19 degrees of freedom."""

STUDENT_OF_THE_BEST = 2.86
"""The 0.995 quantile: the best of many thresholds looks good by chance far more often than a single one does."""


def in_blocks(money: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean money of each of `BLOCKS` blocks of neighbouring rows, or of each row where they are fewer."""
    return np.array([block.mean() for block in np.array_split(money, min(BLOCKS, len(money)))])


def within_noise(gap: NDArray[np.float64], quantile: float = STUDENT) -> bool:
    """Whether chance alone gives a mean difference by blocks that is this far above zero more often than the quantile allows."""
    if len(gap) < 2:
        return not bool(np.any(gap))
    return bool(gap.mean() <= quantile * gap.std(ddof=1) / len(gap) ** 0.5)
