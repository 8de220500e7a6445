"""Estimates before outcomes come: how near they are to what came true, beside NannyML's, and how long they take."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from bench.car_loan import CHUNK, FOLDER, SPAN, CarLoan, is_there
from loopline.charter.spec import WorthSpec
from loopline.watch.estimate import Reference, estimates
from loopline.watch.windows import windows

PUBLISHED = {"roc_auc": (0.0021, 0.0067), "accuracy": (0.0031, 0.0151)}
"""NannyML 0.13.1's confidence-based estimation on the same chunks, and assuming no change, as measured on this machine."""

PUBLISHED_PRICES = WorthSpec(currency="EUR", act_right=50, act_wrong=-10, miss=-50, rest=5)
"""Those of the business value in NannyML's documentation, whose own estimate is 0.17 times as far off as assuming no change."""

MILLION = 1_000_000


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    if not is_there(FOLDER):
        print("estimate: car_loan is not there, the bench is left out", file=sys.stderr)
        return
    data = CarLoan.of(FOLDER)
    off = errors(data)
    for name, (peer, unchanged) in PUBLISHED.items():
        told = f"estimate: {name} of car_loan by chunks of {CHUNK:,}, mean absolute error"
        yield _row(f"{told}, beside NannyML's", off[name], "", baseline=peer, goal="<= 1")
        yield _row(f"{told}, beside assuming no change", off[name], "", baseline=unchanged, goal="<= 1")
    yield _row("estimate: worth of car_loan, mean absolute error, beside assuming no change", off["worth"], "EUR", baseline=off["unchanged"], goal="<= 1")
    off = errors(CarLoan.of(FOLDER, PUBLISHED_PRICES))
    told = "estimate: worth of car_loan at NannyML's published prices, mean absolute error, beside assuming no change"
    yield _row(told, off["worth"], "EUR", baseline=off["unchanged"], goal="<= 1")
    yield _row("estimate: test part of 50,000 rows made ready", _ready_s(data), "s", goal="<= 2")
    yield _row(f"estimate: {MILLION:,} rows in windows of {10 * CHUNK:,}, 7 features", _million_s(data), "s", goal="<= 5")


def errors(data: CarLoan) -> Mapping[str, float]:
    """The mean absolute error of each metric's estimates over the chunks, and of assuming the test part's worth under ``unchanged``."""
    made = windows(data.analysis, data.yardstick, span=SPAN)
    told = dict(estimates(data.analysis.drop("outcome"), made, Reference.of(data.reference, data.yardstick), span=SPAN))
    before = sum(window.earned.money.total for window in windows(data.reference, data.yardstick, span=SPAN)) / data.reference.height
    off: dict[str, list[float]] = {"unchanged": []}
    for window in made:
        true = {**window.metrics, "worth": window.earned.money.mean}
        off["unchanged"].append(abs(before - float(true["worth"] or 0.0)))
        for name, figure in told[window.start].figures.items():
            off.setdefault(name, []).append(abs(figure.value - float(true[name] or 0.0)))
    return {name: float(np.mean(values)) for name, values in off.items()}


def _ready_s(data: CarLoan) -> float:
    since = time.process_time()
    Reference.of(data.reference, data.yardstick)
    return time.process_time() - since


def _million_s(data: CarLoan) -> float:
    many = pl.concat([data.analysis.with_columns(when=pl.col("when") + timedelta(days=10 * again)) for again in range(MILLION // data.analysis.height)])
    span, reference = 10 * SPAN, Reference.of(data.reference, data.yardstick)
    made = windows(many, data.yardstick, span=span)
    since = time.process_time()
    assert len(dict(estimates(many, made, reference, span=span))) == len(made)
    return time.process_time() - since


def _row(name: str, value: float, unit: str, *, goal: str, baseline: float | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": None if baseline is None else value / baseline, "goal": goal}
