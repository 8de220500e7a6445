"""Ids of a file's predictions, told by the run and the row's place: a run that goes on after a kill gives each row the id that it had."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

SEED_BYTES = 16
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_SHIFTS = np.arange(59, 19, -5, dtype=np.uint64)


def ids_at(head: str, seed: bytes, places: NDArray[np.int64]) -> pl.Series:
    """An id for each place of a row; 80 bits keep those of all runs apart, as random ones would.

    Parameters
    ----------
    head
        What all of them begin with.
    seed
        `SEED_BYTES` random bytes of the run.
    places
        Shape (n,).
    """
    bits = np.stack([_mixed(key, places.astype(np.uint64)) for key in np.frombuffer(seed, dtype="<u8")], axis=1)
    letters = _LETTERS[(bits[:, :, None] >> _SHIFTS) & np.uint64(31)].reshape(-1, 16)
    texts = pl.Series("id", letters).cast(pl.List(pl.UInt8)).cast(pl.Binary).cast(pl.String)
    return pl.select(pl.concat_str(pl.lit(head), texts)).to_series()


def _mixed(key: np.uint64, places: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The numbers of these places that a random generator gives which begins at the key.

    References
    ----------
    Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA: SplitMix64.
    """
    mixed = key + places * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
