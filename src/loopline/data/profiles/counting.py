"""Texts counted: the frequent ones, their lengths, and a fingerprint of each; by the cheapest way that the texts allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.profiles.fingerprint import Prints, of_texts
from loopline.data.profiles.frequent import COUNTERS, TEXT_MAX, Frequent

_PROBE, _FEW_SHARE = 4096, 0.5
_ALL_COUNTED = 20_000
_BUCKET_BITS = 16


@dataclass(frozen=True, eq=False)
class Counted:
    """What the texts of a column are.

    Parameters
    ----------
    frequent
        Those that come often.
    lengths, counts
        Their lengths in characters in ascending order, and how many texts have each.
    prints
        Fingerprints: of every text, or of each distinct one.
    """

    frequent: Frequent
    lengths: NDArray[np.float64]
    counts: NDArray[np.int64]
    prints: Prints


def counted(series: pl.Series) -> Counted:
    """The texts of a column counted; what is no text is taken as it is written."""
    texts = _written(series.drop_nulls() if series.null_count() else series)
    if len(texts) > _ALL_COUNTED and texts[:_PROBE].n_unique() > _FEW_SHARE * _PROBE:
        prints = of_texts(texts)
        counts = np.ones(len(texts), dtype=np.int64)
        frequent = _candidates(texts, prints)
    else:
        found = texts.rename("text").value_counts(name="count")
        texts, counts = found["text"].cast(pl.String), found["count"].to_numpy().astype(np.int64)
        prints = of_texts(texts)
        frequent = _frequent(texts, counts)
    return Counted(frequent, *_lengths(texts, counts), prints)


def _written(known: pl.Series) -> pl.Series:
    """Values as texts; categories stay as they are, for they are counted faster so."""
    if known.dtype in (pl.String, pl.Categorical, pl.Enum):
        return known
    if known.dtype in (pl.Boolean, pl.Time, pl.Null):
        return known.cast(pl.String)
    return pl.Series(known.name, [value.hex() if isinstance(value, bytes) else str(value) for value in known], dtype=pl.String)


def _candidates(texts: pl.Series, prints: Prints) -> Frequent:
    """The frequent ones of many texts of which most come once or twice.

    A text that comes often is in a full bucket of fingerprints. Only texts in full buckets are counted one by one; no other came
    more often than the fullest of the other buckets is full.
    """
    buckets = (prints >> np.uint64(64 - _BUCKET_BITS)).astype(np.int64)
    held = np.bincount(buckets, minlength=1 << _BUCKET_BITS)
    usual = len(texts) / len(held)
    limit = min(len(texts) // (COUNTERS + 1), int(usual + 6 * usual**0.5 + 6))
    full = held > limit
    found = texts.filter(pl.Series(full[buckets])).rename("text").value_counts(name="count")
    return _frequent(found["text"].cast(pl.String), found["count"].to_numpy().astype(np.int64), missed=int(held[~full].max(initial=0)))


def _frequent(texts: pl.Series, counts: NDArray[np.int64], *, missed: int = 0) -> Frequent:
    cut = texts.str.slice(0, TEXT_MAX) if len(texts) and int(texts.str.len_bytes().max()) > TEXT_MAX else texts  # type: ignore[arg-type]
    frame = pl.DataFrame({"text": cut, "count": counts})
    if cut is not texts:
        frame = frame.group_by("text").agg(pl.col("count").sum())
    # One more than is kept: the count of the first that is left out is what all others are lowered by.
    top = frame.sort(["count", "text"], descending=[True, False]).head(COUNTERS + 1) if frame.height > COUNTERS + 1 else frame
    return Frequent.of(dict(top.iter_rows()), missed=missed)


def _lengths(texts: pl.Series, counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    characters = texts.str.len_chars().to_numpy().astype(np.int64)
    if not len(characters):
        return np.empty(0), np.empty(0, dtype=np.int64)
    if int(characters.max()) > 1 << 20:
        lengths, place = np.unique(characters, return_inverse=True)
        return lengths.astype(np.float64), np.bincount(place, counts).astype(np.int64)
    held = np.bincount(characters, counts)
    lengths = np.flatnonzero(held)
    return lengths.astype(np.float64), held[lengths].astype(np.int64)
