"""What a package takes: rows checked against its signature, every problem with its field and what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from loopline.data.spec import ColumnType

# The graph computes in 32 bits: what does not fit there would become an infinity without anybody noticing.
LARGEST = 3.4028234e38
RAW_CHARACTERS = 10_000
"""So much of a refused row's text is kept."""
SHOWN_UNKNOWN = 10
"""So many unknown fields of one row are told one by one."""
_WRONG = object()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was refused.

    Parameters
    ----------
    row
        The row's place in the request, from 0.
    field
        The field it is about; empty when it is about the whole row.
    what
        What was wrong with it.
    expected
        What would have been right.
    """

    row: int
    field: str
    what: str
    expected: str

    @property
    def where(self) -> str:
        """The place as a path into the request, such as ``rows[3].age``."""
        return f"rows[{self.row}]" + (f".{self.field}" if self.field else "")

    @property
    def reason(self) -> str:
        """The problem as one line, without its row."""
        return (f"{self.field}: " if self.field else "") + f"{self.what}; expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the signature.

    Parameters
    ----------
    needed
        Whether a request must name it.
    required
        Whether it must also have a value, not null.
    values
        The values that were seen in training, for documentation; a new value is no problem.
    """

    name: str
    type: ColumnType
    roles: frozenset[str]
    needed: bool
    required: bool
    values: tuple[Any, ...] = ()


def _integer(value: object) -> object:
    if type(value) is int:
        return value if -(2**63) <= value < 2**63 else _WRONG
    return int(value) if type(value) is float and value.is_integer() and abs(value) < 2**53 else _WRONG


def _number(value: object) -> object:
    # NaN fails both comparisons. A whole number too large for a float would raise, and is compared exactly here.
    return float(value) if type(value) in (int, float) and -LARGEST <= value <= LARGEST else _WRONG  # type: ignore[operator,arg-type]


def is_text(value: object) -> bool:
    """Whether a value is text that can be logged and answered; half of a surrogate pair is no character."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> object:
    return value if is_text(value) else _WRONG


def _boolean(value: object) -> object:
    return value if type(value) is bool else _WRONG


def _moment(value: object) -> object:
    if type(value) is not str:
        return _WRONG
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return _WRONG


def _date(value: object) -> object:
    if type(value) is not str:
        return _WRONG
    try:
        return date.fromisoformat(value)
    except ValueError:
        return _WRONG


_READ: Mapping[ColumnType, Callable[[object], object]] = {
    "integer": _integer,
    "number": _number,
    "text": _text,
    "category": _text,
    "boolean": _boolean,
    "date": _date,
    "datetime": _moment,
}
EXPECTED: Mapping[ColumnType, str] = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "category": "text",
    "boolean": "true or false",
    "date": "a date as text, such as 2024-01-31",
    "datetime": "a date and time as text, such as 2024-01-31T08:30:00",
}
_EXAMPLES: Mapping[ColumnType, Any] = {
    "integer": 0,
    "number": 0.0,
    "text": "text",
    "category": "text",
    "boolean": False,
}


def describe(value: object) -> str:
    """A JSON value in words, short enough for one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if math.isnan(value):
            return "not a number (NaN)"
        case float() if math.isinf(value):
            return "infinite"
        case int() | float():
            size = value.bit_length() if isinstance(value, int) else 0
            return "a number that is too large" if size > 128 or abs(value) > LARGEST else f"the number {value}"
        case str():
            shown = value if len(value) <= 40 else value[:37] + "..."
            return f"the text {ascii(shown)}"
        case list():
            return "a list"
        case _:
            return "an object"


def missing(column: Column, index: int) -> Problem:
    """The problem of a row that does not name a column which it must."""
    return Problem(index, column.name, "it is missing", EXPECTED[column.type] + ("" if column.required else ", or null"))


@dataclass(frozen=True)
class Signature:
    """The columns that a package takes, in the order of its training table."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, columns: Sequence[Mapping[str, Any]]) -> Signature:
        """The signature from the ``columns`` of a package's ``signature.json``."""
        return cls(
            tuple(
                Column(
                    name=column["name"],
                    type=column["type"],
                    roles=frozenset(column["roles"]),
                    needed=column["needed"],
                    required=column["required"],
                    values=tuple(column.get("values") or ()),
                )
                for column in columns
            )
        )

    @cached_property
    def _plan(self) -> tuple[tuple[Column, str, Callable[[object], object]], ...]:
        return tuple((column, column.name, _READ[column.type]) for column in self.columns)

    @cached_property
    def names(self) -> frozenset[str]:
        """The columns' names."""
        return frozenset(column.name for column in self.columns)

    def read(self, row: object, index: int, *, hints: bool = True) -> tuple[list[Any], list[Problem]]:
        """A row's typed values in the order of the columns, and what is wrong with it; one of the two is empty.

        Numbers come as floats, dates and moments as naive UTC values of `datetime`; a value that is absent or null is None.

        Parameters
        ----------
        hints
            Whether to look for the right name of an unknown field, which takes a hundred times as long as all else.
        """
        if type(row) is not dict:
            return [], [Problem(index, "", f"the row is {describe(row)}", "an object with a value for each field")]
        values: list[Any] = []
        problems: list[Problem] = []
        met = 0
        for column, name, reader in self._plan:
            value = row.get(name)
            if value is not None:
                met += 1
                value = reader(value)
                if value is _WRONG:
                    problems.append(Problem(index, name, f"it is {describe(row[name])}", EXPECTED[column.type]))
            elif name in row:
                met += 1
                if column.required:
                    problems.append(Problem(index, name, "it is null", EXPECTED[column.type]))
            elif column.needed:
                problems.append(missing(column, index))
            values.append(value)
        if met < len(row):
            problems += self.unknown([name for name in row if name not in self.names], index, hints)
        return ([], problems) if problems else (values, [])

    def unknown(self, names: Sequence[str], index: int, hints: bool = True) -> list[Problem]:
        """A problem for each name of a row that the signature does not have, but for those beyond the first few."""
        problems = [Problem(index, ascii(name[:80])[1:-1], "there is no such field", self._nearest(name[:80], hints)) for name in names[:SHOWN_UNKNOWN]]
        if len(names) > SHOWN_UNKNOWN:
            problems.append(Problem(index, "", f"there are {len(names) - SHOWN_UNKNOWN:,} more unknown fields", "only fields of the signature"))
        return problems

    def _nearest(self, name: str, hints: bool) -> str:
        if not hints:
            return "a field of the signature"
        near = get_close_matches(name, [column.name for column in self.columns], n=1, cutoff=0.5)
        return f"{near[0]} perhaps" if near else f"one of: {', '.join(column.name for column in self.columns)}"

    def example(self, moment: datetime) -> dict[str, Any]:
        """A row that the package takes, made of values seen in training where they are known.

        Parameters
        ----------
        moment
            What its dates and moments say: whoever sends the row makes a decision of then, which is logged and watched as any other.
        """
        usual = {**_EXAMPLES, "date": moment.date().isoformat(), "datetime": moment.replace(tzinfo=None, microsecond=0).isoformat()}
        return {column.name: column.values[0] if column.values else usual[column.type] for column in self.columns if column.needed}
