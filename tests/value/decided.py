"""Decisions with known outcomes: scores that are true probabilities, over twenty days, decided by a threshold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.watch.decisions import Decisions, of_frame
from loopline.watch.windows import Yardstick

T0 = datetime(2024, 1, 1, tzinfo=UTC)
PRICES = WorthSpec.model_validate({"currency": "EUR", "act_right": 10, "act_wrong": -10})


def decided(
    rows: int = 2000,
    *,
    seed: int = 1,
    threshold: float = 0.5,
    prices: WorthSpec = PRICES,
    sees_all: bool = True,
    days: float = 20.0,
    calibrated: bool = True,
    timeless: bool = False,
) -> Decisions:
    """Decisions of a threshold; where not all is seen, the rows that were rested on have no outcome."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    happened = rng.random(rows) < (score if calibrated else score**2)
    acted = score >= threshold
    outcome: list[Any] = [None if not sees_all and not act else "yes" if it else "no" for act, it in zip(acted, happened, strict=True)]
    frame = pl.DataFrame(
        {
            "when": [T0 + timedelta(days=days * row / rows) for row in range(rows)],
            "decision": np.where(acted, "act", "rest"),
            "score": score,
            "outcome": pl.Series(outcome, dtype=pl.String),
            "row": pl.DataFrame({"place": rng.choice(["east", "west"], rows), "fare": rng.uniform(1, 100, rows), "late": score}).to_struct(),
        }
    )
    yardstick = Yardstick(package="p", task="binary", classes=("no", "yes"), positive="yes", features=(), worth=Worth.of(prices, "binary"), without_model=False)
    made = of_frame(frame, yardstick)
    return made if not timeless else _without_time(made)


def _without_time(made: Decisions) -> Decisions:
    return replace(made, time=np.full(len(made), np.datetime64("NaT"), dtype="datetime64[us]"))
