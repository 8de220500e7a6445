"""The encoding plan: how raw columns become features, as plain values that a package keeps. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

MISSING = "(missing)"
"""The category that stands for a null: the graph's inputs are texts, and a text cannot be null."""

SHARED_BY = 5
"""Rows that must have a text, or a word, before it may stand in a package beyond a category's frequent values."""

PARTS = ("hour", "hour_sin", "hour_cos", "weekday", "week_sin", "week_cos", "month", "year_sin", "year_cos", "days_before")

CROSSED = " × "
"""Between the values of columns that are crossed."""

Key = tuple[str, ...]
"""The raw columns that a text of the graph's input is made of: one, or those that are crossed."""

Kind = Literal["number", "text", "date"]
"""What an expression takes a column for; a date counts as days since 1970-01-01."""


@dataclass(frozen=True, slots=True)
class DatePart:
    """A number derived from a date: one of `PARTS`; ``days_before`` counts the days until the date in column `of`."""

    column: str
    part: str
    of: str | None = None

    @property
    def name(self) -> str:
        """The feature's name for people."""
        return f"{self.column}.{self.part}"


@dataclass(frozen=True, slots=True)
class Formula:
    """A number derived by an expression over the row's columns, each with what it is taken for."""

    name: str
    text: str
    columns: tuple[tuple[str, Kind], ...]


@dataclass(frozen=True)
class Words:
    """Numbers derived from a text: how many words and characters it has, and how often it has each of some tokens.

    Parameters
    ----------
    tokeniser
        The version of the tokeniser (`loopline.model.words`) that the tokens were made by.
    """

    column: str
    tokens: tuple[str, ...]
    tokeniser: int

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The place of each token among the features."""
        return {token: at for at, token in enumerate(self.tokens, start=2)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The features' names for people."""
        return (f"{self.column}.words", f"{self.column}.characters", *(f"{self.column} has {token}" for token in self.tokens))


StatisticKind = Literal["outcome", "frequency", "minus", "over"]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number for each value of a table.

    Parameters
    ----------
    kind
        ``outcome``: how far the outcome's mean lies from that of all rows. ``frequency``: the logarithm of one more than the rows that had the
        value. ``minus`` and ``over``: what is taken from the row's number `of`, or what it is divided by.
    of
        The number that is compared; empty for ``outcome`` and ``frequency``.
    place
        The class whose share it is (multiclass); None for the outcome itself.
    numbers
        One for each value of the table and one for every other value, last; each is a float32, or None for a null.
    """

    name: str
    kind: StatisticKind
    numbers: tuple[float | None, ...]
    of: str = ""
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Statistics by the value of a text: those that are looked up come first, then differences, then ratios."""

    key: Key
    values: tuple[str, ...]
    statistics: tuple[Statistic, ...]

    def of_kind(self, *kinds: StatisticKind) -> tuple[Statistic, ...]:
        """The statistics of some kinds, in their order."""
        return tuple(one for one in self.statistics if one.kind in kinds)


@dataclass(frozen=True)
class Plan:
    """How raw columns become features.

    Parameters
    ----------
    numbers
        Columns that are numbers, integers or booleans, in the order of the graph's input.
    dates
        Numbers derived from dates; they follow the numbers.
    categories
        Pairs of a column and the values that have a feature of their own, sorted by column.
    crosses
        The same for columns that are crossed.
    formulas, missing, words
        Numbers derived by expressions, zeros and ones that say whether a column is null, and numbers derived from texts; they follow the dates.
    tables
        Statistics that are looked up by a category; they follow all numbers, and the zeros and ones of the categories follow them.
    """

    numbers: tuple[str, ...]
    dates: tuple[DatePart, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]
    crosses: tuple[tuple[Key, tuple[str, ...]], ...] = ()
    formulas: tuple[Formula, ...] = ()
    missing: tuple[str, ...] = ()
    words: tuple[Words, ...] = ()
    tables: tuple[Table, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that are read, each once."""
        return tuple(dict.fromkeys(self._read()))

    def _read(self) -> Iterator[str]:
        yield from self.numbers
        yield from (part.column for part in self.dates)
        yield from (part.of for part in self.dates if part.of is not None)
        yield from (name for formula in self.formulas for name, _ in formula.columns)
        yield from self.missing
        yield from (one.column for one in self.words)
        yield from (name for key in self.keys for name in key)

    @cached_property
    def kept(self) -> tuple[tuple[Key, tuple[str, ...]], ...]:
        """The values that have a feature of their own, of categories and then of crossed ones."""
        return (*(((name,), values) for name, values in self.categories), *self.crosses)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """What the texts of the graph's input are, in their order."""
        return tuple(dict.fromkeys((*(key for key, _ in self.kept), *(table.key for table in self.tables))))

    @cached_property
    def count_inputs(self) -> int:
        """How many numbers the graph's input has."""
        return len(self._inputs)

    @cached_property
    def count_numbers(self) -> int:
        """How many features are numbers; the rest are zeros and ones, one for each kept value."""
        return self.count_inputs + sum(len(table.statistics) for table in self.tables)

    @cached_property
    def features(self) -> tuple[tuple[str, str], ...]:
        """Each feature's raw column (the first of those it is made of) and name, in the order of the matrix."""
        looked_up = ((one.of or table.key[0], one.name) for table in self.tables for one in table.statistics)
        kept = ((key[0], f"{CROSSED.join(key)} = {value}") for key, values in self.kept for value in values)
        return (*self._inputs, *looked_up, *kept)

    @cached_property
    def _inputs(self) -> tuple[tuple[str, str], ...]:
        return (
            *((name, name) for name in self.numbers),
            *((part.column, part.name) for part in self.dates),
            *((formula.columns[0][0], formula.name) for formula in self.formulas),
            *((name, f"{name} is missing") for name in self.missing),
            *((one.column, name) for one in self.words for name in one.names),
        )

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values, for ``signature.json``."""
        return {
            "numbers": list(self.numbers),
            "dates": [{"column": part.column, "part": part.part, "of": part.of} for part in self.dates],
            "categories": {name: list(values) for name, values in self.categories},
            "crosses": [{"columns": list(key), "values": list(values)} for key, values in self.crosses],
            "formulas": [{"name": one.name, "expression": one.text, "columns": [list(pair) for pair in one.columns]} for one in self.formulas],
            "missing": list(self.missing),
            "words": [{"column": one.column, "tokens": list(one.tokens), "tokeniser": one.tokeniser} for one in self.words],
            "tables": [_said(table) for table in self.tables],
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Plan:
        """The plan from plain values; the inverse of `as_json`."""
        return cls(
            tuple(said["numbers"]),
            tuple(DatePart(part["column"], part["part"], part["of"]) for part in said["dates"]),
            tuple((name, tuple(values)) for name, values in sorted(said["categories"].items())),
            tuple((tuple(one["columns"]), tuple(one["values"])) for one in said["crosses"]),
            tuple(Formula(one["name"], one["expression"], tuple((name, kind) for name, kind in one["columns"])) for one in said["formulas"]),
            tuple(said["missing"]),
            tuple(Words(one["column"], tuple(one["tokens"]), one["tokeniser"]) for one in said["words"]),
            tuple(_table(one) for one in said["tables"]),
        )


def _said(table: Table) -> dict[str, Any]:
    statistics = [{"name": one.name, "kind": one.kind, "of": one.of, "place": one.place, "numbers": list(one.numbers)} for one in table.statistics]
    return {"columns": list(table.key), "values": list(table.values), "statistics": statistics}


def _table(said: Mapping[str, Any]) -> Table:
    return Table(tuple(said["columns"]), tuple(said["values"]), tuple(_statistic(one) for one in said["statistics"]))


def _statistic(said: Mapping[str, Any]) -> Statistic:
    numbers = (None if number is None else float(number) for number in said["numbers"])
    return Statistic(said["name"], said["kind"], tuple(numbers), said["of"], said["place"])
