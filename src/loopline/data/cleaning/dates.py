"""Dates in texts, in the formats that are declared: read in their order, written as ISO."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

from loopline.data.cleaning.numbers import number
from loopline.data.spec_cleaning import EPOCHS, DatesSpec
from loopline.errors import Mistake

_CLOCK = re.compile(r"%[-_0]?(?:\.?[3-9]?f|[HIklMSTRXcrspP])|%[#:]*z")
_DAY = re.compile(r"%[-_0]?[dejDFxcv]")
_MONTH = re.compile(r"%[-_0]?[mbBhjDFxcv]")
_ISO_DAY, _ISO_TIME = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f"
_FIRST_YEAR = 1000
_EXCEL_DAYS = 25569
"""From Excel's day 0 to 1970-01-01."""
_SECONDS = {"excel": 86400, "epoch_s": 1, "epoch_ms": 1e-3}
_TOO_LATE_S = 253402300800
"""The first second of the year 10000."""


def dates(value: pl.Expr, spec: DatesSpec, *, where: str) -> pl.Expr:
    """The first reading of a text that a format gives, as ISO or as `spec.write` says; other texts as they are.

    Two digits of a year mean 1970 to 2069. A format without a day means the first of the month. A time with a zone becomes one in UTC.

    Raises
    ------
    Mistake
        When a format cannot be read with, or not be written in.
    """
    return pl.coalesce(*(_read(value.str.strip_chars(), form, spec.write, where) for form in spec.read), value)


def is_iso(value: pl.Expr, spec: DatesSpec) -> pl.Expr | None:
    """Whether a text is an ISO date that stays as it is; None where that cannot be said without reading it."""
    if spec.write is not None or any(form.startswith("%Y-") or form in EPOCHS for form in spec.read):
        return None
    return value.str.to_date(_ISO_DAY, strict=False).is_not_null()


def _read(text: pl.Expr, form: str, write: str | None, where: str) -> pl.Expr:
    if form in EPOCHS:
        moment = _moment(text, form)
        whole = moment.dt.truncate("1d") == moment
        days = pl.when(whole).then(moment.dt.strftime(_ISO_DAY)).otherwise(moment.dt.strftime(_ISO_TIME))
        return days if write is None else _written(moment, write, where)
    # Elsewhere "%f" is what stands behind the point; to Chrono it is a number of nanoseconds.
    form = form.replace(".%f", "%.f")
    if not _MONTH.search(form):
        raise Mistake(f"{form!r} is no format of dates: it says no month", where=where, remedy="write it as %d.%m.%Y, or as %Y-%m for months")
    if not _DAY.search(form):
        text, form = text + " 1", f"{form} %d"
    timed = bool(_CLOCK.search(form))
    _require(form, timed=timed, where=where)
    found = _parse(text, form, timed=timed)
    sound = pl.when(found.dt.year() >= _FIRST_YEAR).then(found) if "%Y" in form or "%F" in form else found
    return _written(sound, write or (_ISO_TIME if timed else _ISO_DAY), where)


def _parse(text: pl.Expr, form: str, *, timed: bool) -> pl.Expr:
    if not timed:
        return text.str.to_date(form, strict=False)
    return text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC").dt.replace_time_zone(None)


def _moment(text: pl.Expr, form: str) -> pl.Expr:
    seconds = (number(text) - (_EXCEL_DAYS if form == "excel" else 0)) * _SECONDS[form]
    # Excel counts in fractions of a day, which are no round number of microseconds.
    micros = (seconds * 1e3).round() * 1000 if form == "excel" else (seconds * 1e6).round()
    return pl.when(seconds.abs() < _TOO_LATE_S).then(micros).cast(pl.Int64).cast(pl.Datetime("us"))


def _written(found: pl.Expr, form: str, where: str) -> pl.Expr:
    try:
        pl.select(pl.lit(datetime(2024, 11, 23, 14, 45, 59)).dt.strftime(form))
    except pl.exceptions.PolarsError:
        raise Mistake(f"{form!r} is no format of dates", where=where, remedy="write it as %d.%m.%Y or %Y-%m-%d %H:%M") from None
    return found.dt.strftime(form)


def _require(form: str, *, timed: bool, where: str) -> None:
    """Check that what a format writes can be read with it again."""
    try:
        # "%#z" reads a zone with or without minutes, and writes none.
        written = pl.Series("value", [datetime(2024, 11, 23, 14, 45, 59)]).dt.replace_time_zone("UTC").dt.strftime(form.replace("%#z", "%z"))
        readable = written.to_frame().select(_parse(pl.col("value"), form, timed=timed)).to_series().is_not_null().all()
    except pl.exceptions.PolarsError:
        readable = False
    if not readable:
        raise Mistake(f"{form!r} is no format of dates", where=where, remedy="write it as %d.%m.%Y or %Y-%m-%d %H:%M")
