"""How far a window's values are from those of training: bins, counts and the distance between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

ROWS_NEEDED = 30
"""With fewer rows than these, a window's shares say nothing yet."""


@dataclass(frozen=True)
class Bins:
    """A feature's values sorted into bins, with the share that each bin had in training.

    Parameters
    ----------
    kind
        ``number``: bin i holds the values from ``cuts[i - 1]`` up to below ``cuts[i]``. ``category``: bin i holds ``values[i]``, and the
        bin after them every other value. The last bin always holds what is null.
    counts
        Training rows per bin.
    spread
        The natural variation: rows and distance of spans before the release, each about as long as a window; empty where there are none.
    seen
        The range of the numbers of training, but for the few at either end; None for a category, and where the profile does not say.
    outside
        Training rows outside that range.
    weight
        The share of what the model does that hangs on the feature, 0 to 1: 0 where the model does not use it.
    """

    name: str
    kind: Literal["number", "category"]
    counts: tuple[int, ...]
    cuts: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    spread: tuple[tuple[int, float], ...] = ()
    seen: tuple[float, float] | None = None
    outside: int = 0
    weight: float = 1.0

    def __post_init__(self) -> None:
        expected = len(self.cuts) + 2 if self.kind == "number" else len(self.values) + 2
        if len(self.counts) != expected:
            raise ValueError(f"{self.name!r} has {len(self.counts)} counts for {expected} bins")

    @property
    def rows(self) -> int:
        """Training rows."""
        return sum(self.counts)

    def places(self, values: pl.Series) -> NDArray[np.intp]:
        """The bin of each value, shape (n,); NaN, infinite and null values are in the last."""
        if self.kind == "number":
            numbers = values.cast(pl.Float64, strict=False).to_numpy()
            return np.where(np.isfinite(numbers), np.searchsorted(self.cuts, numbers, side="right"), len(self.counts) - 1)
        known = len(self.values)
        texts = values.cast(pl.String)
        codes = (
            texts.replace_strict(list(self.values), list(range(known)), default=known, return_dtype=pl.Int64)
            if known
            else pl.repeat(known, len(texts), eager=True)
        )
        return np.where(texts.is_null().to_numpy(), known + 1, codes.to_numpy())

    def outside_of(self, values: pl.Series) -> NDArray[np.bool_]:
        """Whether each number lies outside the range of training, shape (n,); never for a category, nor where the range is not known."""
        if self.seen is None:
            return np.zeros(len(values), dtype=bool)
        numbers = values.cast(pl.Float64, strict=False).to_numpy()
        outside: NDArray[np.bool_] = np.isfinite(numbers) & ((numbers < self.seen[0]) | (numbers > self.seen[1]))
        return outside

    @classmethod
    def of_profile(cls, name: str, profile: Mapping[str, Any], *, days: int = 1, weight: float = 1.0) -> Bins:
        """The bins of a profile in a package's ``reference.json``.

        Parameters
        ----------
        days
            Whole days that a window lasts: the natural variation is that of the days of training, put together to spans as long.
        """
        counts = np.asarray(profile["counts"])
        daily = np.asarray(profile.get("days") or np.empty((0, len(counts))), dtype=np.int64)
        whole = len(daily) // days
        spans = daily[len(daily) - whole * days :].reshape(whole, days, len(counts)).sum(axis=1)
        spread = tuple((int(span.sum()), float(distance(span, counts))) for span in spans if span.sum())
        kept: dict[str, Any] = {"values": tuple(profile["values"])} if profile["kind"] == "category" else {"cuts": tuple(profile["edges"])}
        if seen := profile.get("range"):
            kept |= {"seen": (seen[0], seen[1]), "outside": profile["outside"]}
        return cls(name=name, kind=profile["kind"], counts=tuple(counts.tolist()), spread=spread, weight=weight, **kept)


def distance(first: Shares | Counts, second: Shares | Counts) -> NDArray[np.float64]:
    """The Jensen-Shannon distance of shares or counts along the last axis: 0 where they are the same, 1 where nothing is shared.

    NaN where one of them is empty.

    References
    ----------
    Endres, D. M., Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Transactions on Information Theory 49 (7):
    the square root of the Jensen-Shannon divergence, here in bits, is a metric.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = first / first.sum(axis=-1, keepdims=True)
        q = second / second.sum(axis=-1, keepdims=True)
        middle = (p + q) / 2
        bits = np.where(p > 0, p * np.log2(p / middle), 0.0) + np.where(q > 0, q * np.log2(q / middle), 0.0)
        empty = np.isnan(p).any(axis=-1) | np.isnan(q).any(axis=-1)
    # Rounding leaves a few 1e-17 on either side of the range.
    return np.where(empty, np.nan, np.sqrt(np.clip(bits.sum(axis=-1) / 2, 0.0, 1.0)))
