"""From the members' scores in a graph's output to the package's: weights and calibration, as plain values. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scoring = Mapping[str, Any]
"""Plain values: ``members`` (a list with ``family`` and ``weight`` of each) and ``calibration`` (`loopline.model.calibration`)."""


def blended(weights: NDArray[np.float64], outputs: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The weighted mean of the members' scores, shape (n, width).

    Parameters
    ----------
    weights
        Shape (m,): they add up to 1.
    outputs
        Shape (n, m * width): each member's scores, one member after the other.
    """
    if len(weights) == 1:
        return outputs
    stacked = outputs.reshape(len(outputs), len(weights), width)
    # One member after the other: the sum's last digits must not hang on the number of rows.
    total: NDArray[np.float64] = stacked[:, 0] * weights[0]
    for place in range(1, len(weights)):
        total = total + stacked[:, place] * weights[place]
    return total
