"""The study: how long it takes, and whether its intervals hold the truth as often as they say, on problems that are made up and whose truth is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from loopline.charter.draws import DRAWS
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.charter.study import studied

PROBLEMS = 500
_END = 1.6448536269514722
_BOOK = Prices.model_validate({"people": "55..70 per hour", "machine": "0.10 per hour"})


def rows() -> Iterator[dict[str, Any]]:
    """Seconds, and the share of problems whose interval of nine in ten holds the true yearly worth."""
    yield _seconds()
    yield from _share("people state the ranges", [_stated(np.random.default_rng(seed)) for seed in range(PROBLEMS)])


def _row(name: str, value: float, unit: str, goal: str | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": None, "ratio": None, "goal": goal}


def _share(how: str, held: list[bool]) -> Iterator[dict[str, Any]]:
    share = float(np.mean(held))
    said = f"study: of {len(held)} problems where {how}, the interval of nine in ten holds the true yearly worth"
    yield _row(said, share, "", ">= 0.85")
    yield _row("  the same, from above", share, "", "<= 0.95")


def _seconds() -> dict[str, Any]:
    charter = _charter("700..1100 per day", "100..180", "-70..-50", "20%..30%", "30%..60%", "10%..40%", today=True)
    studied(charter, task=None, outcome=None, sounding=None, book=_BOOK)
    since = time.perf_counter()
    facts = studied(charter, task=None, outcome=None, sounding=None, book=_BOOK)
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
    ends = scale + spread * (off + np.array([-_END, _END]))
    low, high = 1 / (1 + np.exp(-ends)) if is_share else np.exp(ends)
    return f"{low:.6f}..{high:.6f}"
