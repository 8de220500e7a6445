"""One pass over a table of any size: its profile, a sample of its rows, the rows that come twice, and when rows happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.contract.contract import nearest
from loopline.data.profiles.fingerprint import of_integers
from loopline.data.profiles.profile import Profile, ProfileBuilder
from loopline.data.spec import HIDDEN, ROW
from loopline.engine.step import Progress, Silence
from loopline.errors import Mistake

SAMPLE_ROWS = 100_000
_PLACE = "__place"


@dataclass(frozen=True)
class Repeats:
    """Rows that come more than once.

    Parameters
    ----------
    rows
        How many rows repeat an earlier one.
    groups
        How many rows are repeated.
    """

    rows: int
    groups: int


@dataclass(frozen=True)
class Survey:
    """What one pass over a table found.

    Parameters
    ----------
    sample
        Rows drawn by chance, in the table's order; all rows where there are no more than were asked for.
    repeats
        Rows that are equal in every column.
    key, key_repeats
        The columns that should name a row, and the rows whose key came before; None without a key.
    moments
        For each column of dates or times: how many rows fall on each day (of dates) or in each hour (of times), in their order.
    """

    rows: int
    columns: Mapping[str, pl.DataType]
    profile: Profile
    sample: pl.DataFrame
    repeats: Repeats
    key: tuple[str, ...]
    key_repeats: Repeats | None
    moments: Mapping[str, pl.DataFrame]

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return self.sample.height == self.rows


def survey(
    chunks: Iterable[pl.DataFrame], *, sample_rows: int = SAMPLE_ROWS, key: Sequence[str] = (), total: int | None = None, progress: Progress | None = None
) -> Survey:
    """What a pass over the rows finds; chunks have the same columns.

    Parameters
    ----------
    key
        The columns that should name a row.
    total
        How many rows will come, for the progress.

    Raises
    ------
    Mistake
        When there is no row, or no such key.
    """
    progress = progress or Silence()
    builder, drawn = ProfileBuilder(), _Draw(sample_rows)
    prints: list[pl.Series] = []
    keyed: list[pl.Series] = []
    moments: dict[str, list[pl.DataFrame]] = {}
    columns: dict[str, pl.DataType] = {}
    rows = 0
    for chunk in chunks:
        shown = chunk.drop(HIDDEN, strict=False)
        columns = columns or _looked_up(shown, key)
        builder.add(shown)
        drawn.add(chunk, rows)
        prints.append(_prints(shown, shown.columns))
        if key:
            keyed.append(_prints(shown.drop_nulls(list(key)), key))
        for name, dtype in columns.items():
            if dtype in (pl.Date, pl.Datetime):
                moments.setdefault(name, []).append(_counted(shown[name]))
        rows += chunk.height
        progress.at(rows, total, unit="rows")
    if not rows:
        raise Mistake("the table has no row", remedy="deliver rows first: loopline data ingest FILE")
    return Survey(
        rows=rows,
        columns=columns,
        profile=builder.profile(),
        sample=drawn.sample(),
        repeats=_repeats(prints),
        key=tuple(key),
        key_repeats=_repeats(keyed) if key else None,
        moments={name: _put_together(parts) for name, parts in moments.items()},
    )


def _looked_up(frame: pl.DataFrame, key: Sequence[str]) -> dict[str, pl.DataType]:
    for name in key:
        if name not in frame.columns:
            raise Mistake(f"there is no column {name!r}", where="the key", remedy=nearest(name, frame.columns))
    return dict(frame.schema)


class _Draw:
    """A sample of rows that come chunk by chunk: those whose place has the smallest fingerprints, the same in whatever chunks they come."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._limit = np.uint64(2**64 - 1)
        self._frames: list[pl.DataFrame] = []
        self._prints: list[NDArray[np.uint64]] = []

    def add(self, chunk: pl.DataFrame, first: int) -> None:
        places = chunk[ROW].cast(pl.Int64).to_numpy() if ROW in chunk.columns else np.arange(first, first + chunk.height)
        prints = of_integers(places)
        taken = prints <= self._limit
        frame = chunk.drop(HIDDEN, strict=False).with_columns(pl.Series(_PLACE, places))
        self._frames.append(frame if taken.all() else frame.filter(pl.Series(taken)))
        self._prints.append(prints[taken])
        if sum(map(len, self._prints)) > 3 * self._rows:
            self._cut()

    def _cut(self) -> None:
        """Keep what is asked for; nothing above the greatest kept fingerprint can come in any more."""
        frame, prints = pl.concat(self._frames, how="vertical_relaxed"), np.concatenate(self._prints)
        if len(prints) > self._rows:
            self._limit = np.partition(prints, self._rows - 1)[self._rows - 1]
            kept = prints <= self._limit
            frame, prints = frame.filter(pl.Series(kept)), prints[kept]
        self._frames, self._prints = [frame], [prints]

    def sample(self) -> pl.DataFrame:
        self._cut()
        return self._frames[0].sort(_PLACE).drop(_PLACE)


def _prints(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    return frame.select(columns).hash_rows(seed=0)


def _repeats(prints: Sequence[pl.Series]) -> Repeats:
    """How many fingerprints came before; two different rows share one with a chance that is nought for any table that we meet."""
    counts = pl.concat(prints).alias("print").value_counts(name="count")["count"]
    return Repeats(rows=int((counts - 1).sum()), groups=int((counts > 1).sum()))


def _counted(values: pl.Series) -> pl.DataFrame:
    at = values if values.dtype == pl.Date else values.dt.replace_time_zone(None).cast(pl.Datetime("us")).dt.truncate("1h")
    return at.drop_nulls().alias("at").value_counts(name="rows")


def _put_together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("at").agg(pl.col("rows").sum()).sort("at")
