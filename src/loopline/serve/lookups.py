"""What a request does not say, looked up in published values: the rule of `loopline.data.derived.lookups` for one row at a time, without Polars or a lake."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from loopline.data.moments import Lookup
from loopline.errors import Mistake
from loopline.serve.signature import LARGEST, Column, Problem

FORMAT = 1
NONE_US = np.iinfo(np.int64).min
"""Stands for a date or time that is null."""
_EPOCH = datetime(1970, 1, 1)
_US = timedelta(microseconds=1)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a lookup found for a row, as it stands in the log beside the row that holds the values.

    Parameters
    ----------
    found
        Whether there was such a row, known at the moment.
    as_of
        Its time, as ISO 8601 in UTC; None where nothing was found, or the table has no time.
    version
        The version of the table that was looked into.
    columns
        The columns that were looked up: those that the request did not say.
    """

    found: bool
    as_of: str | None
    version: int
    columns: list[str]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Published values: rows sorted by key and, for each key, by time.

    Parameters
    ----------
    version
        Of the table that they were read from.
    kinds
        What each key is: ``text``, ``number``, ``boolean``, ``date`` or ``datetime``.
    keys
        For each column of the key the values of each key, once; dates and times as days and microseconds since 1970.
    starts
        The place of each key's first row, as int64; and last the number of rows.
    times
        The time of each row in microseconds since 1970, as int64.
    since_us
        The moment from which on the history is whole; None where all of it is here.
    columns
        The values by their names with us.
    """

    format: int
    version: int
    kinds: list[str]
    keys: list[list[Any]]
    starts: bytes
    times: bytes
    since_us: int | None
    columns: dict[str, Values]


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """A column's values: numbers with NaN for null, whole numbers with a flag for each null, texts as places in a list (-1 null), booleans as
    0, 1 and -1, dates and times in microseconds."""

    type: str
    data: bytes
    nulls: bytes = b""
    texts: list[str] = []


def pack(sheet: Sheet) -> bytes:
    """The bytes of published values."""
    return zlib.compress(msgspec.msgpack.encode(sheet), 1)


def microseconds(moment: date) -> int:
    """A moment in microseconds since 1970 in UTC; naive ones are taken as UTC, and a date as its midnight."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return ((moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment) - _EPOCH) // _US


def moment_text(us: int) -> str:
    """A moment in microseconds as ISO 8601 in UTC."""
    return (_EPOCH + us * _US).isoformat() + "Z"


class Published:
    """Published values of one lookup, to be found by key and moment; threads may share them.

    Parameters
    ----------
    blob
        The digest of the bytes.

    Raises
    ------
    Mistake
        When a newer Loopline published them.
    """

    def __init__(self, lookup: Lookup, blob: str, data: bytes) -> None:
        try:
            sheet = msgspec.msgpack.decode(zlib.decompress(data), type=Sheet)
        except (msgspec.MsgspecError, zlib.error):
            sheet = None
        if sheet is None or sheet.format != FORMAT:
            what = f"the published values of lookup {lookup.name!r} have a format that this Loopline does not read"
            raise Mistake(what, where=blob[:12], remedy="upgrade Loopline here, or publish them anew: loopline run --fresh serve")
        self.lookup = lookup
        self.blob = blob
        self.version = sheet.version
        self.since_us = sheet.since_us
        self.kinds = tuple(sheet.kinds)
        self._times = np.frombuffer(sheet.times, dtype=np.int64)
        starts = np.frombuffer(sheet.starts, dtype=np.int64).tolist()
        names = sheet.keys[0] if len(sheet.keys) == 1 else zip(*sheet.keys, strict=True)
        self._spans = dict(zip(names, zip(starts, starts[1:], strict=False), strict=True))
        self._values = {name: _reader(values) for name, values in sheet.columns.items()}

    @property
    def rows(self) -> int:
        """How many rows can be found."""
        return len(self._times)

    def place(self, key: Sequence[Any], moment_us: int) -> int | None:
        """The place of the row that was known at a moment; None where there was none.

        Parameters
        ----------
        key
            Typed values, as a signature reads them.
        """
        if any(part is None for part in key):
            return None
        parts = [_comparable(part, kind) for part, kind in zip(key, self.kinds, strict=True)]
        span = self._spans.get(parts[0] if len(parts) == 1 else tuple(parts))
        if span is None:
            return None
        if self.lookup.as_of is None:
            return int(span[0])
        start, end = span
        place = start + int(np.searchsorted(self._times[start:end], moment_us - self.lookup.delay_us, side="right")) - 1
        if place < start:
            return None
        tolerance = self.lookup.tolerance_us
        return None if tolerance is not None and moment_us - int(self._times[place]) > tolerance else place

    def time_us(self, place: int) -> int:
        """The time of a row."""
        return int(self._times[place])

    def value(self, column: str, place: int) -> Any:
        """A row's value of one of our columns, typed as a signature reads it."""
        return self._values[column](place)


def _comparable(part: Any, kind: str) -> Any:
    if kind == "date":
        return (part - date(1970, 1, 1)).days
    return microseconds(part) if kind == "datetime" else part


def _reader(values: Values) -> Any:
    """From a place to the value there."""
    match values.type:
        case "number":
            numbers = np.frombuffer(values.data, dtype=np.float64)
            return lambda place: float(numbers[place]) if abs(numbers[place]) <= LARGEST else None
        case "integer":
            whole, nulls = np.frombuffer(values.data, dtype=np.int64), np.frombuffer(values.nulls, dtype=np.bool_)
            return lambda place: None if nulls[place] else int(whole[place])
        case "boolean":
            flags = np.frombuffer(values.data, dtype=np.int8)
            return lambda place: None if flags[place] < 0 else bool(flags[place])
        case "date" | "datetime":
            return _moments(np.frombuffer(values.data, dtype=np.int64), is_date=values.type == "date")
        case _:
            codes, texts = np.frombuffer(values.data, dtype=np.int32), values.texts
            return lambda place: None if codes[place] < 0 else texts[codes[place]]


def _moments(us: NDArray[np.int64], *, is_date: bool) -> Any:
    def value(place: int) -> date | None:
        if us[place] == NONE_US:
            return None
        moment = _EPOCH + int(us[place]) * _US
        return moment.date() if is_date else moment

    return value


class Lookups:
    """A package's lookups, and the published values that they find; those may be exchanged while threads look.

    Parameters
    ----------
    lookups
        The ``lookups`` of a package's ``signature.json``.
    columns
        The signature's columns, in their order.
    """

    def __init__(self, lookups: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
        self.all = tuple(Lookup.of(said) for said in lookups)
        self.published: Mapping[str, Published] = {}
        self._at = {column.name: index for index, column in enumerate(columns)}

    def exchange(self, published: Published) -> None:
        """Find in these values from now on."""
        self.published = {**self.published, published.lookup.name: published}

    def fill(self, row: dict[str, Any], values: list[Any], index: int, moment: datetime) -> tuple[dict[str, Any], dict[str, Found], list[Problem]]:
        """The row with what it does not say, what was found, and what is wrong; the values are filled in where they stand.

        Parameters
        ----------
        row, values
            As it was sent, and as the signature reads it.
        index
            The row's place in the request.
        moment
            Now: the row's moment, where the column that tells it is not there.
        """
        filled, found, problems = row, dict[str, Found](), list[Problem]()
        published = self.published
        for lookup in self.all:
            absent = [name for name in lookup.ours if name not in row]
            if not absent:
                continue
            sheet = published.get(lookup.name)
            if sheet is None:
                problems.append(Problem(index, absent[0], f"it is missing, and lookup {lookup.name} has not been published", "it to be sent"))
                continue
            at_us, problem = self._moment(lookup, sheet, row, values, index, moment)
            if problem is not None:
                problems.append(problem)
                continue
            key = [values[self._at[ours]] for ours, _ in lookup.keys]
            place = sheet.place(key, at_us)
            if place is None and lookup.required:
                said = ", ".join(f"{ours} {value!r}" for (ours, _), value in zip(lookup.keys, key, strict=True))
                problems.append(Problem(index, absent[0], f"it is missing, and {lookup.table} has nothing for {said} {lookup.says}", "it to be sent"))
                continue
            filled = filled if filled is not row else dict(row)
            for name in absent:
                value = None if place is None else sheet.value(name, place)
                values[self._at[name]] = value
                filled[name] = _as_json(value)
            as_of = moment_text(sheet.time_us(place)) if place is not None and lookup.as_of is not None else None
            found[lookup.name] = Found(found=place is not None, as_of=as_of, version=sheet.version, columns=absent)
        return filled, found, problems

    def _moment(self, lookup: Lookup, sheet: Published, row: Mapping[str, Any], values: Sequence[Any], index: int, now: datetime) -> tuple[int, Problem | None]:
        if lookup.moment is None:
            return 0, None
        if lookup.moment not in row:
            return microseconds(now), None
        said = values[self._at[lookup.moment]]
        if said is None:
            return 0, Problem(index, lookup.moment, f"it is null, and {lookup.table} is looked up {lookup.says}", "a time")
        at_us = microseconds(said) + lookup.offset_us
        if sheet.since_us is not None and at_us < sheet.since_us:
            what = f"it is before {moment_text(sheet.since_us)}, from when on {lookup.table} is published"
            return 0, Problem(index, lookup.moment, what, f"a later time, or {', '.join(lookup.ours)} to be sent")
        return at_us, None


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value
