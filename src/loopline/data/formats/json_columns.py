"""Which columns JSON records have, found out over all of them: no late field is lost, and every column has one type that holds all its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from loopline.data.formats.json_text import Digits, Flat
from loopline.data.spec import LINE
from loopline.errors import Mistake

MOST_COLUMNS = 10_000
VECTOR = (2, 4)
"""How many numbers the lists of a column may have that becomes a column for each place, as in ``coordinates.0``."""
_INTEGERS, _EXACT = (-(2**63), 2**63 - 1), 2**53
_NUMBERS = frozenset({int, float})
_PLAIN: tuple[set[type], ...] = (set(), {bool}, {int}, {float}, {int, float}, {str})
_encode = msgspec.json.Encoder().encode


@dataclass
class _Seen:
    """What was seen of a field."""

    types: set[type] = field(default_factory=set)
    inner: set[type] = field(default_factory=set)
    lengths: set[int] = field(default_factory=set)
    low: int = 0
    high: int = 0

    def note(self, values: Sequence[Any]) -> None:
        types = set(map(type, values))
        self.types |= types
        if int in types:
            self._range([value for value in values if type(value) is int])
        if list in types:
            lists = [value for value in values if type(value) is list]
            self.lengths |= set(map(len, lists))
            if self.is_vector:
                for value in lists:
                    self.inner |= set(map(type, value))
                    self._range([number for number in value if type(number) is int])

    def _range(self, whole: Sequence[int]) -> None:
        if whole:
            self.low, self.high = min(self.low, *whole), max(self.high, *whole)

    @property
    def is_vector(self) -> bool:
        """Whether every value is a list of the same few numbers."""
        length = next(iter(self.lengths), 0)
        return len(self.lengths) == 1 and VECTOR[0] <= length <= VECTOR[1] and self.types <= {list, type(None)} and self.inner <= _NUMBERS

    def dtype(self) -> pl.DataType:
        """The type that holds all values without loss; texts where no other does."""
        types = (self.inner if self.is_vector and self.lengths else self.types) - {type(None)}
        if types == {bool}:
            return pl.Boolean()
        if types == {int} and _INTEGERS[0] <= self.low and self.high <= _INTEGERS[1]:
            return pl.Int64()
        if types and types <= _NUMBERS and float in types and self.low >= -_EXACT and self.high <= _EXACT:
            return pl.Float64()
        return pl.String()


@dataclass(frozen=True)
class Source:
    """Where a column's values stand: a field, or a place in its lists."""

    field: str
    place: int | None = None


@dataclass(frozen=True)
class Columns:
    """The columns of all records.

    Parameters
    ----------
    types, sources
        Type and origin of each column.
    literal
        Whether fractions must be read as they are written, because a column has them beside texts.
    plain
        Whether every field is a column, and its values are of that column's type and of no other.
    """

    types: Mapping[str, pl.DataType]
    sources: Mapping[str, Source]
    literal: bool
    plain: bool

    def frame(self, records: Sequence[Flat], lines: Sequence[int], only: Sequence[str] | None = None) -> pl.DataFrame:
        """Records as a frame of these columns, and their lines."""
        names = list(self.types) if only is None else only
        return pl.DataFrame([*(self._series(name, records) for name in names), pl.Series(LINE, lines, dtype=pl.Int64())])

    def _series(self, name: str, records: Sequence[Flat]) -> pl.Series:
        dtype, source = self.types[name], self.sources[name]
        values = [record.get(source.field) for record in records]
        if source.place is not None:
            values = [None if value is None else _unraw(value[source.place]) for value in values]
        if dtype == pl.Float64():
            values = [None if value is None else float(value) for value in values]
        elif dtype == pl.String():
            values = [value if value is None or type(value) is str else _text(value) for value in values]
        return pl.Series(name, values, dtype=dtype, strict=True)


def _unraw(value: Any) -> Any:
    return float(bytes(value)) if type(value) is msgspec.Raw else value


def _text(value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, Digits):
        return str(value)
    if type(value) is float and value != value:
        return "NaN"
    return _encode(value).decode() if type(value) is not float else repr(value)


class Survey:
    """Takes note of records, and says in the end which columns they have."""

    def __init__(self, *, where: str) -> None:
        self._seen: dict[str, _Seen] = {}
        self._where = where

    def note(self, records: Sequence[Flat]) -> None:
        """Take note of some records.

        Raises
        ------
        Mistake
            When they have more fields than a table has columns.
        """
        names: dict[str, None] = dict.fromkeys(self._seen)
        last: Iterable[str] = ()
        for record in records:
            if record.keys() != last:
                last = record.keys()
                names.update(dict.fromkeys(last))
        if len(names) > MOST_COLUMNS:
            what = f"the records have more than {MOST_COLUMNS:,} different fields"
            raise Mistake(what, where=self._where, remedy="if the records stand deeper, say where: records: data.items[*]")
        for name in names:
            seen = self._seen.get(name)
            if seen is None:
                seen = self._seen[name] = _Seen()
            seen.note([record.get(name) for record in records])

    def columns(self) -> Columns:
        """The columns, in the order in which their fields first came."""
        types: dict[str, pl.DataType] = {}
        sources: dict[str, Source] = {}
        outer = {name[:place] for name in self._seen for place, letter in enumerate(name) if letter == "."}
        for name, seen in self._seen.items():
            if name in outer and seen.types == {type(None)}:
                # A null where other records have an object: its parts are null.
                continue
            parts = [f"{name}.{place}" for place in range(next(iter(seen.lengths), 0))] if seen.is_vector and seen.dtype() != pl.String() else []
            if parts and not any(part in self._seen for part in parts):
                types |= dict.fromkeys(parts, seen.dtype())
                sources |= {part: Source(name, place) for place, part in enumerate(parts)}
            else:
                types[name] = pl.String() if list in seen.types else seen.dtype()
                sources[name] = Source(name)
        mixed = any(types.get(name) == pl.String() and float in seen.types for name, seen in self._seen.items())
        plain = all(
            seen.types - {type(None)} in _PLAIN and (seen.types <= {str, type(None)} or types.get(name) != pl.String()) for name, seen in self._seen.items()
        )
        return Columns(types, sources, mixed, plain and not any("." in name for name in types))
