"""From a first look at data to a declaration: types, contract, key, time, order, task, and what to leave out; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from loopline.charter.spec import CharterSpec, Task
from loopline.data.casting import DATES, ISO, absent, formats, inferred
from loopline.data.contract.contract import Terms, check, nearest
from loopline.data.outcome import Target, labels, target_of
from loopline.data.proposals.leaks import Finding, find, is_identifier
from loopline.data.spec import HIDDEN, ColumnSpec
from loopline.declaration import counted
from loopline.errors import Mistake

_TOLERANCE, _TOLERANT_FROM = 0.02, 200
_NULL_SIGNS = ("?", "-", "--", ".", "n/a", "na", "#N/A", "nil", "(null)", "\\N", "#VALUE!", "#REF!", "#DIV/0!")
_LISTED_VALUES = 20
_TIME_NAME = re.compile(r"(?i)(^|_)(time|date|day|dt|timestamp|ts|when|created|at|period)(_|$)|time$|date$|day$")
_MONTHS = {name: index for index, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))}
_MONTH_NAME = re.compile(r"(?i)^(month|mnth|mon|mth)$|(^|_)month(_|$)")
_SLOW = 0.01
_SLIP_SHARE, _NAMED = 0.01, 3


@dataclass(frozen=True)
class Draft:
    """What was inferred.

    Parameters
    ----------
    columns
        The contract of each column; inferred ranges and values only warn.
    left_out
        The columns that the model is kept from, and why.
    ordered
        Whether rows stand in the order of time although no column says when.
    nulls
        Words that stand for null here, beside those that always do.
    refused
        How many rows the contract refuses, by reason.
    notes
        What a person should know, one line each.
    """

    target: Target
    columns: Mapping[str, ColumnSpec]
    left_out: tuple[Finding, ...]
    time: str | None
    key: tuple[str, ...]
    ordered: bool
    nulls: tuple[str, ...]
    rows: int
    accepted: int
    refused: Mapping[str, int]
    notes: tuple[str, ...]


def draft(batch: pl.DataFrame, target: str, *, time: str | None = None, key: Sequence[str] = (), nulls: Sequence[str] = (), task: Task | None = None) -> Draft:
    """A declaration that fits the rows.

    Parameters
    ----------
    batch
        Rows in the source's order: texts as a CSV gives them, or typed values.
    target, time, key
        Columns that the user names; time and key are looked for where they are not.
    task
        What is predicted, where the values do not say it: whole numbers that are few may be classes or amounts.

    Raises
    ------
    Mistake
        When a named column is not there, or the target is not fit to be predicted.
    """
    names = [name for name in batch.columns if name not in HIDDEN]
    for option, name in (("--target", target), ("--time", time), *(("--key", name) for name in key)):
        if name is not None and name not in names:
            raise Mistake(f"there is no column {name!r}", where=option, remedy=nearest(name, names))
    signs = null_signs(batch, names, nulls)
    words = (*nulls, *signs)
    notes: list[str] = []
    types = {name: typed(batch[name], words, notes) for name in names}
    first = check(batch, Terms(types, nulls=words))
    goal = target_of(first.accepted, CharterSpec(predict=target, task=task))
    time = time or time_of(first.accepted, types, notes)
    if time is not None and types[time].type not in ("date", "datetime"):
        raise Mistake(f"column {time!r} holds {types[time].type} values, not dates or times", where="--time", remedy="name a column of dates or times")
    found = _sparing(find(first.accepted.select(names), goal, time=time), [name for name in names if name not in (target, time)], notes)
    keys = tuple(key) or _key(first.accepted, found, goal)
    ordered = time is None and _in_order_of_time(first.accepted, goal, {finding.column for finding in found})
    columns = {name: bounded(first.accepted[name], types[name], {finding.column: finding.why for finding in found}) for name in names}
    last = check(batch, Terms(columns, key=keys, time=time, nulls=words))
    goal = target_of(last.accepted, CharterSpec(predict=target, task=task))
    notes += _slips(last.accepted[target], goal)
    return Draft(goal, columns, tuple(found), time, keys, ordered, signs, batch.height, last.accepted.height, last.reasons, tuple(notes))


def _slips(outcomes: pl.Series, goal: Target) -> list[str]:
    """Classes of so few rows that they may be slips of the pen, where two others have all the rest: each of them makes another problem of it."""
    counts = dict(labels(outcomes.drop_nulls()).value_counts(name="count").iter_rows()) if goal.task == "multiclass" else {}
    usual = sorted(value for value, count in counts.items() if count >= _SLIP_SHARE * sum(counts.values()))
    if len(usual) != 2 or len(counts) == 2:
        return []
    rare = sorted(counts.keys() - set(usual), key=lambda value: (-counts[value], value))
    more = f" and {len(rare) - _NAMED} more" if len(rare) > _NAMED else ""
    told = ", ".join(f"{value!r} in {counted(counts[value], 'row')}" for value in rare[:_NAMED]) + more
    remedy = f"mend them in the data, or say task: binary and, of {goal.name}, values: [{', '.join(usual)}] with severity: {{values: refuse}}"
    return [f"{goal.name} has more values than {usual[0]!r} and {usual[1]!r}: {told}: a slip? As it is, each is a class of its own; if it is one, {remedy}"]


def _sparing(found: list[Finding], features: Sequence[str], notes: list[str]) -> list[Finding]:
    """The findings, without leaks where leaving them out would leave nothing to learn from."""
    if len(found) < len(features):
        return found
    leaks = [finding for finding in found if finding.kind == "leak"]
    notes += [f"{leak.column} looks like a leak ({leak.why}); it is kept, for no other column would be left" for leak in leaks]
    return [finding for finding in found if finding not in leaks]


def null_signs(batch: pl.DataFrame, names: Sequence[str], nulls: Sequence[str]) -> tuple[str, ...]:
    """Signs that stand for null: without them, a column of texts is one of numbers or dates."""
    found: set[str] = set()
    for name in names:
        values = batch[name]
        if values.dtype != pl.String:
            continue
        present = set(values.unique().str.strip_chars().drop_nulls()) & set(_NULL_SIGNS) - set(nulls)
        if not present or inferred(values, nulls=nulls)[0] not in ("text", "category"):
            continue
        if inferred(values, nulls=(*nulls, *present))[0] in ("integer", "number", "date", "datetime"):
            found |= present
    return tuple(sorted(found))


def typed(values: pl.Series, nulls: Sequence[str], notes: list[str]) -> ColumnSpec:
    """The contract of a column with nothing but its type and the format of its dates; a few unreadable cells among many are let pass."""
    known = values.to_frame().filter(~absent(values.name, values.dtype, nulls)).to_series()
    want, form = inferred(values, nulls=nulls)
    if want in ("text", "category") and len(known) >= _TOLERANT_FROM:
        want, form = inferred(values, nulls=nulls, tolerance=_TOLERANCE)
    if want in ("date", "datetime") and values.dtype == pl.String:
        _, either = formats(known, want)
        if either:
            notes.append(f"{values.name}: day and month could also be the other way round; it is read as {form}")
    return ColumnSpec(type=want, format=None if form in (None, ISO, DATES[0]) else form)


def time_of(frame: pl.DataFrame, types: Mapping[str, ColumnSpec], notes: list[str]) -> str | None:
    """The column that says when a row happened: dates or times that are always there, and in the order of the rows or named so."""
    dated = [name for name, spec in types.items() if spec.type in ("date", "datetime") and not frame[name].null_count() and frame[name].n_unique() > 10]
    in_order = [name for name in dated if np.mean(frame[name].diff().drop_nulls().dt.total_seconds().to_numpy() >= 0) >= 0.99]
    named = [name for name in dated if _TIME_NAME.search(name)]
    among = in_order or named
    if not among and dated:
        notes.append(f"{', '.join(dated)} hold dates; if one says when a row happened, name it with --time, so that the model is tested on the newest rows")
    best = [name for name in among if name in named] or among
    if len(best) > 1:
        notes.append(f"{best[0]} is taken for the time, not {', '.join(best[1:])}; name another one with --time")
    return best[0] if best else None


def _key(frame: pl.DataFrame, found: Sequence[Finding], target: Target) -> tuple[str, ...]:
    """The first identifier whose values come once and are always there."""
    for finding in found:
        values = frame[finding.column]
        if finding.kind == "identifier" and finding.column != target.name and not values.null_count() and values.is_unique().all() and is_identifier(values):
            return (finding.column,)
    return ()


def bounded(values: pl.Series, spec: ColumnSpec, left_out: Mapping[str, str]) -> ColumnSpec:
    """The contract with the range or the values that were seen: what is new only warns."""
    more: dict[str, object] = {}
    known = values.drop_nulls()
    name = values.name
    if spec.type in ("integer", "number") and len(known):
        more = {"min": float(known.min()), "max": float(known.max()), "severity": "warn"}  # type: ignore[arg-type]
    elif spec.type == "category" and known.n_unique() <= _LISTED_VALUES:
        more = {"values": tuple(sorted(known.unique())), "severity": "warn"}
    if name in left_out:
        more = {"use": False, "why": left_out[name]}
    return spec.model_copy(update=more)


def _in_order_of_time(frame: pl.DataFrame, target: Target, left_out: set[str]) -> bool:
    """Whether rows stand in the order of time: months follow each other, or several numbers hardly move from row to row.

    Not where the outcome itself stands in blocks: then the rows are sorted by it.
    """
    if frame.height < 200 or _sorted_by_outcome(frame[target.name], target):
        return False
    usable = [name for name in frame.columns if name not in left_out and name not in HIDDEN and name != target.name]
    if any(_months_advance(frame[name]) for name in usable):
        return True
    slow = [name for name in usable if frame[name].dtype.is_numeric() and frame[name].n_unique() > 2 and _restlessness(frame[name]) < _SLOW]
    return len(slow) >= 3


def _sorted_by_outcome(values: pl.Series, target: Target) -> bool:
    known = values.drop_nulls()
    if target.task == "regression":
        return _restlessness(known) < _SLOW
    texts = labels(known)
    changes = int((texts != texts.shift()).sum()) / len(texts)
    by_chance = 1 - sum((count / len(texts)) ** 2 for count in texts.value_counts(name="count")["count"].to_list())
    return bool(changes < 0.2 * by_chance)


def _restlessness(values: pl.Series) -> float:
    """How much neighbours differ: about 1 in random order, near 0 where the values move slowly (von Neumann's ratio, halved)."""
    numbers = values.drop_nulls().cast(pl.Float64).to_numpy()
    spread = float(numbers.var()) if len(numbers) else 0.0
    return float(np.mean(np.diff(numbers) ** 2)) / (2 * spread) if spread else 1.0


def _months_advance(values: pl.Series) -> bool:
    """Whether a column holds months that go forward from one run of rows to the next."""
    known = values.drop_nulls()
    if known.dtype == pl.String:
        months = known.str.to_lowercase().str.slice(0, 3).replace_strict(_MONTHS, default=None, return_dtype=pl.Int64)
    elif known.dtype.is_integer() and _MONTH_NAME.search(values.name):
        months = known.cast(pl.Int64) - 1
    else:
        return False
    if not len(months) or months.null_count() or not months.is_between(0, 11).all():
        return False
    runs = months.rle().struct.field("value").to_numpy()
    steps = np.diff(runs) % 12
    return 5 <= len(steps) <= len(months) / 20 and bool(np.mean(steps <= 6) >= 0.9)
