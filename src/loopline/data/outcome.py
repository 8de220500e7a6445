"""The outcome that is to be predicted: its task, its classes, and what is at stake in the rows where it is known; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.spec import CharterSpec, Task
from loopline.charter.worth import Worth, as_text
from loopline.data.contract.contract import nearest
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.expression.kinds import Kind, kind_of
from loopline.expression.language import Expression
from loopline.expression.on_numpy import evaluate

ENOUGH_ROWS = 50
_FEW_CLASSES = 20
_MANY_CLASSES = 200
_YES = frozenset({"yes", "y", "true", "t", "1", "positive", "pos"})
_NO = frozenset({"no", "n", "false", "f", "0", "negative", "neg"})


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Parameters
    ----------
    classes
        Binary: the negative and the positive one; multiclass: all, sorted; regression: none. As texts.
    positive
        The class that deciding to act is right for (binary only).
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None

    @property
    def says_yes(self) -> bool:
        """Whether the two classes are a plain yes and no, as true and false or 1 and 0 are."""
        said = {name.casefold() for name in self.classes}
        return len(said) == len(self.classes) == 2 and bool(said & _YES) and bool(said & _NO)


def labels(values: pl.Series) -> pl.Series:
    """The outcomes as class texts; null where unknown."""
    if values.dtype in (pl.String, pl.Categorical, pl.Enum):
        return values.cast(pl.String)
    distinct = values.drop_nulls().unique()
    return values.replace_strict(distinct, [as_text(value) for value in distinct], default=None, return_dtype=pl.String)


def target_of(frame: pl.DataFrame, charter: CharterSpec, *, columns: Sequence[str] | None = None) -> Target:
    """The target, its task and classes: as the charter says, else as the values tell; `columns` are those of the table, where the frame has but some.

    Two distinct values make it binary; texts, and at most 20 distinct whole numbers, multiclass; other numbers regression.
    The positive class is the one that says yes (``yes``, ``true``, ``1`` beside its contrary), else the rarer one.

    Raises
    ------
    Mistake
        When there is no such column, it is empty, has one class only, or fewer than 50 rows have it.
    """
    name = charter.predict
    if name not in frame.columns:
        raise Mistake(f"there is no column {name!r} to predict", where="charter.predict", remedy=nearest(name, columns or frame.columns))
    known = frame[name].drop_nulls()
    if known.is_empty():
        raise Mistake(f"column {name!r} is empty: no outcome is known", where="charter.predict", remedy="deliver rows whose outcome is known")
    if known.n_unique() == 1:
        what = f"column {name!r} holds one value only, {as_text(known[0])!r}: there is nothing to tell apart"
        raise Mistake(what, where="charter.predict", remedy="deliver rows with other outcomes too")
    if len(known) < ENOUGH_ROWS:
        what = f"the outcome {name!r} is known in {len(known)} rows; at least {ENOUGH_ROWS} are needed to learn and to check"
        raise Mistake(what, where="charter.predict", remedy="deliver more rows, or see why others are in quarantine: loopline data quarantine")
    task = charter.task or _task(known)
    _require_worth(charter, task)
    if task == "regression":
        _require_numbers(name, known)
        return Target(name, task, (), None)
    counts = dict(labels(known).value_counts(name="count").iter_rows())
    if task == "binary":
        return _binary(name, counts, charter)
    _require_classes(name, counts, len(known))
    return Target(name, task, tuple(sorted(counts)), None)


def _task(known: pl.Series) -> Task:
    distinct = known.n_unique()
    if distinct == 2:
        return "binary"
    if known.dtype.is_float():
        return "regression"
    return "regression" if known.dtype.is_integer() and distinct > _FEW_CLASSES else "multiclass"


def _require_worth(charter: CharterSpec, task: Task) -> None:
    said = charter.worth.tasks
    if said and task not in said:
        what = f"the worth is said for {said[0]}, and predicting {charter.predict!r} is {task}"
        raise Mistake(what, where="charter.worth", remedy=f"say the worth for {task}, or say charter.task: {said[0]}")


def _require_numbers(name: str, known: pl.Series) -> None:
    if not known.dtype.is_numeric():
        what = f"column {name!r} holds {'times' if known.dtype.is_temporal() else 'texts'}, and regression predicts numbers"
        raise Mistake(what, where="charter.task", remedy="say charter.task: multiclass, or predict another column")


def _require_classes(name: str, counts: Mapping[str, int], rows: int) -> None:
    if len(counts) > min(_MANY_CLASSES, rows // 2):
        what = f"column {name!r} has {len(counts):,} distinct values in {rows:,} rows: too many to be classes"
        raise Mistake(what, where="charter.predict", remedy="predict another column, or give it the type number in data.contract")


def _binary(name: str, counts: Mapping[str, int], charter: CharterSpec) -> Target:
    if len(counts) != 2:
        what = f"column {name!r} has {len(counts):,} distinct values, and binary wants two"
        raise Mistake(what, where="charter.task", remedy="say charter.task: multiclass, or predict another column")
    positive = positive_class(counts)
    if charter.positive is not None:
        said = as_text(charter.positive)
        if said not in counts:
            remedy = f"the classes are: {', '.join(sorted(counts))}"
            raise Mistake(f"{said!r} is no class of {name!r}", where="charter.positive", remedy=remedy)
        positive = said
    (negative,) = set(counts) - {positive}
    return Target(name, "binary", (negative, positive), positive)


def positive_class(counts: Mapping[str, int]) -> str:
    """The class to act on of two, where nobody says: the one that says yes, else the rarer one, else the last by name."""
    one, other = sorted(counts)
    for yes, no in ((one, other), (other, one)):
        if yes.casefold() in _YES and no.casefold() in _NO:
            return yes
    return one if counts[one] < counts[other] else other


def outcome_facts(frame: pl.DataFrame, charter: CharterSpec, target: Target, *, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """What is at stake: the known outcomes, and the money per decision without a model and with a perfect one.

    Raises
    ------
    Mistake
        When an expression of the worth names a column that is not there, or does with texts what goes with numbers only.
    """
    worth = Worth.of(charter.worth, target.task)
    for name, term in worth.terms.items():
        if isinstance(term, Expression):
            _require_money(term, frame, columns or frame.columns, where=f"charter.worth.{name}")
    known = frame.filter(pl.col(target.name).is_not_null())
    outcome = outcome_array(known[target.name], target)
    values = {name: _array(known[name]) for name in worth.columns}
    return {
        "rows": frame.height,
        "known": known.height,
        **_shape(outcome, target),
        "do_nothing": float(np.mean(worth.without_model(outcome, values))),
        "perfect": float(np.mean(worth.perfect(outcome, values))),
        "break_even": worth.break_even(),
    }


def _require_money(term: Expression, frame: pl.DataFrame, columns: Sequence[str], *, where: str) -> None:
    """Check that an expression makes a number of the columns, for each of their rows."""
    term.require(columns, where=where)
    remedy = "compute with columns of numbers, or give the column the type number in data.contract"
    kinds: dict[str, Kind] = {name: "number" if _is_number(frame[name]) else "text" for name in term.names}
    try:
        kind = kind_of(term, kinds)
    except ValueError as error:
        raise Mistake(f"{term.text!r} cannot be computed: {error}", where=where, remedy=remedy) from error
    named = ", ".join(sorted(term.names))
    if kind == "text":
        raise Mistake(f"{term.text!r} is text, and a worth is a number; it reads {named}", where=where, remedy=remedy)
    try:
        np.asarray(evaluate(term, {name: _array(frame[name]) for name in term.names}), dtype=np.float64)
    except (TypeError, ValueError, ArithmeticError) as error:
        remedy = "say what holds for empty texts: is_null(...), coalesce(...); and make a condition of a number by comparing it"
        raise Mistake(f"{term.text!r} cannot be computed from {named or 'its numbers'}: {error}", where=where, remedy=remedy) from error


def outcome_array(values: pl.Series, target: Target) -> np.ndarray[Any, Any]:
    """Known outcomes as the worth wants them, shape (n,): booleans (happened), texts, or floats."""
    if target.task == "regression":
        return values.cast(pl.Float64).to_numpy()
    texts = labels(values).to_numpy()
    return np.asarray(texts == target.positive) if target.task == "binary" else texts.astype(np.str_)


def _is_number(values: pl.Series) -> bool:
    return values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)


def _array(values: pl.Series) -> np.ndarray[Any, Any]:
    if _is_number(values):
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.array(values.cast(pl.String).to_list(), dtype=object)


def _shape(outcome: np.ndarray[Any, Any], target: Target) -> dict[str, Any]:
    if target.task == "binary":
        return {"share": float(np.mean(outcome))}
    if target.task == "multiclass":
        names, counts = np.unique(outcome, return_counts=True)
        return {"classes": {str(name): float(count) / len(outcome) for name, count in zip(names, counts, strict=True)}}
    return {"mean": float(np.mean(outcome)), "spread": float(np.mean(np.abs(outcome - np.median(outcome))))}


def say(target: Target, facts: Mapping[str, Any]) -> str:
    """The outcome in a few words."""
    match target.task:
        case "binary":
            return f"{target.name} is {target.positive} in {facts['share']:.1%} of rows"
        case "multiclass":
            return f"{target.name} has {len(target.classes)} classes"
        case _:
            return f"{target.name} is {figure(facts['mean'])} on average"
