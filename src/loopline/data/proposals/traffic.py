"""What the data say of the numbers that a charter supposes: how many cases come, how often it happens, how far values lie apart; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binomtest

from loopline.charter.ranges import SURE, Ranged
from loopline.data.contract.contract import Terms, check
from loopline.data.outcome import Target, labels
from loopline.data.proposals.infer import Draft

_YEAR = 12
_MONTHS = 3
"""Whole months from which on they tell a range."""
_LEAST = 30
"""Known outcomes that a month's share must rest on."""
_DAYS_PER_MONTH = 30.4375
_OFF = 0.1
"""By which share of it the middle of a range may be off."""


@dataclass(frozen=True)
class Traffic:
    """What was counted, as a charter says it; what the data do not tell is not in it.

    Parameters
    ----------
    said
        ``volume``, and ``happens`` (of two classes) or ``spread`` (of numbers), each as a number or as a range over the months; ``constant`` is the error
        that the same number for every case would make.
    shares
        How often each class comes, where there are classes.
    span
        From the first row to the last; None without a time.
    """

    said: Mapping[str, str]
    shares: Mapping[str, float]
    span: timedelta | None


def traffic(batch: pl.DataFrame, draft: Draft, *, positive: str | None = None, nulls: Sequence[str] = ()) -> Traffic:
    """What is counted in the rows that the contract accepts.

    Parameters
    ----------
    batch
        The rows from which the draft was made.
    positive
        The class that is counted, where it is not the draft's.
    """
    target = draft.target
    names = [target.name, *([draft.time] if draft.time else [])]
    rows = check(batch.select(names), Terms({name: draft.columns[name] for name in names}, nulls=nulls)).accepted
    values = rows[target.name]
    known = labels(values) if target.classes else values.cast(pl.Float64)
    shares = {str(label): count / (len(known) - known.null_count()) for label, count in known.drop_nulls().value_counts(name="count").iter_rows()}
    frame = pl.DataFrame({"value": known, **({"at": rows[draft.time].cast(pl.Datetime("us"))} if draft.time else {})})
    outcome = _share(frame, positive or target.positive) if target.task == "binary" else _spread(frame) if target.task == "regression" else {}
    return Traffic({**_volume(frame), **outcome}, shares if target.classes else {}, _span(frame))


def class_to_act_on(target: Target, shares: Mapping[str, float], *, turned: bool, usual: bool) -> str | None:
    """The class that acting is right for.

    Parameters
    ----------
    turned
        Whether a plain yes is what acting is wrong for.
    usual
        Whether, without a plain yes and no, it is the more frequent class.
    """
    if target.task != "binary" or target.positive is None:
        return target.positive
    (other,) = set(target.classes) - {target.positive}
    if target.says_yes:
        return other if turned else target.positive
    return max((target.positive, other), key=lambda label: shares.get(label, 0.0)) if usual else target.positive


def _span(frame: pl.DataFrame) -> timedelta | None:
    if "at" not in frame.columns or not frame.height:
        return None
    first, last = frame["at"].min(), frame["at"].max()
    return last - first  # type: ignore[operator,return-value]


def _whole_months(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows of each month but the first and the last, which may be cut off."""
    if "at" not in frame.columns:
        return []
    return frame.with_columns(month=pl.col("at").dt.truncate("1mo")).sort("month").partition_by("month", maintain_order=True)[1:-1]


def _volume(frame: pl.DataFrame) -> dict[str, str]:
    span = _span(frame)
    if not span:
        return {}
    months = _whole_months(frame)
    if len(months) >= _MONTHS:
        rows, days = _by_month(months)
        per_day = (rows / days).tolist()
        # Whole years have each season as often as the others.
        since = len(rows) % _YEAR if len(rows) >= _YEAR else 0
        middle = float(rows[since:].sum() / days[since:].sum())
    else:
        # Both the first and the last day count, as they do where dates have no hours.
        dates = frame["at"].dt.date().cast(pl.Int32).to_numpy()
        middle = frame.height / float(dates.max() - dates.min() + 1)
        per_day = [middle]
    per, factor = ("day", 1.0) if min(per_day) >= 1 else ("month", _DAYS_PER_MONTH)
    return {"volume": f"{_range([rate * factor for rate in per_day], middle=middle * factor)} per {per}"}


def _by_month(months: Sequence[pl.DataFrame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rows and the days of every month from the first to the last, those between them in which nothing came with none."""
    first, last = (months[at]["month"].dt.date()[0] for at in (0, -1))
    every = pl.date_range(first, last, "1mo", eager=True)
    came = {part["month"].dt.date()[0]: part.height for part in months}
    rows = np.array([came.get(month, 0) for month in every], dtype=np.float64)
    return rows, every.dt.days_in_month().to_numpy().astype(np.float64)


def _share(frame: pl.DataFrame, positive: str | None) -> dict[str, str]:
    yes = frame.drop_nulls("value").with_columns(yes=pl.col("value") == positive)
    months = [part for part in _whole_months(yes) if part.height >= _LEAST]
    if len(months) >= _MONTHS:
        return {"happens": _range([100 * float(np.mean(part["yes"].to_numpy())) for part in months], unit="%")}
    interval = binomtest(int(yes["yes"].sum()), yes.height).proportion_ci(SURE, method="wilson")
    return {"happens": _range([100 * interval.low, 100 * interval.high], unit="%", whole=True)}


def _spread(frame: pl.DataFrame) -> dict[str, str]:
    known = frame.drop_nulls("value")
    parts = [part for part in _whole_months(known) if part.height >= _LEAST]
    found = [_distance(part["value"]) for part in (parts if len(parts) >= _MONTHS else [known])]
    return {"spread": _range(found), "constant": _short(_distance(known["value"]))}


def _distance(values: pl.Series) -> float:
    numbers = values.to_numpy()
    return float(np.mean(np.abs(numbers - np.median(numbers))))


def _range(found: Sequence[float], *, unit: str = "", whole: bool = False, middle: float | None = None) -> str:
    """Numbers as the range that holds them nine times in ten; `whole` keeps their ends, and a `middle` is said where the ends tell quite another one."""
    edge = 0.0 if whole else (1 - SURE) / 2
    ends = [float(end) for end in np.quantile(found, [edge, 1 - edge])]
    if middle is not None and abs(Ranged.between(ends[0], ends[1]) - middle) > _OFF * middle:
        return "..".join(_short(one) for one in (min(ends[0], middle), middle, max(ends[1], middle))) + unit
    low, high = (_short(end) for end in ends)
    return f"{low}{unit}" if low == high else f"{low}{unit}..{high}{unit}"


def _short(number: float) -> str:
    return f"{float(f'{number:.3g}'):.10g}"
