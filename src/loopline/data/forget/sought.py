"""Whose records are looked for: keys as plain texts, or as salted digests of them; and which rows, records and texts are theirs; pure.

Whoever is to be forgotten is known by their key while it is done, and only by its digest afterwards.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from typing import Any, Protocol

import polars as pl

from loopline.data.casting import DTYPES, formats, parsed
from loopline.data.spec import ColumnType

ERASED = "(forgotten)"
"""What stands where a text was taken out."""
_SEPARATOR = "\x1f"
_UTC = "%Y-%m-%dT%H:%M:%S%.6fZ"
_BUCKETS = 65_521
_MOST_TRIED = 20_000
_TOKENS = re.compile(r"[,;|\t]")


class Sought(Protocol):
    """Tells whose rows, records and texts are sought."""

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row is theirs; none is where a column of the key is missing."""

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether a record, such as an object of a JSON text, is theirs."""

    def in_text(self, raw: str) -> bool:
        """Whether a record that could not be cut into columns seems to be theirs: its fields have the key."""


@dataclass(frozen=True)
class Keys:
    """Keys as plain texts, for as long as their rows are being erased.

    Parameters
    ----------
    columns
        The columns of a table that hold the key.
    values
        The keys, each a text for each column, as `texts` writes them.
    kinds, format
        How the columns' cells are read where they come as texts.
    """

    columns: tuple[str, ...]
    values: frozenset[tuple[str, ...]]
    kinds: tuple[ColumnType, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row is theirs."""
        joined = _joined(frame, self.columns, self.kinds, self.formats, self.nulls)
        return joined.is_in([_SEPARATOR.join(value) for value in self.values]).fill_null(False)

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is theirs."""
        cells = _cells_of(record, self.columns)
        return cells is not None and cells in self.values

    def in_text(self, raw: str) -> bool:
        """Whether a record's fields have the key."""
        return bool(self.values & set(_combined(raw, len(self.columns))))

    @property
    def telling(self) -> tuple[str, ...]:
        """The texts that tell a person wherever they stand; a short number says nothing outside of its column."""
        return tuple(sorted({text for value in self.values for text in value if _is_telling(text)}))

    def scrubbed(self, text: str) -> str:
        """The text without what tells a person: telling texts, and keys in conditions such as ``id = 5``."""
        for value in self.telling:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", ERASED, text)
        for index, column in enumerate(self.columns):
            for value in {value[index] for value in self.values}:
                named = rf"\"?(?<!\w){re.escape(column)}\"?(?!\w)"
                text = re.sub(rf"({named}\s*(?:==?|<>|!=)\s*)(['\"]?){re.escape(value)}\2(?!\w)", rf"\1'{ERASED}'", text, flags=re.IGNORECASE)
                inside = re.compile(rf"({named}\s+IN\s*)\(([^)]*)\)", flags=re.IGNORECASE)
                text = inside.sub(lambda found, value=value: _listed(found, value), text)  # type: ignore[misc]
        return text


def _listed(found: re.Match[str], value: str) -> str:
    items = [item.strip() for item in found[2].split(",")]
    kept = [f"'{ERASED}'" if item.strip("'\"") == value else item for item in items]
    return f"{found[1]}({', '.join(kept)})" if kept != items else found[0]


@dataclass(frozen=True)
class Digests:
    """Keys of which only salted digests are known.

    Parameters
    ----------
    buckets
        Of each digest a small number that its key gives, by which all other keys are passed over quickly.
    """

    columns: tuple[str, ...]
    salt: str
    digests: frozenset[str]
    buckets: frozenset[int]
    kinds: tuple[ColumnType, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row is theirs."""
        nobody = pl.repeat(False, frame.height, eager=True)
        if not self.digests:
            return nobody
        joined = _joined(frame, self.columns, self.kinds, self.formats, self.nulls)
        likely = joined.to_frame("key").select(bucket_of("key").is_in(sorted(self.buckets)).fill_null(False)).to_series()
        if not likely.any():
            return nobody
        theirs = [key for key in joined.filter(likely).unique().to_list() if digest_of(key.split(_SEPARATOR), self.salt) in self.digests]
        return joined.is_in(theirs).fill_null(False)

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is theirs."""
        cells = _cells_of(record, self.columns)
        return cells is not None and digest_of(cells, self.salt) in self.digests

    def in_text(self, raw: str) -> bool:
        """Whether a record's fields have the key."""
        return bool(self.digests) and any(digest_of(cells, self.salt) in self.digests for cells in _combined(raw, len(self.columns)))


def texts(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Typed values as the texts by which keys are compared: the same for 5, 5.0 and "5"."""
    if kind.is_float():
        whole = value.is_finite() & (value == value.round()) & (value.abs() < 2**53)
        return pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
    if isinstance(kind, pl.Datetime):
        return (value.dt.convert_time_zone("UTC") if kind.time_zone else value).dt.strftime(_UTC)
    return value.cast(pl.String)


def text_of(value: Any) -> str | None:
    """A plain value as the text by which keys are compared."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        said: str = pl.select(texts(pl.lit(value), pl.Series([value]).dtype)).item()
        return said
    return value.isoformat() if isinstance(value, date) else str(value)


def digest_of(cells: Sequence[str], salt: str) -> str:
    """The salted digest of a key."""
    return hmac.new(bytes.fromhex(salt), _SEPARATOR.join(cells).encode(), hashlib.sha256).hexdigest()


def bucket_of(column: str) -> pl.Expr:
    """A small number that a text gives, by plain arithmetic over its ends, so that every version gives the same."""
    padded = pl.col(column).str.pad_start(8, " ").cast(pl.Binary)
    ends = (part.bin.reinterpret(dtype=pl.UInt64, endianness="little") % _BUCKETS for part in (padded.bin.head(8), padded.bin.tail(8)))
    first, last = ends
    return ((first * 31 + last * 7 + pl.col(column).str.len_bytes()) % _BUCKETS).cast(pl.Int64)


def _joined(frame: pl.DataFrame, columns: Sequence[str], kinds: Sequence[ColumnType], forms: Mapping[str, str], nulls: Sequence[str]) -> pl.Series:
    """Each row's key as one text; null where a part of it is missing."""
    if any(name not in frame.columns for name in columns):
        return pl.Series("key", [None], dtype=pl.String).new_from_index(0, frame.height)
    cells = [_cell(frame, name, kinds[index] if kinds else None, forms.get(name), nulls) for index, name in enumerate(columns)]
    return frame.select(pl.concat_str(cells, separator=_SEPARATOR, ignore_nulls=False).alias("key")).to_series()


def _cell(frame: pl.DataFrame, name: str, kind: ColumnType | None, form: str | None, nulls: Sequence[str]) -> pl.Expr:
    dtype = frame.schema[name]
    if kind is None or dtype != pl.String or kind in ("text", "category"):
        return texts(pl.col(name), dtype)
    if kind in ("date", "datetime") and form is None:
        form, _ = formats(frame[name], kind)
    return texts(parsed(name, dtype, kind, nulls=nulls, format=form), DTYPES[kind])


def _cells_of(record: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...] | None:
    found = [_found(record, name) for name in columns]
    cells = [text_of(value) for value in found]
    return None if any(cell is None for cell in cells) else tuple(cell for cell in cells if cell is not None)


def _found(record: Mapping[str, Any], name: str) -> Any:
    """The value under a name, or under its parts where it was flattened, as in ``properties.id``."""
    if name in record:
        value = record[name]
        return None if isinstance(value, (dict, list)) else value
    head, _, rest = name.partition(".")
    below = record.get(head)
    return _found(below, rest) if rest and isinstance(below, dict) else None


def _combined(raw: str, width: int) -> Iterable[tuple[str, ...]]:
    """The fields of a raw record, and for keys of several columns their combinations, as far as these are not too many."""
    try:
        record = json.loads(raw)
    except ValueError:
        record = None
    if isinstance(record, dict):
        fields = [text for value in record.values() if (text := text_of(value) if not isinstance(value, (dict, list)) else None) is not None]
    else:
        fields = [cell.strip().strip('"') for cell in _split(raw)]
    fields = list(dict.fromkeys(field for field in fields if field))
    return product(fields, repeat=width) if len(fields) ** width <= _MOST_TRIED else ()


def _split(raw: str) -> list[str]:
    separators = sorted({*_TOKENS.findall(raw)}, key=raw.count, reverse=True)
    try:
        return [cell for separator in separators[:2] or [","] for cell in next(csv.reader([raw.replace("\n", " ")], delimiter=separator), [])]
    except csv.Error:
        return _TOKENS.split(raw)


def _is_telling(text: str) -> bool:
    return len(text) >= (8 if text.lstrip("-").replace(".", "", 1).isdecimal() else 5)
