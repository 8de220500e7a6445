"""A sample of what there is to learn from and to judge by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopline.model.sample import drawn
from tests.model.studies import material, table


@pytest.mark.parametrize(("time", "order"), [("at", None), (None, "rows"), (None, None)])
def test_its_parts_are_drawn_from_those_of_all_rows_the_same_each_time(tmp_path: Path, time: str | None, order: str | None) -> None:
    whole = material(tmp_path, table("binary"), time=time, order=order, key=("id",))
    fewer, again = (drawn(whole, learned=200, judged=50) for _ in range(2))
    assert fewer.frame.equals(again.frame)
    assert (150 <= len(fewer.learned) <= 200, len(fewer.parts.test)) == (True, 50)
    for name in ("train", "validation", "test"):
        of_all = whole.frame["id"][getattr(whole.parts, name)].to_list()
        kept = fewer.frame["id"][getattr(fewer.parts, name)].to_list()
        assert kept == [one for one in of_all if one in set(kept)], "in their order"
    assert np.array_equal(fewer.outcome, fewer.frame["y"].to_numpy() == "yes")
    assert set(fewer.judged.tolist()) <= set(fewer.learned.tolist())


def test_few_rows_are_all_taken(tmp_path: Path) -> None:
    whole = material(tmp_path, table("binary"))
    fewer = drawn(whole, learned=10_000, judged=10_000)
    assert fewer.frame.equals(whole.frame) and fewer.parts.test.tolist() == whole.parts.test.tolist()


@pytest.mark.parametrize("policy", [{"capacity": "6 per day"}, {"budget": "6 per day", "cost": 2}])
def test_a_limit_shrinks_with_the_rows_and_nobody_is_asked(tmp_path: Path, policy: dict[str, Any]) -> None:
    fewer = drawn(material(tmp_path / "limit", table("binary"), model={"policy": policy}), learned=120, judged=50)
    said = fewer.order.model.policy
    assert (said.capacity or said.budget).amount == pytest.approx(6 / 4)  # type: ignore[union-attr]
    asks = {"ask": {"at_most": "5%", "costs": 1}}
    assert drawn(material(tmp_path / "ask", table("binary"), model={"policy": asks}), learned=120, judged=50).order.model.policy.ask is None
