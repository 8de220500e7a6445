"""Numbers that nobody knows better than by a range: ``700..1100``, or ``700..850..1100`` with the likeliest in the middle."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite, sqrt
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from loopline.declaration import Rate, parse_rate, without_thousands

SURE = 0.9
"""How often the truth lies within the two ends of a range, by who states it."""

_NUMBER = r"[-+]?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*([^.\d]*?)\s*\.\.\s*(?:({_NUMBER})\s*([^.\d]*?)\s*\.\.\s*)?({_NUMBER})\s*(.*?)\s*")
_ONE = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*")


class Ranged(float):
    """A number that knows between which ends it lies nine times in ten; wherever one number is wanted, it is the middle.

    Parameters
    ----------
    middle
        As likely to be too high as to be too low.
    low, high
        The truth lies below `low` once in twenty times, and above `high` as often.
    """

    low: float
    high: float

    def __new__(cls, middle: float, low: float, high: float) -> Ranged:
        """The number with its ends, which enclose the middle."""
        if not low <= middle <= high or not isfinite(high - low):
            raise ValueError(f"{middle:g} does not lie between {low:g} and {high:g}")
        made = super().__new__(cls, middle)
        made.low, made.high = low, high
        return made

    def __reduce__(self) -> tuple[type[Ranged], tuple[float, float, float]]:
        return Ranged, (float(self), self.low, self.high)

    @classmethod
    def between(cls, low: float, high: float) -> Ranged:
        """The range of two ends: the middle is that of ratios where both have one sign, for what may be half may as well be double."""
        middle = sqrt(low * high) * (1 if low > 0 else -1) if low * high > 0 else (low + high) / 2
        return cls(min(max(float(f"{middle:.3g}"), low), high), low, high)

    @property
    def ends(self) -> tuple[float, float, float]:
        """Low, middle and high."""
        return self.low, float(self), self.high


def ranged(value: float) -> Ranged:
    """A number as a range; one that is known has no width."""
    return value if isinstance(value, Ranged) else Ranged(value, value, value)


def in_words(value: float) -> str:
    """A range as it is written; one number where it has no width.

    Examples
    --------
    >>> in_words(Ranged.between(700, 1100)), in_words(3.5), in_words(Ranged(0.25, 0.2, 0.4))
    ('700..1100', '3.5', '0.2..0.25..0.4')
    """
    known = ranged(value)
    if known.low == known.high:
        return f"{float(value):.10g}"
    ends = (known.low, known.high) if known == Ranged.between(known.low, known.high) else known.ends
    return "..".join(f"{end:.10g}" for end in ends)


def parse_range(text: object) -> tuple[Ranged, str]:
    """The range that a text says, and the unit behind it.

    Examples
    --------
    >>> parse_range("200..400 hours")
    (283.0, 'hours')

    Raises
    ------
    ValueError
        When it is no number and no range, its ends are upside down, or they have different units.
    """
    said = without_thousands(text)
    match = _RANGE.fullmatch(said)
    if match is None:
        one = _ONE.fullmatch(said)
        if one is None:
            raise ValueError(f"{text!r} is neither a number nor a range; write it as 800 or as 700..1100")
        return ranged(_finite(one[1], text)), one[2]
    low, middle, high, unit = match[1], match[3], match[5], match[6]
    other = next((found for found in (match[2], match[4]) if found and found != unit), None)
    if other is not None:
        raise ValueError(f"{text!r} says {other!r} at one end and {unit or 'nothing'!r} at the other; write both ends in one unit, as in 700..1100 per day")
    least, most = _finite(low, text), _finite(high, text)
    if least > most:
        raise ValueError(f"{text!r} is upside down; write the lower end first: {high}..{low}{unit and ' '}{unit}")
    if middle is None:
        return Ranged.between(least, most), unit
    if not least <= float(middle) <= most:
        raise ValueError(f"{text!r} has its likeliest value outside of its ends; write low..likely..high")
    return Ranged(float(middle), least, most), unit


def _finite(number: str, text: object) -> float:
    found = float(number)
    if not isfinite(found):
        raise ValueError(f"{text!r} has no end; write a number such as 800, or a range such as 700..1100")
    return found


def is_range(said: object) -> bool:
    """Whether something is written as a range."""
    return isinstance(said, str) and _RANGE.fullmatch(said.replace(",", "")) is not None


def _reader(unit: str, *, scale: float = 1.0, least: float | None = None, most: float | None = None) -> Callable[[object], Ranged]:
    """Reads a range in a unit; `scale` times it is what is kept where the unit is said, and what is said without it is kept as it is."""

    def read(said: object) -> Ranged:
        if isinstance(said, Ranged):
            return said
        found, told = parse_range(said)
        if told not in ((unit, "") if unit == "%" else (unit,)):
            raise ValueError(f"{said!r} is not in {unit or 'plain numbers'}; write it as {_example(unit)}")
        factor = scale if told == unit and unit else 1.0
        kept = Ranged(*(end * factor for end in (float(found), found.low, found.high)))
        if (least is not None and kept.low < least) or (most is not None and kept.high > most):
            raise ValueError(f"{said!r} leaves what is possible: from {least:g}" + ("" if most is None else f" to {most:g}"))
        return kept

    return read


def _example(unit: str) -> str:
    return {"%": "30%..40%, or 0.3..0.4"}.get(unit, f"5..10 {unit}".strip())


def _writer(unit: str) -> Callable[[Ranged], str]:
    return lambda value: f"{in_words(value)} {unit}".strip()


_TEXT = WithJsonSchema({"type": ["string", "number"]})


def _quantity(unit: str, **limits: Any) -> Any:
    return (PlainValidator(_reader(unit, **limits)), PlainSerializer(_writer("" if unit == "%" else unit)), _TEXT)


Likely = Annotated[Ranged, *_quantity("", least=0.0)]
"""A number that is not below nought, or a range of them."""
ShareRange = Annotated[Ranged, *_quantity("%", scale=0.01, least=0.0, most=1.0)]
"""A part of the whole, such as ``30%..40%`` or 0.3..0.4."""
HoursOnce = Annotated[Ranged, *_quantity("hours", least=0.0)]
"""Hours of people's work."""
HoursMonthly = Annotated[Ranged, *_quantity("hours per month", least=0.0)]
PricePerHour = Annotated[Ranged, *_quantity("per hour", least=0.0)]
"""Money for an hour of a person's work."""


def _rate(said: object) -> Rate:
    if not is_range(said):
        return parse_rate(said)
    found, unit = parse_range(said)
    try:
        period = parse_rate(f"1 {unit}").period
    except ValueError:
        raise ValueError(f"{said!r} is not a rate; write it as '700..1100 per day' or '400000 per year'") from None
    return Rate.model_construct(amount=found, period=period)


RateRange = Annotated[Rate, PlainValidator(_rate), PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})]
"""So much per period, or a range of it: ``700..1100 per day``. Written out as a plain rate it is its middle."""
