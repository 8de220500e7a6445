"""A made-up case of each task: a scorer that is wrong in a known slice, over rows of known days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.model.assessment.case import Case, Lessons, Seen
from loopline.model.blocks import by_time
from loopline.model.evaluate import Judged

CLASSES: dict[str, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
PRICES = {"binary": {"act_right": 10, "act_wrong": -6}, "multiclass": {"right": 3, "wrong": -2}, "regression": {"over": -1, "under": -1}}


def columns(rows: int, *, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Raw columns; `size` drives the outcome, and `noise` nothing."""
    rng = np.random.default_rng(seed)
    size = np.where(rng.random(rows) < 0.05, np.nan, rng.normal(size=rows))
    origin = rng.choice(np.array(["JFK", "LGA", "EWR", None], dtype=object), rows, p=[0.3, 0.3, 0.35, 0.05])
    return {
        "size": size,
        "origin": origin,
        "hour": rng.integers(0, 24, rows).astype(float),
        "flag": rng.integers(0, 2, rows).astype(float),
        "noise": rng.normal(size=rows),
    }


def drive(raw: Any) -> NDArray[np.float64]:
    """What the scorer knows: the size, and nothing of a morning at JFK."""
    return 1.5 * np.nan_to_num(np.asarray(raw["size"], dtype=np.float64))


def scores(task: str, driven: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores in the shape of the task."""
    chance = 1 / (1 + np.exp(-driven))
    if task == "multiclass":
        return np.stack([(1 - chance) ** 2, 2 * chance * (1 - chance), chance**2], axis=1)
    return driven if task == "regression" else chance


def seen(task: Task, rows: int, *, seed: int = 0, start: str = "2026-01-01", bad: float = 2.0) -> tuple[Seen, Worth]:
    """Rows of half a year; in the mornings at JFK the outcome is driven the other way."""
    raw, rng = columns(rows, seed=seed), np.random.default_rng(seed + 1)
    true = drive(raw)
    true = np.where((raw["origin"] == "JFK") & (raw["hour"] <= 8), true - bad * np.sign(true), true)
    if task == "binary":
        outcome: NDArray[Any] = rng.random(rows) < 1 / (1 + np.exp(-true))
    elif task == "multiclass":
        drawn = rng.random(rows)[:, None] > np.cumsum(scores(task, true), axis=1)
        outcome = np.array(CLASSES[task], dtype=object)[drawn[:, :2].sum(axis=1)]
    else:
        outcome = true + rng.normal(scale=0.5, size=rows)
    time = np.datetime64(start, "us") + (np.arange(rows) * (180 * 86_400_000_000 // rows)).astype("timedelta64[us]")
    worth = Worth.of(WorthSpec(currency="USD", **PRICES[task]), task)
    score = scores(task, drive(raw))
    decision = decide(task, score)
    return Seen(Judged(task, CLASSES[task], outcome, decision, score, worth.per_row(decision, outcome, raw), raw), by_time(time), time), worth


def decide(task: str, score: NDArray[np.float64]) -> NDArray[Any]:
    """Decisions by the break-even, by the most likely class, or the value."""
    if task == "multiclass":
        return np.array(CLASSES[task], dtype=object)[score.argmax(axis=1)]
    return score >= 0.375 if task == "binary" else score


def case(task: Task, rows: int = 2000, *, refits: bool = False, bad: float = 2.0) -> Case:
    """A case with all that an assessment can look at."""
    test, worth = seen(task, rows, bad=bad)
    held, _ = seen(task, rows, seed=7, start="2025-07-04")
    judged = test.judged
    made = Case(
        test=test,
        validation=held,
        decide=lambda score, raw: decide(task, score),
        earn=worth.per_row,
        perfect=worth.perfect(judged.outcome, judged.columns),
        unaided=worth.without_model(judged.outcome, judged.columns),
        rule="never act",
        currency="USD",
        volume_per_year=10_000,
        fairness=("origin", "hour"),
        score=lambda raw: scores(task, drive(raw)),
    )
    return replace(made, refit=lambda seed: blurred(task, judged, 0.2, seed), lessons=lessons(task, held)) if refits else made


def blurred(task: str, judged: Judged, scale: float, seed: int) -> NDArray[np.float64]:
    """The scores of a fit that is off by some noise."""
    return scores(task, drive(judged.columns) + np.random.default_rng(seed).normal(scale=scale, size=len(judged)))


def lessons(task: str, held: Seen, *, rows: int = 4000) -> Lessons:
    """Fits that are the less off the more rows they see."""
    return Lessons(rows, lambda places, seed: blurred(task, held.judged, 60 / len(places) ** 0.5, seed), held)
