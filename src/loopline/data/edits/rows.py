"""Rows of a table as a person asks for them: of a version or a moment, by a condition, to be looked at or written to a file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.edits.conditions import meeting, require_columns
from loopline.data.spec import HIDDEN, ROW
from loopline.errors import Fault, Mistake
from loopline.lake.tables import Tables

_SORTED_ROWS = 1_000_000
"""How many rows a file holds at most in the order of delivery: more are not sorted, which would take memory for all of them."""


def moment_or_version(text: str, *, where: str = "--at") -> int | datetime:
    """A version's number, or a moment; one without a zone is UTC, and a day means its end.

    Raises
    ------
    Mistake
        When it is neither.

    Examples
    --------
    >>> moment_or_version("12"), moment_or_version("2024-05-01T12:00")
    (12, datetime.datetime(2024, 5, 1, 12, 0, tzinfo=datetime.timezone.utc))
    """
    if text.strip().isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Mistake(f"{text[:40]!r} is no version and no date", where=where, remedy="write 12, 2024-05-01 or 2024-05-01T12:00") from None
    if len(text.strip()) == len("2024-05-01"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999999)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def chosen(tables: Tables, name: str, *, at: int | datetime | None = None, where: str | None = None, columns: Sequence[str] = ()) -> pl.LazyFrame:
    """The rows that meet a condition, with the columns that are asked for: all but Loopline's own by default.

    Raises
    ------
    Mistake
        When there is no such table, version or column, or the condition is wrong.
    """
    require_table(tables, name)
    rows = tables.read(name, at=at) if isinstance(at, datetime) else tables.read(name, version=at)
    schema = rows.collect_schema()
    require_columns(columns, schema, where="--columns")
    if where is not None:
        rows = meeting(rows, where)
    return rows if not columns and ROW in schema else rows.select([*(columns or schema.names()), *([ROW] if ROW in schema and ROW not in columns else [])])


def first(rows: pl.LazyFrame, limit: int, columns: Sequence[str] = ()) -> tuple[int, pl.DataFrame]:
    """How many rows there are, and the first of them in the order of delivery."""
    total = int(rows.select(pl.len()).collect(engine="streaming").item())
    ordered = rows.sort(ROW) if ROW in rows.collect_schema() else rows
    return total, _shown(ordered.head(limit), columns).collect(engine="streaming")


def write(rows: pl.LazyFrame, path: Path, *, limit: int | None = None, columns: Sequence[str] = ()) -> int:
    """Writes rows to a file, by its ending: CSV, Parquet or JSON Lines; how many they are. The file is there whole, or not at all.

    Rows stand in the order of delivery, up to a million of them.

    Raises
    ------
    Mistake
        When the ending says no such format, or the folder is not there.
    """
    sink = _sink_of(path)
    total = int(rows.select(pl.len()).collect(engine="streaming").item())
    if ROW in rows.collect_schema() and min(total, limit or total) <= _SORTED_ROWS:
        rows = rows.sort(ROW)
    shown = _shown(rows if limit is None else rows.head(limit), columns)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        sink(shown, staged)
        os.replace(staged, path)
    except FileNotFoundError:
        raise Mistake("there is no such folder", where=str(path.parent), remedy="make it, or write elsewhere") from None
    except OSError as error:
        raise Fault(
            f"the file cannot be written ({error.strerror or type(error).__name__})", where=str(path), remedy="check the folder and the space"
        ) from None
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
    return total if limit is None else min(total, limit)


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain JSON values; what is not a number there (NaN, infinities) is null."""
    finite = frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name, kind in frame.schema.items() if kind.is_float())
    return [{name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()} for row in finite.iter_rows(named=True)]


def require_table(tables: Tables, name: str) -> None:
    """Check that there is a table.

    Raises
    ------
    Mistake
        Naming the one that was perhaps meant.
    """
    if tables.exists(name):
        return
    names = tables.names()
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    raise Mistake(f"there is no table {name!r}", remedy=f"did you mean {near[0]!r}?" if near else f"the tables are: {', '.join(names) or 'none yet'}")


def _shown(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    return rows.select(columns) if columns else rows.drop(*HIDDEN, strict=False)


def _csv(rows: pl.LazyFrame, path: Path) -> None:
    nested = [name for name, kind in rows.collect_schema().items() if isinstance(kind, pl.List)]
    # A cell of a CSV is one text.
    flat = rows.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join("; ") for name in nested)
    flat.sink_csv(path)


_SINKS: Mapping[str, Callable[[pl.LazyFrame, Path], object]] = {
    ".csv": _csv,
    ".parquet": lambda rows, path: rows.sink_parquet(path),
    ".jsonl": lambda rows, path: rows.sink_ndjson(path),
    ".ndjson": lambda rows, path: rows.sink_ndjson(path),
}


def _sink_of(path: Path) -> Callable[[pl.LazyFrame, Path], object]:
    if path.is_dir():
        raise Mistake("this is a folder", where=str(path), remedy="name a file in it")
    if path.suffix.lower() not in _SINKS:
        raise Mistake(f"{path.name} ends in no format that is written here", where="-o", remedy="end it in .csv, .parquet or .jsonl")
    return _SINKS[path.suffix.lower()]
