"""What each step of cleaning does to a column of texts, of numbers, or of other values; pure Polars expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

import polars as pl

from loopline.charter.worth import as_text
from loopline.data.cleaning import dates, numbers
from loopline.data.cleaning.numbers import VALUE, is_number, number, rewritten
from loopline.data.spec_cleaning import Bounds, CleanSpec, OtherSpec, ReplaceSpec
from loopline.errors import Mistake

OTHER = "other"
"""The column that `fill_from` takes from."""
FOR_NUMBERS = ("round", "nulls", "clip", "null_outside", "fill", "fill_from")
FOR_OTHERS = ("fill", "fill_from")


@dataclass(frozen=True)
class Action:
    """What a step does to the column `VALUE`.

    Parameters
    ----------
    result
        The cells as they are after it, of the same type.
    wanted
        Which cells it may change, told quickly; any where None.
    on_missing
        Whether it also acts on cells that stand for null; the other steps pass over those.
    costly
        Whether a value that comes often is better worked out once.
    """

    result: pl.Expr
    wanted: pl.Expr | None = None
    on_missing: bool = False
    costly: bool = False


def action(step: CleanSpec, dtype: pl.DataType, *, nulls: Sequence[str], other: pl.DataType | None = None, where: str = "") -> Action:
    """What a step does to a column of a type.

    Parameters
    ----------
    nulls
        The words that stand for null.
    other
        The type of the column that `fill_from` names.

    Raises
    ------
    Mistake
        When the step has no meaning for the type, or cannot be carried out.
    """
    if dtype == pl.String:
        return _only(_on_text(step, nulls, other, where), step, where)
    known = FOR_NUMBERS if dtype.is_numeric() else FOR_OTHERS
    if step.name not in known or step.only is not None:
        said = f"{step.name} with only" if step.name in known else step.name
        raise Mistake(f"{said} is for texts, and the column comes as {dtype}", where=f"{where}.{step.name}", remedy="take the step out")
    return _on_number(step, dtype, nulls, other, where) if dtype.is_numeric() else _on_typed(step, dtype, other, where)


def _only(done: Action, step: CleanSpec, where: str) -> Action:
    if step.only is None:
        return done
    chosen = pl.col(VALUE).str.contains(_regex(step.only, f"{where}.only")).fill_null(False)
    return replace(done, wanted=chosen if done.wanted is None else chosen & done.wanted)


def _on_text(step: CleanSpec, nulls: Sequence[str], other: pl.DataType | None, where: str) -> Action:
    value = pl.col(VALUE)
    place = f"{where}.{step.name}"
    missing = value.is_null() | value.str.strip_chars().is_in(list(nulls))
    simple: Mapping[str, Callable[[], Action]] = {
        "trim": lambda: Action(value.str.strip_chars()),
        "squeeze": lambda: Action(value.str.strip_chars().str.replace_all(r"\s+", " "), value.str.contains(r"^\s|\s$|\s\s|[^\S ]")),
        "lower": lambda: Action(value.str.to_lowercase()),
        "upper": lambda: Action(value.str.to_uppercase()),
        "title": lambda: Action(value.str.to_titlecase()),
        "unicode": lambda: Action(value.str.normalize(step.unicode or "NFC"), value.str.len_bytes() != value.str.len_chars()),
        "percent": lambda: Action(numbers.percent(value), value.str.contains("%", literal=True), costly=True),
        "units": lambda: _units(value, step.units or {}),
        "decimal": lambda: _decimal(value, step.decimal or "."),
        "round": lambda: Action(rewritten(value, number(value).round(step.round or 0)), value.str.contains(".", literal=True), costly=True),
        "dates": lambda: _dates(value, step, place),
        "nulls": lambda: Action(pl.lit(None, pl.String), value.str.strip_chars().is_in(list(step.nulls or ())), on_missing=True),
        "map": lambda: _map(value, step.map or {}),
        "replace": lambda: _replace(value, step.replace or ReplaceSpec(pattern=""), place),
        "pad": lambda: Action(value.str.zfill(step.pad or 0), value.str.contains(rf"^\d{{1,{(step.pad or 2) - 1}}}$")),
        "clip": lambda: Action(rewritten(value, _clipped(number(value), step.clip or (None, None))), _outside(number(value), step.clip or (None, None))),
        "null_outside": lambda: Action(pl.lit(None, pl.String), _outside(number(value), step.null_outside or (None, None))),
        "fill": lambda: Action(pl.lit(as_text(step.fill), pl.String), missing, on_missing=True),
        "fill_from": lambda: Action(_taken(step.fill_from, nulls, other, place), missing, on_missing=True),
    }
    return simple[step.name]()


def _units(value: pl.Expr, factors: Mapping[str, float]) -> Action:
    # A number without a unit stays as it is, unless the declaration says what it stands for.
    return Action(numbers.units(value, factors), None if "" in factors else ~is_number(value) & value.is_not_null(), costly=True)


def _decimal(value: pl.Expr, sign: str) -> Action:
    plain = is_number(value) if sign == "." else value.cast(pl.Int64, strict=False).is_not_null()
    return Action(numbers.decimal(value, sign), ~plain & value.is_not_null(), costly=True)


def _dates(value: pl.Expr, step: CleanSpec, place: str) -> Action:
    assert step.dates is not None
    iso = dates.is_iso(value, step.dates)
    return Action(dates.dates(value, step.dates, where=place), None if iso is None else ~iso, costly=True)


def _map(value: pl.Expr, words: Mapping[str, object]) -> Action:
    known = pl.Series(list(words), dtype=pl.String)
    new = pl.Series([None if word is None else as_text(word) for word in words.values()], dtype=pl.String)
    return Action(value.replace_strict(known, new, return_dtype=pl.String), value.is_in(known.implode()), on_missing=True)


def _replace(value: pl.Expr, spec: ReplaceSpec, place: str) -> Action:
    found = _regex(spec.pattern, f"{place}.pattern")
    return Action(value.str.replace_all(found, spec.template), value.str.contains(found))


def _regex(pattern: str, place: str) -> str:
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError:
        remedy = "use one without look-around and back-references"
        raise Mistake(f"{pattern!r} is no regular expression that runs in linear time", where=place, remedy=remedy) from None
    return pattern


def _clipped(value: pl.Expr, bounds: Bounds) -> pl.Expr:
    low, high = bounds
    return value.clip(low, high)


def _outside(value: pl.Expr, bounds: Bounds) -> pl.Expr:
    low, high = bounds
    wrong = [*([value < low] if low is not None else []), *([value > high] if high is not None else [])]
    return pl.any_horizontal(wrong).fill_null(False) if wrong else pl.lit(False)


def _taken(spec: OtherSpec | None, nulls: Sequence[str], other: pl.DataType | None, place: str) -> pl.Expr:
    """What the other column offers for a missing text; the cell itself where that is missing too."""
    assert spec is not None
    offered: pl.Expr = pl.col(OTHER).cast(pl.String, strict=False)
    if spec.pattern is not None:
        offered = offered.str.extract(_regex(spec.pattern, f"{place}.pattern"), min(1, re.compile(spec.pattern).groups))
    known = offered.is_not_null() & ~offered.str.strip_chars().is_in(list(nulls))
    return pl.when(known).then(offered).otherwise(pl.col(VALUE))


def _on_number(step: CleanSpec, dtype: pl.DataType, nulls: Sequence[str], other: pl.DataType | None, where: str) -> Action:
    value = pl.col(VALUE)
    match step.name:
        case "round":
            return Action(value.round(step.round or 0) if dtype.is_float() else value)
        case "clip":
            low, high = step.clip or (None, None)
            if not dtype.is_float():
                low, high = None if low is None else ceil(low), None if high is None else floor(high)
            return Action(value.clip(low, high).cast(dtype))
        case "null_outside":
            return Action(pl.lit(None, dtype), _outside(value, step.null_outside or (None, None)))
        case "nulls":
            words = [found for found in (_as_number(word) for word in step.nulls or ()) if found is not None]
            return Action(pl.lit(None, dtype), value.cast(pl.Float64).is_in(words), on_missing=True)
        case _:
            return _on_typed(step, dtype, other, where)


def _as_number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _on_typed(step: CleanSpec, dtype: pl.DataType, other: pl.DataType | None, where: str) -> Action:
    """Filling of columns that are no texts."""
    missing = pl.col(VALUE).is_null() | (pl.col(VALUE).is_nan() if dtype.is_float() else pl.lit(False))
    if step.name == "fill_from":
        if (
            step.fill_from is None
            or step.fill_from.pattern is not None
            or other is None
            or (other != dtype and not (other.is_numeric() and dtype.is_numeric()))
        ):
            said = f"the column comes as {dtype}, and {step.fill_from.column if step.fill_from else ''} as {other}"
            raise Mistake(f"fill_from cannot take from there: {said}", where=f"{where}.fill_from", remedy="name a column of the same type, without a pattern")
        return Action(pl.coalesce(pl.col(OTHER).cast(dtype, strict=False), pl.col(VALUE)), missing, on_missing=True)
    try:
        text = pl.Series([as_text(step.fill)])
        if dtype == pl.Boolean:
            text = text.replace({"true": "1", "false": "0"}).cast(pl.Int8)
        new = text.str.to_date() if dtype == pl.Date else text.str.to_datetime(time_unit="us") if isinstance(dtype, pl.Datetime) else text.cast(dtype)
        if isinstance(dtype, pl.Datetime) and dtype.time_zone:
            new = new.dt.replace_time_zone(dtype.time_zone)
        filled = new.cast(dtype)
    except pl.exceptions.PolarsError:
        raise Mistake(f"{step.fill!r} cannot stand in a column of {dtype}", where=f"{where}.fill", remedy="fill with a value of its type") from None
    return Action(pl.lit(filled.item(), dtype), missing, on_missing=True)
