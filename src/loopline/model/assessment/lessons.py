"""Whether more data would pay: the model fitted to growing shares of the rows, and the curve that its worth follows.

References
----------
Cortes, C., Jackel, L. D., Solla, S., Vapnik, V., Denker, J. (1993). Learning curves: asymptotic values and rate of convergence (the inverse
power law). Viering, T., Loog, M. (2023). The shape of learning curves: a review.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.model.assessment.case import HEADLINE, Case, Lessons
from loopline.model.estimates import LEVEL, Estimate, plain

SHARES = (0.1, 0.18, 0.32, 0.56)
"""Shares of the rows below all of them, each about 1.8 times the one before."""

SEEDS = 2
"""Draws of the rows for each share: with all rows once, that is as much work as 3.3 fits to all of them."""

FITS = len(SHARES) * SEEDS + 1
DRAWS = 300

_POWERS = np.linspace(0.1, 1.5, 29)
_Floats = NDArray[np.float64]


def learn(case: Case, lessons: Lessons) -> dict[str, Any]:
    """The learning curve, and what twice as many rows would add; `lessons.fit_on` is called `FITS` times.

    Returns
    -------
    dict
        ``points`` (each with ``rows``, ``seed``, ``worth`` and ``metric``), ``curve`` (``rows``, ``worth``, ``low``, ``high``, up to twice the
        rows), ``doubled``: the money per decision that twice as many rows would add, as an estimate; and the same ``per_year`` where the volume is known.
    """
    points: list[dict[str, Any]] = []
    for share in (*SHARES, 1.0):
        for seed in range(case.seed, case.seed + (SEEDS if share < 1 else 1)):
            rows = _drawn(lessons.rows, share, seed)
            judged = case.rejudge(lessons.held.judged, lessons.fit_on(rows, seed))
            points.append({"rows": len(rows), "seed": seed, "worth": float(judged.money.mean()), "metric": case.headline(judged)})
    sizes, worth = np.array([float(point["rows"]) for point in points]), np.array([point["worth"] for point in points])
    at = np.geomspace(sizes.min(), 2 * lessons.rows, 40)
    drawn, doubled = fitted(sizes, worth, at, seed=case.seed)
    low, high = np.quantile(drawn[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    curve = {"rows": at.tolist(), "worth": drawn[0].tolist(), "low": np.minimum(low, drawn[0]).tolist(), "high": np.maximum(high, drawn[0]).tolist()}
    per_year = None
    if case.volume_per_year is not None:
        per_year = Estimate(*(value * case.volume_per_year for value in (doubled.value, doubled.low, doubled.high)))
    said = _says(doubled, per_year, case.currency)
    return {"points": points, "metric": HEADLINE[case.test.judged.task], "curve": curve, "doubled": plain(doubled), "per_year": plain(per_year), "says": said}


def fitted(sizes: _Floats, worth: _Floats, at: _Floats, *, seed: int) -> tuple[_Floats, Estimate]:
    """The curve ``worth = most - slope x rows ** -power`` at some sizes, shape (1 + draws, len(at)), and what doubling the greatest size adds.

    The first row is the curve itself; the others are fitted to it with the points' distances drawn anew, each stretched by what the
    fit has taken off them.
    """
    law = _laws(sizes, worth[None])
    centre = _values(law, sizes)[0]
    off = worth - centre
    # Three numbers are fitted, and the doubled size is looked at from outside.
    off = (off - off.mean()) * np.sqrt(len(sizes) / max(len(sizes) - 3, 1))
    again = _laws(sizes, centre + np.random.default_rng(seed).choice(off, (DRAWS, len(off))))
    laws = np.concatenate([law, again])
    most = float(sizes.max())
    ends = np.diff(_values(laws, np.array([most, 2 * most])), axis=1)[:, 0]
    value, (low, high) = float(ends[0]), np.quantile(ends[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return _values(laws, at), Estimate(value, min(float(low), value), max(float(high), value))


def _laws(sizes: _Floats, worth: _Floats) -> _Floats:
    """For each row of worths (m, n) the curve that lies nearest: shape (m, 3). It may fall, where more rows made it worse."""
    top = float(sizes.max())
    found, least = np.zeros((len(worth), 3)), np.full(len(worth), np.inf)
    for power in _POWERS:
        design = np.column_stack([np.ones(len(sizes)), -((sizes / top) ** -power)])
        numbers = worth @ np.linalg.pinv(design).T
        distance = np.sum((worth - numbers @ design.T) ** 2, axis=1)
        nearer = distance < least - 1e-15
        found[nearer] = np.column_stack([numbers[:, 0], numbers[:, 1] * top**power, np.full(len(worth), power)])[nearer]
        least = np.minimum(least, distance)
    return found


def _values(laws: _Floats, at: _Floats) -> _Floats:
    return np.asarray(laws[:, :1] - laws[:, 1:2] * at ** -laws[:, 2:])


def _drawn(rows: int, share: float, seed: int) -> NDArray[np.int64]:
    """Some rows in their order: those of a smaller share are among those of a greater one with the same seed."""
    if share >= 1:
        return np.arange(rows, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(rows)
    return np.sort(order[: max(1, round(share * rows))]).astype(np.int64)


def _says(doubled: Estimate, per_year: Estimate | None, currency: str) -> str:
    reach = f"({figure(doubled.low)} to {figure(doubled.high)})"
    year = f", {figure(per_year.value)} {currency} per year" if per_year is not None else ""
    if doubled.is_above_zero:
        return f"Twice as many rows would add about {figure(doubled.value)} {currency} per decision {reach}{year}."
    return f"Twice as many rows would hardly pay: {figure(doubled.value)} {currency} per decision {reach}, which is within what chance gives."
