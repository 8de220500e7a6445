"""Which rows a candidate learns from and which it is judged on: one part held out, several blocks of time, or repeated cross-validation. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.model.split import Index, Parts

FEW = 5_000
"""Rows below which one held-out part tells too little: candidates are judged on every row by cross-validation."""

FOLDS = 5
BLOCKS_OF_TIME = 3
_FITS = 15_000
"""Rows times repeats that a repeated cross-validation is made of."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to learn from, and rows to be judged on; `repeat` counts the times that all rows have been judged before."""

    train: Index
    held: Index
    repeat: int = 0


def held_out(parts: Parts) -> tuple[Fold, ...]:
    """The validation part is held out, once."""
    return (Fold(parts.train, parts.validation),)


def forward(parts: Parts, folds: int) -> tuple[Fold, ...]:
    """Blocks of time at the end of the validation part and before it, each judged by what was learned from the rows before it.

    The gap between training and validation rows, in rows, is kept before each block.
    """
    whole = np.concatenate([parts.train, parts.validation])
    size = len(parts.validation)
    gap = len(parts.early)
    made = []
    for back in range(folds - 1, 0, -1):
        stop = len(whole) - back * size
        if stop - size - gap > size:
            made.append(Fold(whole[: stop - size - gap], whole[stop - size : stop]))
    return (*made, Fold(parts.train, parts.validation))


def crossed(rows: Index, strata: NDArray[Any], *, folds: int, repeats: int, seed: int, groups: Sequence[str] | None = None) -> tuple[Fold, ...]:
    """Repeated cross-validation in which every row is held out once in each repeat.

    Parameters
    ----------
    rows
        The rows to divide, shape (n,).
    strata
        Shape (n,): the class of each row or the outcome itself (floats), so that each fold has its share of all of them.
    groups
        What each row belongs to; rows of one group are held out together, and strata are then left to chance.
    """
    made = []
    for repeat in range(repeats):
        place = _by_group(groups, folds, seed + repeat) if groups is not None else _by_stratum(strata, folds, seed + repeat)
        for fold in range(folds):
            held = place == fold
            if held.any() and not held.all():
                made.append(Fold(rows[~held], rows[held], repeat))
    return tuple(made)


def repeats_for(rows: int, folds: int) -> int:
    """How often a cross-validation is repeated: the more often, the fewer rows there are.

    >>> repeats_for(800, 5), repeats_for(4000, 5)
    (3, 1)
    """
    return max(1, min(3, _FITS // max(1, rows * folds)))


def _by_stratum(strata: NDArray[Any], folds: int, seed: int) -> Index:
    """The fold of each row, shape (n,): the rows of a stratum are dealt out in a drawn order."""
    if strata.dtype.kind == "f":
        strata = np.searchsorted(np.quantile(strata, np.arange(1, 10) / 10), strata, side="right")
    _, codes = np.unique(strata, return_inverse=True)
    draw = np.random.default_rng(seed).permutation(len(codes))
    order = draw[np.argsort(codes[draw], kind="stable")]
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes)) % folds
    return place


def _by_group(groups: Sequence[str], folds: int, seed: int) -> Index:
    hashes = (blake2b(f"{seed}\x1f{group}".encode(), digest_size=8).digest() for group in groups)
    place: Index = (np.frombuffer(b"".join(hashes), dtype=">u8") % np.uint64(folds)).astype(np.int64)
    return place
