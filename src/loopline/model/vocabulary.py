"""Which tokens of a text count: those that tell most of the outcome, on the training rows. Pure functions on NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopline.model.plan import MISSING, SHARED_BY
from loopline.model.words import tokens

TOKENS_AT_MOST = 100
"""Tokens that have a feature of their own, of all texts together."""

ROWS_AT_MOST = 50_000
"""Texts that are looked at, evenly spread over the training rows."""

_TRIED_AT_MOST = 5_000
_SHARE_LEAST, _SHARE_MOST = 0.001, 0.95


def vocabulary(texts: Sequence[str], outcomes: Sequence[NDArray[np.float64]], most: int) -> tuple[str, ...]:
    """At most so many tokens, in alphabetical order: those whose rows' mean outcome lies furthest from that of the rest, in standard errors.

    Without outcomes the most frequent ones. A token counts that enough rows share, and nearly all do not.

    Parameters
    ----------
    texts
        Those of the n training rows; nulls are `MISSING`.
    outcomes
        Each of shape (n,): what the tokens are judged by, such as one for each class.
    """
    picked = np.arange(len(texts))[:: max(1, -(-len(texts) // ROWS_AT_MOST))]
    read = [set(tokens(texts[row])) if texts[row] != MISSING else set() for row in picked]
    rows_with = Counter(token for found in read for token in found)
    least = max(SHARED_BY, _SHARE_LEAST * len(picked))
    shared = sorted((token for token, count in rows_with.items() if least <= count <= _SHARE_MOST * len(picked)), key=lambda one: (-rows_with[one], one))
    shared = shared[:_TRIED_AT_MOST]
    if not shared:
        return ()
    place = {token: at for at, token in enumerate(shared)}
    pairs = np.array([(row, place[token]) for row, found in enumerate(read) for token in sorted(found) if token in place], dtype=np.int64)
    counts = np.array([rows_with[token] for token in shared], dtype=np.float64)
    told = [_told(pairs, counts, values[picked]) for values in outcomes]
    score = np.max(told, axis=0) if told else counts
    best = np.argsort(-score, kind="stable")[:most]
    return tuple(sorted(shared[at] for at in best))


def _told(pairs: NDArray[np.int64], counts: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the mean outcome of each token's rows lies from that of the others, in standard errors, shape (k,)."""
    whole, rows = float(outcome.sum()), len(outcome)
    with_token = np.bincount(pairs[:, 1], outcome[pairs[:, 0]], len(counts))
    apart = with_token / counts - (whole - with_token) / (rows - counts)
    error = float(outcome.std()) * np.sqrt(1 / counts + 1 / (rows - counts))
    return np.abs(apart) / np.maximum(error, np.finfo(np.float64).tiny)
