"""How far a window's values are from those of training: bins, counts and the distance between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.model.plan import MISSING
from loopline.model.reference import counted_profile, number_places, number_profile

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

    def places(self, values: pl.Series) -> NDArray[np.int64]:
        """The bin of each value, shape (n,); NaN, infinite and null values are in the last."""
        if self.kind == "number":
            return number_places(self.cuts, _numbers(values))
        texts, known = values.cast(pl.String), len(self.values)
        codes = texts.cast(pl.Enum(self.values), strict=False).to_physical().cast(pl.Int64).fill_null(known)
        return np.where(texts.is_null().to_numpy(), known + 1, codes.to_numpy())

    def outside_of(self, values: pl.Series) -> NDArray[np.bool_]:
        """Whether each number lies outside the range of training, shape (n,); never for a category, nor where the range is not known."""
        if self.seen is None:
            return np.zeros(len(values), dtype=bool)
        numbers = _numbers(values)
        outside: NDArray[np.bool_] = np.isfinite(numbers) & ((numbers < self.seen[0]) | (numbers > self.seen[1]))
        return outside

    @classmethod
    def of_values(cls, name: str, values: pl.Series, *, span: int | None = None) -> Bins:
        """The bins of a column of which nothing else is known: tenths of numbers and dates, frequent values of all else.

        Parameters
        ----------
        span
            The natural variation is that of spans of so many rows, in their order; without it, and of fewer than two spans, it is not known.
        """
        if values.dtype.is_numeric() or values.dtype.is_temporal():
            made = cls.of_profile(name, number_profile(_numbers(values)))
        else:
            counted = values.cast(pl.String).value_counts(name="rows")
            made = cls.of_profile(name, counted_profile({MISSING if text is None else text: count for text, count in counted.iter_rows()}))
        many = len(values) // span if span else 0
        if span is None or many < 2:
            return made
        width = len(made.counts)
        cells = np.arange(many * span) // span * width + made.places(values[: many * span])
        spans = np.bincount(cells, minlength=many * width).reshape(many, width)
        return replace(made, spread=tuple((span, float(far)) for far in distance(spans, np.asarray(made.counts))))

    def counted(self, values: pl.Series) -> Counts:
        """How many of the values are in each bin."""
        return np.bincount(self.places(values), minlength=len(self.counts))

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


def _numbers(values: pl.Series) -> NDArray[np.float64]:
    return values.cast(pl.Float64, strict=False).to_numpy()


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
