"""The study: how long it takes, and whether its intervals hold the truth as often as they say, on problems that are made up and whose truth is known."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.draws import DRAWS, REACH
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.charter.study import studied
from loopline.model.alternatives import side_by_side
from loopline.model.material import Material, prepare
from loopline.model.order import Order
from loopline.model.sounding import blocks_of, ways

PROBLEMS = 500
FRESH_DAYS = 2000
"""Days of new rows on which the truth of a made-up problem is taken."""
_AT_STAKE = {"do_nothing": 0.0, "perfect": 1.0, "break_even": None}
_BOOK = Prices.model_validate({"people": "55..70 per hour", "machine": "0.10 per hour"})


def rows() -> Iterator[dict[str, Any]]:
    """Seconds, and the share of problems whose interval of nine in ten holds the true yearly worth."""
    yield _seconds()
    yield from _share("people state the ranges", [_stated(np.random.default_rng(seed)) for seed in range(PROBLEMS)])
    yield from _share("a quick model is measured on data", [_measured(np.random.default_rng(seed)) for seed in range(PROBLEMS)])


def _row(name: str, value: float, unit: str, goal: str | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": None, "ratio": None, "goal": goal}


def _share(how: str, held: list[bool]) -> Iterator[dict[str, Any]]:
    share = float(np.mean(held))
    said = f"study: of {len(held)} problems where {how}, the interval of nine in ten holds the true yearly worth"
    yield _row(said, share, "", ">= 0.85")
    yield _row("  the same, from above", share, "", "<= 0.95")


def _seconds() -> dict[str, Any]:
    charter = _charter("700..1100 per day", "100..180", "-70..-50", "20%..30%", "30%..60%", "10%..40%", today=True).model_copy(update={"predict": "y"})
    sounding = _sounding(_days(np.random.default_rng(1), 60, {"slopes": np.array([2.0, 0.0, 0.0]), "base": -1.0, "per_day": 40, "scatter": 0.1}), charter)[0]
    known: dict[str, Any] = {"task": None, "outcome": _AT_STAKE, "sounding": sounding, "book": _BOOK}
    studied(charter, **known)
    since = time.perf_counter()
    facts = studied(charter, **known)
    took, count = time.perf_counter() - since, len(facts["study"]["alternatives"])
    return _row(f"study: {DRAWS:,} draws over {count} alternatives and {len(facts['study']['assumptions'])} assumptions", took, "s", "<= 2")


def _charter(volume: str, right: str, wrong: str, happens: str, precision: str, recall: str, *, today: bool = False) -> CharterSpec:
    study: dict[str, Any] = {"happens": happens, "expects": {"precision": precision, "recall": recall}}
    study["effort"] = {"build": "200..400 hours", "run": "5..10 hours per month"}
    if today:
        study["today"] = {"precision": "30%..40%", "recall": "10%..20%"}
    said = {"predict": "late", "task": "binary", "volume": volume, "worth": {"currency": "USD", "act_right": right, "act_wrong": wrong}}
    return CharterSpec.model_validate({**said, "study": study, "prices": "prices.yaml"})


def _stated(rng: np.random.Generator) -> bool:
    """Somebody whose ranges hold nine truths in ten states a problem, off on the scale of ratios and odds, not on that of the study."""
    happens, precision, recall = rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.8)
    volume, right, wrong = rng.uniform(100, 5000), rng.uniform(20, 300), -rng.uniform(5, 100)
    said = [_range(rng, value, is_share=at < 3) for at, value in enumerate((happens, precision, recall, volume, right, -wrong))]
    lower, upper = said[5].split("..")
    charter = _charter(f"{said[3]} per year", said[4], f"-{upper}..-{lower}", *said[:3])
    found = studied(charter, task=None, outcome=None, sounding=None, book=_BOOK)["study"]
    model = next(one for one in found["alternatives"] if one["name"] == "model")["per_year"]
    acted_wrongly = min(happens * recall * (1 - precision) / precision, 1 - happens)
    truth = volume * (happens * recall * right + acted_wrongly * wrong)
    return bool(model["low"] <= truth <= model["high"])


def _range(rng: np.random.Generator, truth: float, *, is_share: bool) -> str:
    """A range about the truth as somebody sees it who is off by chance, and knows by how much."""
    spread, off = rng.uniform(0.02, 0.35), rng.standard_normal()
    scale = np.log(truth / (1 - truth)) if is_share else np.log(truth)
    ends = scale + spread * (off + np.array([-REACH, REACH]))
    low, high = 1 / (1 + np.exp(-ends)) if is_share else np.exp(ends)
    return f"{low:.6f}..{high:.6f}"


def _measured(rng: np.random.Generator) -> bool:
    """A sounding of some weeks tells how good a model is, whose days have something in common; the truth is what it earns on years of other days."""
    volume, right, wrong = rng.uniform(100, 5000), rng.uniform(20, 300), -rng.uniform(10, 100)
    said = [_range(rng, value, is_share=False) for value in (volume, right)]
    world = {"slopes": rng.normal(size=3), "base": rng.uniform(-2, 0.5), "per_day": int(rng.integers(10, 60)), "scatter": rng.uniform(0, 0.5)}
    known, fresh = _days(rng, int(rng.integers(60, 120)), world), _days(rng, FRESH_DAYS, world)
    charter = CharterSpec.model_validate(
        {"predict": "y", "task": "binary", "volume": f"{said[0]} per year", "worth": {"currency": "USD", "act_right": said[1], "act_wrong": wrong}}
    )
    facts, material = _sounding(known, charter)
    study = studied(charter, task="binary", outcome=_AT_STAKE, sounding=facts, book=None)["study"]
    model = next(one for one in study["alternatives"] if one["name"] == "model")["per_year"]
    acted = _acted(material, fresh)
    truth = volume * float(np.mean(np.where(acted, np.where(fresh["y"].to_numpy() == "yes", right, wrong), 0.0)))
    return bool(model["low"] <= truth <= model["high"])


def _sounding(frame: pl.DataFrame, charter: CharterSpec) -> tuple[dict[str, Any], Material]:
    """What rows tell of each way to decide, and the material that they were told from."""
    order = _order(frame, charter)
    material = prepare(frame, order)
    rows, blocks = material.parts.test, blocks_of(material)
    measured = side_by_side(order.judge, material.part(rows), list(ways(material, {}, Path())), blocks, in_order=True)
    return {"judged": len(rows), "blocks": len(np.unique(blocks)), **measured}, material


def _acted(material: Material, fresh: pl.DataFrame) -> np.ndarray[Any, Any]:
    """What the same model decides on other rows."""
    count = len(material.outcome)
    outcome = np.concatenate([material.outcome, fresh["y"].to_numpy() == "yes"])
    parts = replace(material.parts, test=np.arange(count, count + fresh.height))
    later = replace(material, frame=pl.concat([material.frame, fresh]), outcome=outcome, parts=parts)
    return next(way.decision for way in ways(later, {}, Path()) if way.name == "model")


def _days(rng: np.random.Generator, days: int, world: Mapping[str, Any]) -> pl.DataFrame:
    """So many days of rows; what a day's rows share is in no column."""
    count = days * world["per_day"]
    columns = rng.normal(size=(count, 3))
    day = np.arange(count) // world["per_day"]
    drive = world["base"] + columns @ world["slopes"] + rng.normal(scale=world["scatter"], size=days)[day]
    happens = rng.random(count) < 1 / (1 + np.exp(-drive))
    began = datetime(2020, 1, 1)
    return pl.DataFrame(
        {
            "at": [began + timedelta(days=int(one), seconds=at % world["per_day"]) for at, one in enumerate(day)],
            **{f"x{at}": columns[:, at] for at in range(3)},
            "y": np.where(happens, "yes", "no"),
        }
    )


def _order(frame: pl.DataFrame, charter: CharterSpec) -> Order:
    types = {"at": "datetime", "y": "category"}
    columns = [{"name": name, "type": types.get(name, "number"), "use": True} for name in frame.columns]
    reads = {"model": {}, **charter.fields("predict", "worth"), "decision": "", "slices": (), "required": ()}
    inputs = {"columns": columns, "task": "binary", "positive": "yes", "classes": ("no", "yes"), "time": "at", "key": (), "order": None}
    return Order.of(reads, inputs)
