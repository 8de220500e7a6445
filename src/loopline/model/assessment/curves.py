"""Curves of a yes-or-no decision, thinned for a picture: worth, ROC, precision and recall, gains. Pure functions on NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks
from loopline.model.estimates import LEVEL, of_mean
from loopline.model.evaluate import Judged

POINTS = 200
"""Points that a curve has at most."""

Curve = dict[str, list[float]]
_Floats = NDArray[np.float64]


def roc(judged: Judged) -> Curve | None:
    """The share of true alarms against that of false ones over all thresholds; None where one of the two outcomes is missing."""
    stops, acted, caught = _stops(judged)
    yes, no = int(judged.outcome.sum()), int((~judged.outcome).sum())
    if not yes or not no:
        return None
    return _curve(thinned(acted), false_positive_rate=(acted - caught) / no, true_positive_rate=caught / yes, threshold=stops)


def precision_recall(judged: Judged) -> Curve | None:
    """The precision and the recall over all thresholds; None where nothing happened."""
    stops, acted, caught = _stops(judged)
    yes = int(judged.outcome.sum())
    if not yes:
        return None
    return _curve(thinned(acted)[1:], recall=caught / yes, precision=caught / np.maximum(acted, 1), threshold=stops)


def gains(judged: Judged) -> Curve | None:
    """The share of what happened that is caught by acting on a share of all, the highest scores first; None where nothing happened."""
    _, acted, caught = _stops(judged)
    yes = int(judged.outcome.sum())
    return _curve(thinned(acted), share=acted / len(judged), caught=caught / yes) if yes else None


def worth(judged: Judged, acted: _Floats, rested: _Floats, blocks: Blocks, *, references: Mapping[str, _Floats], level: float = LEVEL) -> dict[str, Any]:
    """Money per decision as the share acted on grows, the highest scores first, with the interval at each point.

    Parameters
    ----------
    acted, rested
        Shape (n,): the money of each row when acting on it, and when not.
    references
        From a name to the money of each row, shape (n,), of what the model is held against.

    Returns
    -------
    dict
        ``share``, ``threshold``, ``worth``, ``low`` and ``high`` (a list each), ``chosen`` and ``best`` (a point each) and ``references``.
    """
    stops, counts, _ = _stops(judged)
    order = np.argsort(-judged.score, kind="stable")
    earned = (float(rested.sum()) + np.concatenate([[0.0], np.cumsum((acted - rested)[order])])[counts]) / len(judged)
    best = int(np.argmax(earned))
    kept = np.union1d(thinned(counts), [best])
    spans = [of_mean(np.where(judged.score >= stops[place], acted, rested), blocks, level=level) for place in kept]
    curve: dict[str, Any] = _curve(kept, share=counts / len(judged), threshold=stops, worth=earned)
    curve |= {end: [float(getattr(span, end)) for span in spans] for end in ("low", "high")}
    chosen = of_mean(judged.money, blocks, level=level)
    assert chosen is not None
    curve["chosen"] = {"share": float(judged.decision.mean()), "worth": chosen.value, "low": chosen.low, "high": chosen.high}
    curve["best"] = {"share": float(counts[best] / len(judged)), "threshold": float(stops[best]), "worth": float(earned[best])}
    curve["references"] = {name: float(money.mean()) for name, money in references.items()}
    return curve


def thinned(counts: NDArray[np.int64], most: int = POINTS) -> NDArray[np.int64]:
    """Places of at most so many stops, about as many rows apart; the first and the last are among them."""
    if len(counts) <= most:
        return np.arange(len(counts))
    aims = np.linspace(counts[0], counts[-1], most)
    return np.unique(np.searchsorted(counts, aims).clip(0, len(counts) - 1))


def _stops(judged: Judged) -> tuple[_Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The thresholds at which one can stop, from none acted on to all, and how many are acted on and caught at each."""
    order = np.argsort(-judged.score, kind="stable")
    ranked = judged.score[order]
    last = np.concatenate([np.flatnonzero(np.diff(ranked) != 0), [len(ranked) - 1]]) if len(ranked) else np.zeros(0, dtype=np.int64)
    acted = np.concatenate([[0], last + 1]).astype(np.int64)
    caught = np.concatenate([[0], np.cumsum(judged.outcome[order])[last]]).astype(np.int64)
    # A threshold above every score; a probability has none above 1.
    return np.concatenate([[max(1.0, float(ranked[0])) + 1 if len(ranked) else 2.0], ranked[last]]), acted, caught


def _curve(kept: NDArray[np.int64], **values: Sequence[Any] | NDArray[Any]) -> Curve:
    return {name: [float(value) for value in np.asarray(numbers)[kept]] for name, numbers in values.items()}
