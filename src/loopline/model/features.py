"""Which columns become features, and how: the encoding plan, made from the training part alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.data.spec import ColumnType
from loopline.errors import Mistake
from loopline.model.categories import KEPT_AT_MOST, Sorted, covering, shared_values, sort_out
from loopline.model.columns import array, raw
from loopline.model.declared import Asked, Ground, Group, asked
from loopline.model.encode import keyed, texts
from loopline.model.plan import CROSSED, DatePart, Key, Kind, Plan, Statistic, Table, Words
from loopline.model.spec_features import FeatureSpec
from loopline.model.tables import compared, frequency, outcome_statistics
from loopline.model.vocabulary import TOKENS_AT_MOST, vocabulary
from loopline.model.words import TOKENISER

_DAY_US = 86_400_000_000
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the main table, as the data stage's facts describe it."""

    name: str
    type: ColumnType
    use: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """An encoding plan, and the columns that are no features with the reason of each."""

    plan: Plan
    left_out: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Learned:
    """What features may be fitted to, beside the columns: the outcomes of the training rows.

    Parameters
    ----------
    target
        Shape (n,), as `loopline.model.families.Sample` has it; None where nothing is fitted to outcomes.
    classes
        The class labels; they count where the task is multiclass.
    """

    target: NDArray[np.float64] | None = None
    task: Task = "binary"
    classes: Sequence[str] = ()

    @property
    def labels(self) -> Sequence[str]:
        """The labels of several classes; empty for other tasks."""
        return self.classes if self.task == "multiclass" else ()

    @property
    def outcomes(self) -> list[NDArray[np.float64]]:
        """What tokens are judged by: the outcome, or for each class whether it came."""
        if self.target is None:
            return []
        return [(self.target == place).astype(np.float64) for place in range(len(self.labels))] if self.labels else [self.target]


@dataclass(frozen=True, eq=False)
class _Draft:
    """The training rows, and what is settled of them so far."""

    train: pl.DataFrame
    learned: Learned
    left_out: dict[str, str] = field(default_factory=dict)

    def keyed(self, key: Key) -> NDArray[np.object_]:
        """The training rows' texts of a key."""
        made = np.empty(self.train.height, dtype=object)
        made[:] = keyed(key, raw(self.train, key), self.train.height)
        return made


def make_plan(
    train: pl.DataFrame,
    columns: Sequence[Column],
    *,
    target: NDArray[np.float64] | None = None,
    task: Task = "binary",
    classes: Sequence[str] = (),
    time: str | None = None,
    leave_out: Collection[str] = (),
    dropped: Collection[str] = (),
    held: Collection[str] = (),
    spec: FeatureSpec | None = None,
    rules: Sequence[str] = (),
) -> Planned:
    """The plan for the columns, from the training rows.

    Parameters
    ----------
    columns
        The main table's columns; those with ``use: false`` and hidden ones (``__*``) are no features.
    target, task, classes
        The outcomes of the training rows, shape (n,), which statistics of categories and the words of texts are chosen by; without them there are none.
    time
        The time column: only parts that come round again are taken from it, for its own value never does.
    leave_out
        Columns that are no features, and that nothing is made of: the target, the keys, and what the declaration leaves out.
    dropped
        Columns that are not worth learning from; what is declared may still read them.
    held
        Columns with which the score may only rise, or only fall: no other feature is made of them.
    spec, rules
        What is declared of features, and the expert's rules.

    Raises
    ------
    Mistake
        When no column is left to learn from, or what is declared cannot be made.
    """
    draft = _Draft(train, Learned(target, task, classes))
    aside = {*leave_out, *dropped}
    chosen = [column for column in columns if column.use and column.name not in aside and not column.name.startswith("__")]
    numbers, dates, counted = _typed(draft, chosen, time)
    free = frozenset(column.name for column in chosen if column.type == "text")
    sorted_out = sort_out(counted, train.height, free=free, tables=target is not None)
    draft.left_out.update(sorted_out.left_out)
    there = [column for column in columns if column.name in train.columns and not column.name.startswith("__")]
    ground = Ground(
        {column.name: _kind(column, train[column.name]) for column in there},
        frozenset(column.name for column in there if train[column.name].dtype.is_integer()),
        frozenset(numbers),
        {**dict.fromkeys(leave_out, "which is left out"), **dict.fromkeys(held, "with which the score may only rise or only fall")},
        frozenset(dropped),
        lambda names: raw(train, names),
    )
    declared = asked(spec or FeatureSpec(), ground, rules)
    draft.left_out.update(declared.left_out)
    plan = _plan(draft, numbers, dates, sorted_out, declared)
    if not plan.features:
        said = "; ".join(f"{name}: {why}" for name, why in draft.left_out.items())
        raise Mistake("no column is left to learn from", where=said, remedy="give the table more columns, or use: true and fewer names in model.leave_out")
    _check_dates(plan, train)
    return Planned(plan, draft.left_out)


def _kind(column: Column, series: pl.Series) -> Kind:
    """What an expression takes a column for."""
    if column.type in ("category", "text") or series.dtype == pl.String:
        return "text"
    return "date" if column.type in ("date", "datetime") or series.dtype.is_temporal() else "number"


def _typed(draft: _Draft, chosen: Sequence[Column], time: str | None) -> tuple[list[str], list[DatePart], dict[str, Counter[str]]]:
    """The columns that are numbers, the parts of those that are dates, and how many rows have each value of those that are texts."""
    numbers: list[str] = []
    dates: list[DatePart] = []
    counted: dict[str, Counter[str]] = {}
    for column in chosen:
        series = draft.train[column.name]
        why = _useless(series)
        if why is not None:
            if column.name != time:
                draft.left_out[column.name] = why
        elif column.type in ("category", "text") or series.dtype == pl.String:
            counted[column.name] = Counter(texts(array(series)))
        elif series.dtype.is_temporal():
            dates += _date_parts(column.name, array(series), time)
        elif column.name != time:
            numbers.append(column.name)
    return numbers, dates, counted


def _plan(draft: _Draft, numbers: Sequence[str], dates: Sequence[DatePart], sorted_out: Sorted, declared: Asked) -> Plan:
    """The plan of what was settled."""
    tabled: dict[Key, tuple[str, ...]] = {(name,): values for name, values in sorted_out.tabled.items()}
    crosses = []
    for key in declared.crosses:
        kept, shared = covering(Counter(draft.keyed(key).tolist()), draft.train.height, most=KEPT_AT_MOST)
        if kept:
            crosses.append((key, kept))
        if len(shared) > len(kept) and draft.learned.target is not None:
            tabled[key] = shared
        elif not kept:
            draft.left_out[CROSSED.join(key)] = "no value is shared by enough rows"
    return Plan(
        tuple(numbers),
        tuple(dates),
        tuple(sorted(sorted_out.kept.items())),
        tuple(crosses),
        declared.formulas,
        sorted_out.missing,
        _words(draft, sorted_out.words),
        _tables(draft, tabled, declared),
    )


def _words(draft: _Draft, names: Sequence[str]) -> tuple[Words, ...]:
    """The tokens of each text; a text of which no token is shared is left out."""
    made = []
    for name in names:
        chosen = vocabulary(texts(array(draft.train[name])), draft.learned.outcomes, TOKENS_AT_MOST // len(names) or 1)
        if chosen:
            made.append(Words(name, chosen, TOKENISER))
        else:
            draft.left_out[name] = "hardly a word of it is in more than one row"
    return tuple(made)


def _tables(draft: _Draft, tabled: Mapping[Key, tuple[str, ...]], declared: Asked) -> tuple[Table, ...]:
    """The statistics by value: of the outcome where there is one, and of the numbers that are compared."""
    groups: dict[Key, list[Group]] = {}
    for group in declared.groups:
        groups.setdefault((group.by,), []).append(group)
    made = []
    for key in dict.fromkeys((*tabled, *groups)):
        found, name = draft.keyed(key), CROSSED.join(key)
        values = tabled.get(key) or shared_values(Counter(found.tolist()))
        statistics: list[Statistic] = []
        if key in tabled and draft.learned.target is not None:
            statistics += outcome_statistics(name, values, found, draft.learned.target, draft.learned.labels)
            statistics.append(frequency(name, values, found))
        for kind in ("minus", "over"):
            of = [group.of for group in groups.get(key, ()) if group.kind == kind]
            statistics += [compared(name, values, found, one, _finite(draft.train, one), kind) for one in of]
        if len(values):
            made.append(Table(key, values, tuple(statistics)))
        else:
            draft.left_out.update({f"{group.of} by {group.by}": "no value is shared by enough rows" for group in groups[key]})
    return tuple(made)


def _finite(train: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """A column's numbers as the graph has them: what float32 cannot hold is null."""
    with np.errstate(over="ignore"):
        narrow = array(train[name]).astype(np.float32)
    return np.where(np.isfinite(narrow), narrow, np.nan).astype(np.float64)


def _useless(series: pl.Series) -> str | None:
    """Why nothing can be learned from a column, or None."""
    known = series.drop_nulls()
    if series.dtype.is_float():
        known = known.filter(known.is_finite())
    if known.is_empty():
        return "every value is missing"
    if known.n_unique() == 1 and len(known) == len(series):
        return "every value is the same"
    if isinstance(series.dtype, (pl.List, pl.Struct, pl.Array, pl.Binary, pl.Duration, pl.Time)):
        return f"values of type {series.dtype} are not learned from"
    return None


def _date_parts(name: str, values: NDArray[np.datetime64], time: str | None) -> list[DatePart]:
    """The parts of a date whose whole cycle the training rows have seen: what was never seen cannot be learned."""
    known = values[~np.isnat(values)].view(np.int64)
    days = (known.max() - known.min()) / _DAY_US
    parts = []
    if np.any(known % _DAY_US != known[0] % _DAY_US) and days >= 1:
        parts += ["hour", "hour_sin", "hour_cos"]
    if days >= 14:
        parts += ["weekday", "week_sin", "week_cos"]
    if days >= _YEAR_DAYS:
        parts += ["month", "year_sin", "year_cos"]
    made = [DatePart(name, part) for part in parts]
    if time is not None and name != time:
        made.append(DatePart(name, "days_before", of=time))
    return made


def _check_dates(plan: Plan, train: pl.DataFrame) -> None:
    """Refuses a date part that counts the days until a column that holds no dates."""
    for name in {part.of for part in plan.dates if part.of is not None}:
        if not train[name].dtype.is_temporal():
            raise Mistake(f"the time column {name!r} holds no dates", where=f"data.contract.{name}", remedy="give it the type date or datetime")
