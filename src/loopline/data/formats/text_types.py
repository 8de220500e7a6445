"""The types of columns of texts, found over all of a delivery, chunk by chunk: a type is taken only where every cell can be read so without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from loopline.data.casting import DATES, TIMES, absent, parsed
from loopline.data.spec import ColumnSpec, ColumnType

_Kind = tuple[ColumnType, str | None]
_KINDS: tuple[_Kind, ...] = (
    ("integer", None),
    ("number", None),
    ("boolean", None),
    *((("date", form)) for form in DATES),
    *((("datetime", form)) for form in TIMES),
)
_CODE = r"^\s*[+-]?0\d"
_DIGITS = 17
_SAMPLE = 1000


class TextTypes:
    """Takes note of columns of texts, and says in the end which type each of them has.

    The types are those of ``loopline init``, but strict: one cell that cannot be read makes the column text, and so do digits that begin with a zero
    (a code) and numbers with more digits than a number holds.
    """

    def __init__(self, columns: Sequence[str], *, nulls: Sequence[str]) -> None:
        self._left: dict[str, list[_Kind]] = {name: list(_KINDS) for name in columns}
        self._known = dict.fromkeys(columns, 0)
        self._words = dict.fromkeys(columns, 0)
        self._nulls = tuple(nulls)

    def note(self, frame: pl.DataFrame) -> None:
        """Take note of a chunk of texts."""
        for name in self._left:
            texts = frame.select(pl.col(name).alias("value"))
            known = texts.filter(~absent("value", pl.String(), self._nulls))
            self._known[name] += known.height
            self._words[name] += int(texts.select((pl.col("value") != "").sum()).item() or 0) - known.height
            if self._left[name] and known.height:
                self._left[name] = _fitting(known, _fitting(known.head(_SAMPLE), self._left[name]))

    def types(self) -> dict[str, ColumnSpec]:
        """The type of each column, and the format of its dates: the first one that fits all its cells."""
        found: dict[str, ColumnSpec] = {}
        for name, left in self._left.items():
            kind, form = left[0] if left and self._known[name] else ("text", None)
            found[name] = ColumnSpec(type=kind, format=form)
        return found

    def words(self) -> dict[str, int]:
        """How many cells of each column hold a word that is taken for missing; none in a column that stays text."""
        return {name: self._words[name] if spec.type != "text" else 0 for name, spec in self.types().items()}

    def notes(self) -> list[str]:
        """What a person should know of the types: null words that were taken for missing, dates that could be read in two ways."""
        said: list[str] = []
        words = self.words()
        for name, spec in self.types().items():
            if words[name]:
                said.append(f"{name}: {words[name]:,} cells hold a word for missing, such as NA, and are null")
            swapped = (spec.format or "").replace("%m", "%x").replace("%d", "%m").replace("%x", "%d")
            if spec.format and swapped != spec.format and any(form == swapped for _, form in self._left[name]):
                said.append(f"{name}: day and month could also be the other way round; it is read as {spec.format}")
        return said


def typed(frame: pl.DataFrame, types: Mapping[str, ColumnSpec], nulls: Sequence[str]) -> pl.DataFrame:
    """Texts as the types that were found; in columns that stay text only the empty cell is missing."""
    columns = []
    for name, spec in types.items():
        kind = spec.type or "text"
        words = ("",) if kind == "text" else nulls
        value = pl.when(pl.col(name) != "").then(pl.col(name)) if kind == "text" else parsed(name, pl.String(), kind, nulls=words, format=spec.format)
        columns.append(value.alias(name))
    return frame.with_columns(columns)


def _fitting(known: pl.DataFrame, kinds: Sequence[_Kind]) -> list[_Kind]:
    """The kinds as which all texts can be read."""
    if not kinds:
        return []
    value = pl.col("value")
    tests = [_fits(value, kind, form).all().alias(f"{place}") for place, (kind, form) in enumerate(kinds)]
    return [kind for kind, good in zip(kinds, known.select(tests).row(0), strict=True) if good]


def _fits(value: pl.Expr, kind: ColumnType, form: str | None) -> pl.Expr:
    readable = parsed("value", pl.String(), kind, format=form).is_not_null()
    if kind == "boolean":
        return value.str.to_lowercase().is_in(["true", "false"])
    if kind not in ("integer", "number"):
        return readable
    digits = value.str.replace(r"[eE].*$", "").str.replace_all(r"[^0-9]", "").str.strip_chars_start("0").str.len_chars()
    short = digits <= _DIGITS if kind == "number" else pl.lit(True)
    return readable & ~value.str.contains(_CODE) & short
