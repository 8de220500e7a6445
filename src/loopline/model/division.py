"""How the rows are divided: into parts once, and within what may be learned from into folds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.spec import BATCH, LINE
from loopline.declaration import Moment, say_duration
from loopline.errors import Mistake
from loopline.model.columns import raw
from loopline.model.folds import BLOCKS_OF_TIME, FEW, FOLDS, Fold, crossed, forward, held_out, repeats_for
from loopline.model.order import Order
from loopline.model.split import Parts, by_column, by_identity, by_order, by_time, stratified, with_gap


def parted(frame: pl.DataFrame, outcome: NDArray[Any], order: Order) -> tuple[Parts, str]:
    """The parts of the rows whose outcome is known, and how they were made in words.

    Raises
    ------
    Mistake
        When what is declared cannot be done with these rows.
    """
    split = order.model.split
    if split.column is not None:
        return _by_column(frame, order, split.column)
    shares = {"validation": split.validation, "test": split.test}
    if order.time is not None or order.ordered:
        if split.group is not None:
            what = "rows that are split by time cannot be kept together by group too"
            raise Mistake(what, where="model.split.group", remedy="take away model.split.group, or the source's time")
        return _in_time(frame, order, shares)
    seed = order.model.seed
    if split.group is not None:
        identities = _identities(frame, (split.group,))
        parts, anew = by_identity(identities, np.zeros(len(outcome)), **shares, seed=seed)
        if anew:
            what = f"the groups of {split.group!r} are too few, or too unequal, for three parts"
            raise Mistake(what, where="model.split.group", remedy="name a column with more values, or take it away")
        return parts, f"drawn at random by {split.group}, so that all its rows are in one part"
    names = order.key or tuple(name for name in (BATCH, LINE) if name in frame.columns)
    if not names:
        return stratified(outcome, **shares, seed=seed), "drawn at random with every outcome in the same share; new rows draw all anew"
    parts, anew = by_identity(_identities(frame, names), outcome, **shares, seed=seed)
    said = f"drawn at random by {', '.join(order.key) if order.key else 'batch and line'}, so that a row stays in its part when rows are added"
    if anew == len(outcome):
        return parts, "drawn at random with every outcome in the same share, for the rows are few; new rows draw all anew"
    return parts, said + (f"; {anew:,} rows of rare outcomes are drawn anew each time, so that each part has some" if anew else "")


def folded(frame: pl.DataFrame, outcome: NDArray[Any], order: Order, parts: Parts) -> tuple[tuple[Fold, ...], str]:
    """What candidates learn from and are judged on, and that in words.

    A declared number of folds holds. Else a validation part of enough rows is held out once; where rows are few they are all held out in
    turn, or several blocks of time are.
    """
    split, rows = order.model.split, len(parts.learned)
    in_time = order.time is not None or order.ordered
    if in_time or (split.column is not None and len(parts.validation)):
        wanted = split.folds or (BLOCKS_OF_TIME if in_time else 1)
        folds = forward(parts, wanted) if in_time else held_out(parts)
        if len(folds) == 1:
            return folds, f"candidates are judged on the validation part of {len(parts.validation):,} rows"
        return folds, f"candidates are judged on {len(folds)} blocks of time, each by what was learned from the rows before it"
    count = split.folds or (FOLDS if rows < FEW or not len(parts.validation) else 1)
    if count == 1:
        return held_out(parts), f"candidates are judged on the validation part of {len(parts.validation):,} rows"
    learned = np.sort(parts.learned)
    repeats = split.repeats or repeats_for(len(learned), count)
    groups = None if split.group is None else _identities(frame[learned], (split.group,))
    folds = crossed(learned, outcome[learned], folds=count, repeats=repeats, seed=order.model.seed, groups=groups)
    if len(folds) < 2:
        raise Mistake("the rows cannot be divided into folds", where="model.split", remedy="say folds: 1, or name another group")
    return folds, f"candidates are judged by cross-validation of {count} folds" + (f", {repeats} times over" if repeats > 1 else "")


def _in_time(frame: pl.DataFrame, order: Order, shares: dict[str, float]) -> tuple[Parts, str]:
    if order.time is None:
        return by_order(frame.height, **shares), "split by the order of the rows, so that each part is later than the one before"
    time = raw(frame, [order.time])[order.time]
    if time.dtype == object:
        raise Mistake(f"the time column {order.time!r} holds texts", where=f"data.contract.{order.time}", remedy="give it the type date or datetime")
    parts, said = by_time(time, **shares), f"split by {order.time}, so that each part is later than the one before"
    if time.dtype.kind != "M":
        return parts, said
    return _gapped(frame, order, parts, said)


def _gapped(frame: pl.DataFrame, order: Order, parts: Parts, said: str) -> tuple[Parts, str]:
    """The parts without the rows whose outcome was not known in time, where the charter or the declaration says how late it comes."""
    assert order.time is not None
    decided = _moments(frame, order.decided or Moment(offset_s=0.0, column=order.time), "charter.decided")
    if order.model.split.gap is not None:
        known: NDArray[Any] = decided + np.timedelta64(order.model.split.gap)
        how = say_duration(order.model.split.gap)
    elif order.outcome_known is not None:
        known = _moments(frame, order.outcome_known, "charter.outcome_known")
        late = np.median((known - decided)[~np.isnat(known - decided)].astype(np.int64)) if np.any(~np.isnat(known - decided)) else 0
        how = say_duration(timedelta(seconds=float(round(late / 1e6))))
    else:
        return parts, said
    gapped = with_gap(parts, known, decided)
    left_out = len(gapped.early) + len(gapped.late)
    if not left_out:
        return gapped, said
    return gapped, f"{said}, with a gap of {how} for the outcomes to come ({left_out:,} rows lie in it)"


def _moments(frame: pl.DataFrame, moment: Moment, where: str) -> NDArray[np.datetime64]:
    values = raw(frame, [moment.column])[moment.column]
    if values.dtype.kind != "M":
        raise Mistake(f"the column {moment.column!r} holds no dates", where=where, remedy="name a column of the type date or datetime")
    return np.asarray(values + np.timedelta64(round(moment.offset_s * 1e6), "us"), dtype="datetime64[us]")


def _by_column(frame: pl.DataFrame, order: Order, column: str) -> tuple[Parts, str]:
    try:
        parts = by_column(frame[column].cast(pl.String).to_list())
    except Mistake as error:
        raise Mistake(error.what, where=f"model.split.column: {column}", remedy=error.remedy) from None
    if (order.time is not None or order.ordered) and not len(parts.validation):
        cut = round(len(parts.train) * (1 - order.model.split.validation))
        train = parts.train if order.time is None else parts.train[np.argsort(raw(frame[parts.train], [order.time])[order.time], kind="stable")]
        parts = Parts(train[:cut], train[cut:], parts.test)
    return parts, f"split as the column {column} says"


def _identities(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """A text for each row that stays the same whatever rows are added."""
    columns = [pl.col(name).cast(pl.String).fill_null("") for name in names]
    return frame.select(pl.concat_str(columns, separator="\x1f").alias("identity"))["identity"].to_list()
