"""The background that reasons are told against: a handful of made-up rows that stand for what is usual, kept in the package.

No row of it is anybody's. Each column's values are quantiles or frequent values of that column alone, dealt out to the rows by lot, and a
text that few rows have is not among them. So a package can be handed on without a person's row in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.model.encode import moments, texts
from loopline.model.plan import MISSING, SHARED_BY

ROWS = 8
"""Rows of a background: enough for the tenths of each column, few enough that reasons take milliseconds."""

DEALS = 64
"""Ways to deal the values out that are tried; the one whose mean score is nearest to that of the training rows is kept."""

_DIGITS = 4

Kind = Literal["number", "date", "text"]
Score = Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float64]]
"""Scores of n rows of raw columns: shape (n,), or (n, k) with a probability for each class."""


@dataclass(frozen=True, eq=False)
class Background:
    """A handful of made-up rows.

    Parameters
    ----------
    columns
        From each raw column that the model reads to its k values: float64, datetime64[us] or texts with None.
    typical
        From a column to its median or its most frequent value, as a plain value; None where that is missing.
    units
        The units that the contract names, by column, the outcome's among them; columns without one are not there.
    """

    columns: Mapping[str, NDArray[Any]]
    typical: Mapping[str, Any]
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def one(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]], row: int) -> dict[str, NDArray[Any]]:
        """One row of raw columns with this background's types, each of shape (1,); a column that is absent is null.

        Raises
        ------
        Mistake
            Naming the value that is no number or no date.
        """
        return {name: _typed(kind_of(values), name, [columns[name][row] if name in columns else None]) for name, values in self.columns.items()}

    def as_json(self) -> dict[str, Any]:
        """The background as plain values, for ``background.json``."""
        said = {
            name: {"kind": kind_of(values), "values": [plain(value) for value in values], "typical": self.typical[name]}
            for name, values in self.columns.items()
        }
        return {"columns": said, "units": dict(self.units)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Background:
        """The background from plain values; the inverse of `as_json`."""
        columns = {name: _typed(one["kind"], name, one["values"]) for name, one in said["columns"].items()}
        return cls(columns, {name: one["typical"] for name, one in said["columns"].items()}, dict(said["units"]))


def kind_of(values: NDArray[Any]) -> Kind:
    """What a raw column holds, by its type."""
    return "text" if values.dtype == object else "date" if values.dtype.kind == "M" else "number"


def plain(value: Any) -> Any:
    """A value of a raw column as JSON has it: a number, a text, a date as ISO 8601, or None for a null."""
    if value is None or value != value:
        return None
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).removesuffix("T00:00:00")
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return value.item() if isinstance(value, np.generic) else value


def make_background(columns: Mapping[str, NDArray[Any]], score: Score, *, seed: int, units: Mapping[str, str] | None = None, rows: int = ROWS) -> Background:
    """A background for a model, from its training rows.

    A column's values are its quantiles in the middle of equal shares of the rows, nulls with their share, and texts with theirs; so each
    column by itself is spread as in training. What goes together in truth is torn apart, as it is in any mixing of rows that
    Shapley values are estimated by. Of `DEALS` ways to combine the columns' values the one is kept whose mean score comes nearest to the
    training rows', for reasons are told from that mean.

    Parameters
    ----------
    columns
        The raw columns of the training rows, as `loopline.model.features.raw` gives them.
    """
    spread = {name: _spread(values, rows) for name, values in columns.items()}
    rng = np.random.default_rng(seed)
    orders = [{name: rng.permutation(rows) for name in spread} for _ in range(DEALS)]
    dealt = {name: np.concatenate([values[order[name]] for order in orders]) for name, values in spread.items()}
    count = len(next(iter(columns.values())))
    drawn = np.sort(rng.choice(count, min(count, 1000), replace=False))
    target = np.atleast_1d(score({name: values[drawn] for name, values in columns.items()}).mean(axis=0))
    means = score(dealt).reshape(DEALS, rows, -1).mean(axis=1)
    best = int(np.argmin(np.abs(means - target).sum(axis=1)))
    kept = {name: values[orders[best][name]] for name, values in spread.items()}
    return Background(
        kept, {name: typical_of(values) for name, values in columns.items()}, {name: unit for name, unit in (units or {}).items() if name in kept}
    )


def typical_of(values: NDArray[Any]) -> Any:
    """The median of numbers or dates, the most frequent of texts, as a plain value; None where nulls are most, or no text is shared by enough rows."""
    if values.dtype == object:
        counted = _counted(values)
        return None if not counted or counted[0][0] == MISSING else counted[0][0]
    known = _known(values)
    if 2 * len(known) < len(values) or not len(known):
        return None
    return plain(_cut(known[len(known) // 2 : len(known) // 2 + 1], known)[0])


def _spread(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """So many values of a column, spread as all of it is; nulls last, texts by their frequency."""
    places = (np.arange(rows) + 0.5) / rows * len(values)
    if values.dtype == object:
        counted = _counted(values)
        ends = np.cumsum([count for _, count in counted])
        names = [None if name == MISSING else name for name, _ in counted] + [None]
        picked = np.searchsorted(ends, places, side="right")
        return np.array([names[place] for place in picked], dtype=object)
    known = _known(values)
    missing = np.datetime64("NaT", "us") if values.dtype.kind == "M" else np.nan
    found = places < len(known)
    spread = np.full(rows, missing, dtype=values.dtype)
    spread[found] = _cut(known[places[found].astype(np.int64)], known)
    return spread


def _counted(values: NDArray[Any]) -> list[tuple[str, int]]:
    """The texts that enough rows share with their counts, the most frequent first; the rarer ones count as missing."""
    counted = Counter(texts(values))
    shared = {name: count for name, count in counted.items() if count >= SHARED_BY and name != MISSING}
    rest = len(values) - sum(shared.values())
    return sorted(({**shared, MISSING: rest} if rest else shared).items(), key=lambda item: (-item[1], item[0]))


def _known(values: NDArray[Any]) -> NDArray[Any]:
    known: NDArray[Any] = np.sort(values[~np.isnat(values)] if values.dtype.kind == "M" else values[np.isfinite(values)])
    return known


def _cut(values: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """The values rounded so far that they tell of a range rather than of a row: to four digits, so that whole numbers stay whole; dates to an hour."""
    if values.dtype.kind == "M":
        whole_days = np.all((known - known.astype("datetime64[D]")) == np.timedelta64(0, "us"))
        return values.astype("datetime64[D]" if whole_days else "datetime64[h]").astype(values.dtype)
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])


def _typed(kind: Kind, name: str, values: Sequence[Any]) -> NDArray[Any]:
    if kind == "text":
        made = np.empty(len(values), dtype=object)
        made[:] = [None if value is None or value != value else value for value in values]
        return made
    if kind == "date":
        return moments(name, values)
    try:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        raise Mistake(f"{next(value for value in values if isinstance(value, str))!r} is not a number", where=name, remedy="give a number or null") from None
    except OverflowError:
        return np.full(len(values), np.inf)
