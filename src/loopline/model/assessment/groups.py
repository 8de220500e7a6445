"""Rows of a column as groups with names that people use: a value, a span of numbers or dates, or missing. Pure functions on NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.worth import as_text

FEW = 8
"""Different numbers up to which each one is a group of its own."""

OTHERS = "another value"


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each row of a column: `codes` (n,) are places in `labels`."""

    labels: tuple[str, ...]
    codes: NDArray[np.int64]


def grouped(name: str, values: NDArray[Any], *, bins: int = 5, most: int = 12) -> Groups:
    """The rows of a column by value, or by `bins` spans that hold about as many rows each; nulls are a group.

    Parameters
    ----------
    values
        Shape (n,): texts, booleans, numbers or dates, with None, NaN or NaT for nulls.
    most
        Values of a category that are groups, the most frequent first; the others are one group together.

    Examples
    --------
    >>> grouped("origin", np.array(["JFK", None, "JFK"], dtype=object)).labels
    ('origin = JFK', 'origin is missing')
    """
    missing = _missing(values)
    codes = np.full(len(values), -1, dtype=np.int64)
    known = values[~missing]
    if values.dtype.kind in "iufM" and len(np.unique(known)) > FEW:
        labels, codes[~missing] = _spans(name, known, bins)
    else:
        labels, codes[~missing] = _values(name, known, most)
    if missing.any():
        codes[missing] = len(labels)
        labels.append(f"{name} is missing")
    return Groups(tuple(labels), codes)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "O":
        return np.array([item is None or item != item for item in values], dtype=bool)
    return np.asarray(np.isnat(values) if values.dtype.kind == "M" else np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool))


def _values(name: str, known: NDArray[Any], most: int) -> tuple[list[str], NDArray[np.int64]]:
    items = known.tolist() if known.dtype.kind != "M" else np.datetime_as_string(known, unit="D").tolist()
    # Each different value is spelled once: a category has few, and rows are many.
    spelled = {item: as_text(item) for item in dict.fromkeys(items)}
    said = sorted(set(spelled.values()))
    place = {text: at for at, text in enumerate(said)}
    places = np.fromiter((place[spelled[item]] for item in items), dtype=np.int64, count=len(items))
    counts = np.bincount(places, minlength=len(said))
    is_number = known.dtype.kind in "iuf" and len(said) <= FEW
    order = np.argsort([float(label) for label in said]) if is_number else np.lexsort((np.array(said), -counts))
    rank = np.empty(len(said), dtype=np.int64)
    rank[order] = np.arange(len(said))
    labels = [f"{name} = {said[at]}" for at in order[:most]]
    if len(said) > most:
        labels.append(f"{name} is {OTHERS}")
    return labels, np.minimum(rank[places], most)


def _spans(name: str, known: NDArray[Any], bins: int) -> tuple[list[str], NDArray[np.int64]]:
    """Spans between quantiles, named by the least and the greatest value that they hold."""
    numbers = known.astype("datetime64[us]").astype(np.int64).astype(np.float64) if known.dtype.kind == "M" else known.astype(np.float64)
    cuts = np.unique(np.quantile(numbers, np.arange(1, bins) / bins, method="inverted_cdf"))
    places = np.searchsorted(cuts, numbers, "left")
    held = np.unique(places)
    labels = []
    for place in held:
        inside = known[places == place]
        low, high = _said(inside.min()), _said(inside.max())
        labels.append(f"{name} = {low}" if low == high else f"{name} {low} to {high}")
    return labels, np.searchsorted(held, places)


def _said(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value, unit="D"))
    return as_text(float(f"{float(value):.4g}"))
