"""What every declaration shares: frozen models without unknown keys, and quantities as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PERIODS_PER_YEAR = {"hour": 8766.0, "day": 365.25, "week": 52.18, "month": 12.0, "quarter": 4.0, "year": 1.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*")
_MOMENT = re.compile(r"\s*(\d+(?:\.\d+)?\s*(?:s|min|m|h|d|w))\s+(before|after)\s+(\S.*?)\s*")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*")
_THOUSANDS = re.compile(r"(?<![\d,])(?<!\d\.)[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_COMMA = re.compile(r"\d,|,\d")
_RATE = re.compile(r"\s*(-?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)\s+(?:per|a|an|each)\s+(hour|day|week|month|quarter|year)\s*")

_SAME_AS_ONE = 1e-12
"""How far from 1 a sum of rounded numbers may end up."""

_EXPECTED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), ("one whole number", "write digits alone, such as 2")),
    **dict.fromkeys(("float_type", "float_parsing"), ("one number", "write digits alone, such as 30000 or 0.5")),
    **dict.fromkeys(("bool_type", "bool_parsing"), ("true or false", "write one of the two")),
    **dict.fromkeys(("tuple_type", "list_type"), ("a list", "write its items in brackets, as in [one, two], or each behind a dash")),
    **dict.fromkeys(("dict_type", "model_type"), ("fields with names", "write each as name: value")),
    "finite_number": ("a finite number", "write digits alone, such as 30000 or 0.5"),
    "string_type": ("a text", "write one, in quotes where it looks like something else"),
    "invalid_key": ("a word as the name of a field", "write each field as name: value, and numbers with a point before decimals"),
}
"""From the types of pydantic's errors to what is expected, and the remedy."""
_LIMITS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


class Spec(BaseModel):
    """A frozen part of the declaration; a key that it does not know is a mistake."""

    # What is declared becomes plain JSON, which has no word for a number without an end.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    def fields(self, *names: str) -> dict[str, Any]:
        """The named fields as plain JSON values: what a step's key is made of."""
        return self.model_dump(mode="json", include=set(names), by_alias=True)


def wrong(error: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a field, and the remedy, from an error of pydantic's; no remedy where a validator's own words have it."""
    kind, said = error["type"], error["input"]
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        limit = error["ctx"][name]
        # Of a span of time pydantic tells the limit in Python's words; the only one is nought.
        return f"{said!r} is beyond its limit", f"write {words} {f'{limit:g}' if isinstance(limit, int | float) else 'nought'}"
    if kind not in _EXPECTED:
        return error["msg"].removeprefix("Value error, "), ""
    expected, remedy = _EXPECTED[kind]
    if isinstance(said, str) and ".." in said and "number" in expected:
        return f"it takes {expected}, not a range ({said!r:.60})", remedy
    named = {list: "a list", tuple: "a list", dict: "fields with names", type(None): "nothing"}
    return f"it takes {expected}, not {named.get(type(said)) or f'{said!r:.60}'}", remedy


def parse_duration(text: object) -> timedelta:
    """A span of time from words such as ``15min``, ``2h``, ``1d`` or ``1w``.

    Raises
    ------
    ValueError
        When the words are not a number and a unit.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a span of time; write a number and a unit, such as 15min, 2h, 1d or 1w")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any span of time; write one that ends, such as 1w") from None


def without_thousands(text: object) -> str:
    """A text in which no comma stands between thousands any more.

    Examples
    --------
    >>> without_thousands("1,500..2,500.5 per day")
    '1500..2500.5 per day'

    Raises
    ------
    ValueError
        When a comma stands elsewhere in a number: left out, it would make 15 of 1,5.
    """
    said = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), str(text))
    if _COMMA.search(said):
        remedy = "write 1,500.5 for a thousand and a half" if "." in said.replace("..", "") else f"write {said.replace(',', '.')}"
        raise ValueError(f"{text!r} has a comma that is not between thousands; a point stands before decimals: {remedy}")
    return said


def say_duration(span: timedelta) -> str:
    """The shortest words for a span of time; the inverse of `parse_duration`."""
    seconds = span.total_seconds()
    for unit in ("w", "d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


def figure(value: float) -> str:
    """A number as people read it: four digits that count, and as many as tell it from 1 or -1 where it is not that.

    Examples
    --------
    >>> figure(120341.5), figure(-2.34567), figure(0.0)
    ('120,300', '-2.346', '0')
    >>> figure(0.9999998), figure(1.0)
    ('0.9999998', '1')
    """
    rounded = float(f"{value:.4g}")
    off = abs(value) - 1
    if abs(rounded) == 1 and abs(off) > _SAME_AS_ONE:
        return f"{value:.{-int(f'{off:.0e}'.partition('e')[2])}f}"
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.4g}"


def counted(count: int, thing: str = "row", things: str = "") -> str:
    """So many of a thing, in words.

    Parameters
    ----------
    things
        More than one of it; by default with an s.

    Examples
    --------
    >>> counted(1), counted(1200, "file"), counted(2, "alert is", "alerts are")
    ('1 row', '1,200 files', '2 alerts are')
    """
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


class Moment(Spec):
    """A point in time told from a column, such as ``2h before sched_dep``."""

    offset_s: float
    column: str

    def __str__(self) -> str:
        side = "before" if self.offset_s < 0 else "after"
        return f"{say_duration(timedelta(seconds=abs(self.offset_s)))} {side} {self.column}"


class Rate(Spec):
    """So much per period, such as ``900 per day`` or ``400000 per year``."""

    amount: float
    period: str

    def __str__(self) -> str:
        return f"{self.amount:,.10g} per {self.period}"

    @property
    def per_year(self) -> float:
        """The same rate per year of 365.25 days."""
        return self.amount * _PERIODS_PER_YEAR[self.period]


def parse_moment(text: str) -> Moment | None:
    """The moment that words such as ``2h before sched_dep`` tell; None where they tell none."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    seconds = parse_duration(match[1]).total_seconds()
    return Moment(offset_s=-seconds if match[2] == "before" else seconds, column=match[3])


def _moment(text: object) -> object:
    if isinstance(text, Moment):
        return text
    moment = parse_moment(str(text))
    if moment is None:
        raise ValueError(f"{text!r} is not a moment; write it as '2h before COLUMN' or '1d after COLUMN'")
    return moment


def parse_rate(text: object) -> Rate:
    """So much per period, from words such as ``900 per day`` or ``400000 per year``.

    Raises
    ------
    ValueError
        When the words are not a number and a period.
    """
    if isinstance(text, Rate):
        return text
    match = _RATE.fullmatch(without_thousands(text))
    if match is None:
        raise ValueError(f"{text!r} is not a rate; write it as '900 per day' or '400000 per year'")
    amount = float(match[1])
    if not isfinite(amount * _PERIODS_PER_YEAR[match[2]]):
        raise ValueError(f"{text!r} has no end; write a number, such as 400000 per year")
    return Rate(amount=amount, period=match[2])


def _share(said: object) -> object:
    match = _SHARE.fullmatch(said) if isinstance(said, str) else None
    share = float(match[1]) / (100 if match[2] else 1) if match else said
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ValueError(f"{said!r} is no share; write it as 5% or 0.05")
    return float(share)


_TEXT = WithJsonSchema({"type": "string"})
Share = Annotated[float, BeforeValidator(_share), WithJsonSchema({"type": ["string", "number"]})]
"""A part of the whole, such as ``5%`` or 0.05."""
Span = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(say_duration, return_type=str), _TEXT]
MomentText = Annotated[Moment, BeforeValidator(_moment), PlainSerializer(str, return_type=str), _TEXT]
RateText = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(str, return_type=str), _TEXT]
