"""Whether probabilities hold as they are said, and predicted values as well. Pure functions on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.blocks import Blocks
from loopline.model.estimates import of_mean, of_share, plain
from loopline.model.evaluate import Judged

BINS = 15
"""Bins at most, with about as many rows each."""

ROWS_PER_BIN = 30
"""Rows that a bin holds at least, where there are so many."""

DRAWS = 200

_Floats = NDArray[np.float64]


def probabilities(said: _Floats, happened: NDArray[np.bool_], blocks: Blocks, *, seed: int) -> dict[str, Any]:
    """How probabilities and shares of what happened go together: by bins with intervals, in one number, and as parts of the Brier score.

    Parameters
    ----------
    said, happened
        Shape (n,), n above 0.

    Returns
    -------
    dict
        ``bins``: ``said`` (mean probability), ``happened`` (an estimate) and ``rows`` of each. ``error``: the mean distance of the two,
        weighted by rows. ``by_chance``: the error that honest probabilities stay below 95 % of the time, on as many independent rows. ``debiased``: the
        root of the mean squared distance, less what chance adds. ``brier``: the score and its parts.

    References
    ----------
    Bröcker, J., Smith, L. A. (2007). Increasing the reliability of reliability diagrams (the error by chance). Kumar, A., Liang, P., Ma,
    T. (2019). Verified uncertainty calibration (the debiased error). Murphy, A. H. (1973), and Stephenson, D. B., Coelho, C., Jolliffe, I.
    (2008), for the parts of the Brier score.
    """
    codes, count = binned(said)
    sizes = np.bincount(codes, minlength=count)
    means, shares = _means(said, codes, sizes), _means(happened.astype(np.float64), codes, sizes)
    weights = sizes / len(said)
    noise = shares * (1 - shares) / np.maximum(sizes - 1, 1)
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rng = np.random.default_rng(seed)
    honest = []
    for _ in range(DRAWS):
        drawn = np.add.reduceat((rng.random(len(said)) < said[order]).astype(np.float64), starts) / sizes
        honest.append(float(weights @ np.abs(drawn - means)))
    bins = [
        {"said": float(means[place]), "happened": plain(of_share(happened[codes == place], blocks[codes == place])), "rows": int(sizes[place])}
        for place in range(count)
    ]
    return {
        "bins": bins,
        "error": float(weights @ np.abs(shares - means)),
        "by_chance": float(np.quantile(honest, 0.95)),
        "debiased": float(np.sqrt(max(0.0, float(weights @ ((shares - means) ** 2 - noise))))),
        "said": float(said.mean()),
        "happened": float(happened.mean()),
        "brier": _brier(said, happened, means, shares, weights),
    }


def _brier(said: _Floats, happened: NDArray[np.bool_], means: _Floats, shares: _Floats, weights: _Floats) -> dict[str, float]:
    """The score = miscalibration - resolution + uncertainty + within, where `within` is what the bins leave out."""
    score, rate = float(np.mean((said - happened) ** 2)), float(happened.mean())
    parts = {
        "miscalibration": float(weights @ (means - shares) ** 2),
        "resolution": float(weights @ (shares - rate) ** 2),
        "uncertainty": rate * (1 - rate),
    }
    return {"score": score, **parts, "within": score - parts["miscalibration"] + parts["resolution"] - parts["uncertainty"]}


def values(judged: Judged, blocks: Blocks, *, quantile: float) -> dict[str, Any]:
    """How predicted and true values go together: their means by bins of the prediction, and the share of outcomes below the prediction.

    The share below must be near the quantile that the worth says (regression).
    """
    codes, count = binned(judged.decision)
    bins = []
    for place in range(count):
        rows = codes == place
        found = of_mean(judged.outcome[rows], blocks[rows])
        bins.append({"said": float(judged.decision[rows].mean()), "happened": plain(found), "rows": int(rows.sum())})
    below = of_share(judged.outcome <= judged.decision, blocks)
    return {"bins": bins, "bias": plain(of_mean(judged.decision - judged.outcome, blocks)), "below": plain(below), "quantile": quantile}


def binned(said: _Floats) -> tuple[NDArray[np.int64], int]:
    """The bin of each row, shape (n,), and how many bins there are; equal values share a bin, and no bin is empty."""
    wanted = int(np.clip(len(said) // ROWS_PER_BIN, 1, BINS))
    cuts = np.unique(np.quantile(said, np.arange(1, wanted) / wanted, method="inverted_cdf"))
    held, codes = np.unique(np.searchsorted(cuts, said, "left"), return_inverse=True)
    return codes.reshape(-1).astype(np.int64), len(held)


def _means(values: _Floats, codes: NDArray[np.int64], sizes: NDArray[np.int64]) -> _Floats:
    return np.asarray(np.bincount(codes, weights=values, minlength=len(sizes)) / sizes)
