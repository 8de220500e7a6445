"""Amounts with their units, as a price book has them: ``90 W``, ``64 GB``, ``0.28 per kWh``. An amount without its unit is a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from loopline.declaration import Rate, RateText, without_thousands

_AMOUNT = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S.*?)\s*")


def _reader(units: Mapping[str, float], example: str) -> Callable[[object], float]:
    """Reads a text such as `example` as an amount in the unit of factor 1."""

    def read(text: object) -> float:
        match = _AMOUNT.fullmatch(without_thousands(text))
        if match is None or match[2] not in units:
            raise ValueError(f"{text!r} has no unit that fits; write an amount in {', '.join(units)}, such as {example}")
        return float(match[1]) * units[match[2]]

    return read


def _writer(unit: str) -> Callable[[float], str]:
    def write(amount: float) -> str:
        return f"{amount!r} {unit}"

    return write


def _not_negative(rate: Rate) -> Rate:
    if rate.amount < 0:
        raise ValueError(f"{rate} is below nought")
    return rate


_TEXT = WithJsonSchema({"type": "string"})

Paced = Annotated[RateText, AfterValidator(_not_negative)]
"""So much money, or so many hours of work, per hour, day, week, month, quarter or year."""
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""An amount of the currency, paid once."""
Cores = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Watts = Annotated[float, BeforeValidator(_reader({"W": 1.0, "kW": 1e3}, "90 W")), PlainSerializer(_writer("W")), _TEXT]
Gigabytes = Annotated[float, BeforeValidator(_reader({"GB": 1.0, "MB": 1e-3, "TB": 1e3}, "64 GB")), PlainSerializer(_writer("GB")), _TEXT]
"""Of 1,000,000,000 bytes."""
PerWorkHour = Annotated[float, BeforeValidator(_reader({"per hour": 1.0}, "55 per hour")), PlainSerializer(_writer("per hour")), _TEXT]
"""Money for an hour of a person's work."""
PerKilowattHour = Annotated[float, BeforeValidator(_reader({"per kWh": 1.0, "per MWh": 1e-3}, "0.28 per kWh")), PlainSerializer(_writer("per kWh")), _TEXT]
PerGigabyte = Annotated[float, BeforeValidator(_reader({"per GB": 1.0, "per TB": 1e-3}, "0.08 per GB")), PlainSerializer(_writer("per GB")), _TEXT]
PerGigabyteMonth = Annotated[
    float,
    BeforeValidator(_reader({"per GB-month": 1.0, "per GB per month": 1.0, "per TB-month": 1e-3, "per TB per month": 1e-3}, "0.02 per GB-month")),
    PlainSerializer(_writer("per GB-month")),
    _TEXT,
]
PerMillion = Annotated[
    float,
    BeforeValidator(_reader({"per million": 1.0, "per 1000": 1e3, "per thousand": 1e3}, "0.40 per million")),
    PlainSerializer(_writer("per million")),
    _TEXT,
]
PerDecision = Annotated[
    float, BeforeValidator(_reader({"per decision": 1.0, "per 1000 decisions": 1e-3}, "0.02 per decision")), PlainSerializer(_writer("per decision")), _TEXT
]
