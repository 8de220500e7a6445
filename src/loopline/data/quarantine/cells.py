"""A record's cells as texts, whatever it came in: what the quarantine keeps of it, and what corrections are written in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

import polars as pl

from loopline.data.spec import HIDDEN

Cells = Mapping[str, str | None]
"""From a column's name to its cell; None where it is null."""
_SEPARATORS = (",", ";", "\t", "|")


def text(column: str, dtype: pl.DataType) -> pl.Expr:
    """The column's values as texts, from which the contract reads the same values again; the inverse of typing them."""
    value = pl.col(column)
    if dtype == pl.String:
        return value
    if dtype == pl.Date:
        return value.dt.strftime("%Y-%m-%d").alias(column)
    if isinstance(dtype, pl.Datetime):
        zoned = value.dt.convert_time_zone("UTC") if dtype.time_zone else value
        # A day alone is read as a date and as a time; many writers of Parquet know no dates, and write midnights.
        whole = zoned.dt.truncate("1d") == zoned
        zone = "+00:00" if dtype.time_zone else ""
        return pl.when(whole).then(zoned.dt.strftime("%Y-%m-%d")).otherwise(zoned.dt.strftime(f"%Y-%m-%d %H:%M:%S%.f{zone}")).alias(column)
    if dtype == pl.Binary:
        return value.bin.encode("hex").alias(column)
    if dtype.is_nested():
        return pl.struct(value).struct.json_encode().alias(column)
    return value.cast(pl.String, strict=False).alias(column)


def encoded(frame: pl.DataFrame) -> pl.Series:
    """Each record's cells as the text of one JSON object, without the hidden columns."""
    names = [name for name in frame.columns if name not in HIDDEN]
    if not names or frame.is_empty():
        return pl.Series("cells", [None] * frame.height, dtype=pl.String)
    return frame.select(pl.struct(text(name, frame.schema[name]) for name in names).struct.json_encode().alias("cells")).to_series()


def decoded(cells: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
    """The columns of texts that `encoded` wrote; null where a record has no such cell."""
    if not columns:
        return pl.DataFrame()
    kept = cells.str.json_decode(pl.Struct(dict.fromkeys(columns, pl.String)))
    return kept.struct.unnest()


def cut(raw: str, columns: Sequence[str], *, separator: str | None = None, quote: str = '"') -> dict[str, str | None] | None:
    """The cells of a record's own text, for a quarantine that kept no cells; None where it does not have as many as there are columns.

    Parameters
    ----------
    separator
        What stands between its fields; where it is not known, the usual one that gives the right number of fields.
    """
    if raw.lstrip().startswith("{"):
        try:
            found = json.loads(raw)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return {name: _said(found.get(name)) for name in columns}
    for sign in (separator,) if separator else _SEPARATORS:
        fields = split(raw, separator=sign, quote=quote)
        if len(fields) == len(columns):
            return dict(zip(columns, fields, strict=True))
    return None


def split(raw: str, *, separator: str = ",", quote: str = '"') -> list[str]:
    """The fields of one line as far as they can be told apart."""
    try:
        return next(csv.reader(io.StringIO(raw, newline=""), delimiter=separator, quotechar=quote), [])
    except csv.Error:
        return raw.split(separator)


def _said(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "true" if value is True else "false" if value is False else json.dumps(value, ensure_ascii=False)
