"""How far a window's values are from those of training, and from which distance on that is no accident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

ROWS_NEEDED = 30
"""With fewer rows than these, a window's shares say nothing yet."""

_DRAWS, _DRAWS_MAX = 1_000, 20_000
_CONCENTRATIONS = tuple(float(2**power) for power in range(-2, 21))


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
    """

    name: str
    kind: Literal["number", "category"]
    counts: tuple[int, ...]
    cuts: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    spread: tuple[tuple[int, float], ...] = ()

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

    @classmethod
    def of_profile(cls, name: str, profile: Mapping[str, Any], *, days: int = 1) -> Bins:
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
        kept = {"cuts": tuple(profile["edges"])} if profile["kind"] == "number" else {"values": tuple(profile["values"])}
        return cls(name=name, kind=profile["kind"], counts=tuple(counts.tolist()), spread=spread, **kept)


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


def _smooth(counts: Sequence[int]) -> Shares:
    """Shares in which no bin is impossible (Jeffreys' prior: half a row in each bin)."""
    shares = np.asarray(counts, dtype=np.float64) + 0.5
    smoothed: Shares = shares / shares.sum()
    return smoothed


def _draws(generator: np.random.Generator, bins: Bins, rows: int, concentration: float, times: int) -> NDArray[np.float64]:
    """Distances of `times` windows in which nothing has changed, shape (times,)."""
    shares = _smooth(bins.counts)
    scattered = generator.gamma(np.maximum(shares * concentration, 1e-12), size=(times, len(shares)))
    totals = scattered.sum(axis=1, keepdims=True)
    likely = np.where(totals > 0, scattered / np.where(totals > 0, totals, 1.0), shares)
    return distance(generator.multinomial(rows, likely), np.asarray(bins.counts))


@lru_cache(maxsize=1024)
def concentration(bins: Bins) -> float:
    """How closely the shares of windows keep to those of training: the concentration of a Dirichlet distribution.

    It is at most the number of training rows, because the shares of training are themselves a sample. Where natural variation is known, it
    is the one whose distances have the mean, and the 0.9 quantile, of those that were seen; the more scattered of the two.
    """
    most = float(bins.rows)
    usable = [(rows, seen) for rows, seen in bins.spread if rows >= ROWS_NEEDED]
    if len(usable) < 2:
        return most
    generator = np.random.default_rng(1)
    rows = int(np.median([rows for rows, _ in usable]))
    seen = np.array([seen for _, seen in usable])
    among = np.array([value for value in _CONCENTRATIONS if value < most] + [most])
    drawn = np.stack([_draws(generator, bins, rows, float(value), 300) for value in among])
    matches = [_matching(among, measure(drawn), float(measure(seen))) for measure in (_mean, _tail)]
    return min(most, *matches)


def _mean(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(distances.mean(axis=-1))


def _tail(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(distances, 0.9, axis=-1))


def _matching(among: NDArray[np.float64], drawn: NDArray[np.float64], seen: float) -> float:
    """The concentration at which the drawn figure, which falls as the concentration grows, is the one that was seen."""
    falling = np.minimum.accumulate(drawn)
    return float(np.exp(np.interp(seen, falling[::-1], np.log(among)[::-1])))


@lru_cache(maxsize=256)
def _limits_at(features: tuple[Bins, ...], rows: int, chance: float) -> NDArray[np.float64]:
    """The limit of each feature for windows of exactly so many rows, shape (features,)."""
    generator = np.random.default_rng(0)
    times = int(np.clip(20 / chance, _DRAWS, _DRAWS_MAX))
    squares = np.stack([_draws(generator, bins, rows, concentration(bins), times) ** 2 for bins in features], axis=1)
    centre, scale = squares.mean(axis=0), np.maximum(squares.std(axis=0), 1e-12)
    worst = ((squares - centre) / scale).max(axis=1)
    limit: NDArray[np.float64] = np.sqrt(np.clip(centre + np.quantile(worst, 1 - chance) * scale, 0.0, 1.0))
    return limit


def limits(features: Sequence[Bins], rows: int, chance: float) -> dict[str, float]:
    """The distance that each feature stays below in a window of `rows` rows in which nothing has changed.

    The limits hold together: in a share of `chance` of such windows one feature or more is above its own. They come from a parametric
    bootstrap. Shares are drawn around those of training (a Dirichlet distribution, as wide as the size of training and the natural variation
    between windows make it), a window's counts from these shares (a multinomial distribution), and the limits are set so that the
    largest of the standardised squared distances exceeds them with the given chance. Between two sizes of window the limits
    are interpolated along the logarithms, where they are nearly straight.

    Parameters
    ----------
    chance
        Of a false alarm per window, over all features together.

    References
    ----------
    Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 6.5 (the parametric bootstrap).
    Westfall, P. H., Young, S. S. (1993). Resampling-Based Multiple Testing (the distribution of the maximum).
    Mosimann, J. E. (1962). On the compound multinomial distribution. Biometrika 49 (overdispersed shares).
    """
    if not features or rows < 1:
        return {}
    known = tuple(features)
    lower = 1 << (rows.bit_length() - 1)
    low, high = _limits_at(known, lower, chance), _limits_at(known, 2 * lower, chance)
    weight = np.log2(rows / lower)
    between = np.exp((1 - weight) * np.log(np.maximum(low, 1e-12)) + weight * np.log(np.maximum(high, 1e-12)))
    # A hair above, because a window can be exactly as far away as the farthest that was drawn (one weekday of seven).
    return {bins.name: min(1.0, float(value) + 1e-6) for bins, value in zip(known, between, strict=True)}
