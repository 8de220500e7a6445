"""Numbers in texts: with percent signs, with units, with a decimal comma, with signs between thousands."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

VALUE = "value"
"""The column that a step of cleaning looks at."""

_SPACES = "[ \u00a0\u2009\u202f]"
_APART = "[ \u00a0\u2009\u202f'\u2019]"
_SIGN = "[+\u2212-]?"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
# Thousands come in groups of three; further up, groups of two as well (12,34,567).
_POINT = rf"{_SIGN}(?:\d{{1,3}}(?:(?:,|{_APART})\d{{2,3}})*(?:,|{_APART})\d{{3}}(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+){_EXPONENT}"
_COMMA = rf"{_SIGN}(?:\d{{1,3}}(?:(?:\.|{_APART})\d{{2,3}})*(?:\.|{_APART})\d{{3}}(?:,\d*)?|\d+(?:,\d*)?|,\d+)"
_EXACT_DIGITS = 15


def number(text: pl.Expr) -> pl.Expr:
    """The number that a text is; null where it is none."""
    found = text.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(found.is_finite()).then(found)


def written(value: pl.Expr) -> pl.Expr:
    """A number as the shortest text that reads as it: 12, not 12.0; 0.056, not 0.055999999999999994."""
    exact = pl.when(value.abs() < 10.0**_EXACT_DIGITS).then(value.round_sig_figs(_EXACT_DIGITS)).otherwise(value)
    return exact.cast(pl.String).str.strip_suffix(".0").replace({"-0": "0"})


def rewritten(value: pl.Expr, new: pl.Expr) -> pl.Expr:
    """A text's new number as text; the text itself where it is no number, or the number stays."""
    old = number(value)
    return pl.when(old.is_not_null() & new.ne_missing(old)).then(written(new)).otherwise(value)


def is_number(value: pl.Expr) -> pl.Expr:
    """Whether a text reads as a number as it stands."""
    return value.cast(pl.Float64, strict=False).is_not_null()


def percent(value: pl.Expr) -> pl.Expr:
    """``5 %`` as 0.05; other texts as they are."""
    found = number(_plain(value.str.extract(rf"^\s*({_POINT})\s*%\s*$")))
    return pl.coalesce(written(found / 100), value)


def units(value: pl.Expr, factors: Mapping[str, float]) -> pl.Expr:
    """Numbers with a unit, before or behind it, multiplied by the unit's factor; other texts, and those with a unit that is not listed, as they are."""
    behind = value.str.extract_groups(rf"^\s*({_POINT})\s*([^\d\s].*?)?\s*$").struct
    before = value.str.extract_groups(rf"^\s*({_SIGN})\s*([^\d\s+\u2212.,-]+)\s*({_POINT})\s*$").struct
    follows = _multiplied(behind[0], behind[1].fill_null(""), factors)
    leads = _multiplied(before[0] + before[2], before[1], factors)
    return pl.coalesce(follows, leads, value)


def decimal(value: pl.Expr, sign: str) -> pl.Expr:
    """Numbers with `sign` before the fraction, as they are written with a point and nothing between thousands; what follows a number stays."""
    pattern = rf"^\s*({_COMMA if sign == ',' else _POINT})({_SPACES}?[^\d.,].*)?\s*$"
    found = value.str.extract_groups(pattern).struct
    digits, rest = found[0], found[1].fill_null("")
    plain = (
        digits.str.replace_all(rf"\.|{_APART}", "").str.replace(",", ".", literal=True).str.replace("\u2212", "-", literal=True)
        if sign == ","
        else _plain(digits)
    )
    return pl.coalesce(plain + rest, value)


def _plain(digits: pl.Expr) -> pl.Expr:
    """A number as `_POINT` reads it, without what stands between thousands."""
    return digits.str.replace_all(rf",|{_APART}", "").str.replace("\u2212", "-", literal=True)


def _multiplied(digits: pl.Expr, unit: pl.Expr, factors: Mapping[str, float]) -> pl.Expr:
    plain, factor = _plain(digits), _factor(unit.str.replace_all(r"\s+", " "), factors)
    # With a factor of one no digit is lost, however many there are.
    kept = plain.str.strip_prefix("+").str.replace(r"^(-?\d+)(?:\.0*|(\.\d*[1-9])0*)$", "$1$2").replace({"-0": "0"})
    return pl.when(factor == 1).then(kept).otherwise(written(number(plain) * factor))


def _factor(unit: pl.Expr, factors: Mapping[str, float]) -> pl.Expr:
    """A unit's factor: as it is written, else in whatever case where that is not ambiguous, else without the point behind it."""
    folded: dict[str, set[float]] = {}
    for name, factor in factors.items():
        folded.setdefault(" ".join(name.lower().split()), set()).add(factor)
    anyhow = {name: next(iter(found)) for name, found in folded.items() if len(found) == 1}
    lowered = unit.str.to_lowercase()
    tried = [(unit, dict(factors)), (lowered, anyhow), (lowered.str.strip_suffix("."), anyhow)]
    return pl.coalesce(text.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64) for text, known in tried if known)
