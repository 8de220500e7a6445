"""Slices that lost money: found where they are, and none found where only chance is at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.watch.decisions import Decisions, of_frame
from loopline.watch.slices import fallen
from loopline.watch.windows import Yardstick

T0 = datetime(2024, 1, 1, tzinfo=UTC)
YARDSTICK = Yardstick(
    package="p",
    task="binary",
    classes=("no", "yes"),
    positive="yes",
    features=(),
    worth=Worth.of(WorthSpec.model_validate({"currency": "EUR", "act_right": 10, "act_wrong": -10}), "binary"),
    without_model=False,
)


def decisions(rows: int, *, seed: int, day: int = 0, right: float = 0.8, bad: str | None = None, right_there: float = 0.2) -> Decisions:
    """Rows that are all acted on, over ten days; in the bad place fewer of them are right."""
    rng = np.random.default_rng(seed)
    place = rng.choice(["east", "north", "south", "west"], rows)
    happened = rng.random(rows) < np.where(place == (bad or ""), right_there, right)
    frame = pl.DataFrame(
        {
            "when": [T0 + timedelta(days=day) + timedelta(days=10) * (row / rows) for row in range(rows)],
            "decision": ["act"] * rows,
            "score": np.full(rows, 0.8),
            "outcome": np.where(happened, "yes", "no"),
            "row": pl.DataFrame({"place": place, "size": rng.normal(size=rows)}).to_struct(),
        }
    )
    return of_frame(frame, YARDSTICK)


def test_the_slice_that_lost_is_named_with_its_money() -> None:
    found = fallen(decisions(2000, seed=1), decisions(2000, seed=2, day=10, bad="west"), ["place", "size"])
    assert found.looked_at == 9
    first = found.slices[0]
    assert (first.name, first.stands_out) == ("place = west", True)
    assert first.change.value == pytest.approx(-12, abs=2)
    assert first.lost == pytest.approx(-first.change.value * first.rows)
    # The other places did not fall; those by size all hold some of the west, and fall no more than it does.
    assert not any(one.stands_out for one in found.slices[1:])
    assert not any(one.is_sure for one in found.slices if "place = " in one.name and one.name != "place = west")


def test_where_nothing_changed_looking_at_many_slices_finds_none_but_by_the_chance_that_is_allowed() -> None:
    sure = 0
    for seed in range(60):
        found = fallen(decisions(600, seed=2 * seed), decisions(600, seed=2 * seed + 1, day=10), ["place", "size"])
        sure += any(one.is_sure for one in found.slices)
    assert sure <= 6  # 1.5 are expected at 2.5 % on the side of the losses


def test_slices_with_few_rows_and_columns_that_are_not_there_are_not_looked_at() -> None:
    found = fallen(decisions(40, seed=1), decisions(40, seed=2, bad="west"), ["place", "nothing"])
    assert (found.slices, found.looked_at) == ((), 0)
