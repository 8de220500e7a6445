"""What missing, shifted and foreign input costs: each column disturbed in turn, and the rows scored anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.errors import LooplineError
from loopline.model.assessment.case import HEADLINE, Case, Columns, Floats
from loopline.model.assessment.stability import flips
from loopline.model.estimates import of_mean, plain

ROWS = 1_000
"""Rows that are scored with each disturbance: the same ones, so that the change is told well by few."""

SOME = 0.2
"""The share of a column's values that are taken away in the lesser of the two losses."""

UNSEEN = "(a value never seen)"


def disturb(case: Case, score: Callable[[Columns], Floats], *, rows: int = ROWS) -> dict[str, Any]:
    """How worth and decisions change when each column is disturbed, the costliest first.

    Parameters
    ----------
    score
        From raw columns to scores; what it refuses is told as refused.

    Returns
    -------
    dict
        ``disturbed``: for each the ``column`` (None: all of them), ``how``, the ``change`` of the worth per decision (an estimate), the change of
        the ``metric``, and ``flips``; or ``refused`` with the scorer's words. ``rows``: how many were scored.
    """
    judged, blocks = case.test.judged, case.test.blocks
    if len(judged) > rows:
        drawn = np.sort(np.random.default_rng(case.seed).choice(len(judged), rows, replace=False))
        judged, blocks = judged.where(drawn), blocks[drawn]
    # Scored anew, so that a difference is one of the columns alone.
    base = case.rejudge(judged, score(judged.columns))
    metric = case.headline(base)
    found = []
    for column, how, columns in _disturbances(judged.columns, case.seed):
        said: dict[str, Any] = {"column": column, "how": how}
        try:
            after = case.rejudge(judged, score(columns), columns)
        except LooplineError as error:
            found.append({**said, "refused": str(error)})
            continue
        measured = case.headline(after)
        change = None if metric is None or measured is None else measured - metric
        found.append({**said, "change": plain(of_mean(after.money - base.money, blocks)), "metric": change, "flips": flips(base, after)})
    found.sort(key=lambda part: part["change"]["value"] if "change" in part else 0.0)
    says = _says(found, case.currency)
    return {"disturbed": found, "rows": len(judged), "metric": HEADLINE[judged.task], "worth": float(base.money.mean()), "says": says}


def _disturbances(columns: Columns, seed: int) -> Iterator[tuple[str | None, str, Columns]]:
    """Each column in turn with each thing that can befall its kind, and all columns missing."""
    rng = np.random.default_rng(seed)
    for name, values in columns.items():
        for how, made in _befallen(values, rng):
            yield name, how, {**columns, name: made}
    yield None, "missing", {name: _nulled(values, np.ones(len(values), dtype=bool)) for name, values in columns.items()}


def _befallen(values: NDArray[Any], rng: np.random.Generator) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "missing", _nulled(values, np.ones(len(values), dtype=bool))
    yield f"missing in {SOME:.0%}", _nulled(values, rng.random(len(values)) < SOME)
    if values.dtype.kind == "O":
        yield "a value never seen", np.full(len(values), UNSEEN, dtype=object)
    elif values.dtype.kind in "iuf":
        known = values[np.isfinite(values)].astype(np.float64)
        # A column of zeros and ones has no units to slip.
        if len(known) and not np.isin(known, (0.0, 1.0)).all():
            yield "one standard deviation higher", values + float(known.std())
            yield "ten times as high", values.astype(np.float64) * 10
    elif values.dtype.kind == "M":
        yield "a year later", values + np.timedelta64(365, "D")


def _nulled(values: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[Any]:
    """The values with nulls in some rows, as raw columns have them."""
    if values.dtype.kind == "O":
        made = values.copy()
        made[rows] = None
        return made
    if values.dtype.kind == "M":
        return np.where(rows, np.datetime64("NaT", "us"), values)
    return np.where(rows, np.nan, values.astype(np.float64))


def _says(found: list[dict[str, Any]], currency: str) -> str:
    worse = [part for part in found if part["column"] is not None and "change" in part and part["change"]["high"] < 0]
    refused = [part for part in found if "refused" in part]
    more = f" The scorer refuses {len(refused)} of {len(found)} disturbances." if refused else ""
    if not worse:
        return f"No single column that is missing, shifted or foreign costs money beyond chance.{more}"
    first = worse[0]
    return f"Worst is {first['column']} {first['how']}: it costs {figure(-first['change']['value'])} {currency} per decision.{more}"
