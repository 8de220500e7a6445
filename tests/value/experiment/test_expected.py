"""What a variant would have earned on logged rows: exact where both decisions' outcomes are known, by chance where it split, else bounds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.value.experiment.expected import expected
from loopline.value.logged import Logged, Measured, read
from tests.value.experiment.test_results import served, versions
from tests.watch.shop import CHARTER, Crowd, Shop

EAGER, STRICT = ({"kind": "threshold", "threshold": threshold} for threshold in (0.2, 0.8))
ROWS = 4000


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def logged(shop: Shop, crowd: Crowd, **more: Any) -> tuple[Measured, Logged]:
    served(shop, crowd, day=0, **more)
    measured = Measured.of(load(shop.blobs, shop.package, Trust.of(shop.ledger)), CHARTER.worth)
    return measured, read(shop.tables, versions(shop), measured)


def truth(crowd: Crowd, threshold: float) -> float:
    money = np.where(crowd.happened, 10.0, -10.0)
    return float((money * ((crowd.score >= threshold).astype(int) - (crowd.score >= 0.5))).mean())


def test_where_outcomes_are_always_seen_it_is_exact(shop: Shop) -> None:
    crowd = Crowd.of(ROWS, seed=1)
    measured, rows = logged(shop, crowd)
    for policy in (EAGER, STRICT):
        found = expected(measured, rows, policy, always=True, confidence=0.95)
        assert found.method == "direct" and found.value == pytest.approx(truth(crowd, policy["threshold"]))


def test_where_they_hide_a_stricter_variant_is_exact_and_a_more_eager_one_is_bounded(shop: Shop) -> None:
    crowd = Crowd.of(ROWS, seed=2)
    measured, rows = logged(shop, crowd, known=crowd.score >= 0.5)
    strict = expected(measured, rows, STRICT, always=False, confidence=0.95)
    assert strict.method == "direct" and strict.value == pytest.approx(truth(crowd, 0.8))
    eager = expected(measured, rows, EAGER, always=False, confidence=0.95)
    assert eager.method == "bound" and eager.low is not None and eager.high is not None
    assert eager.low < truth(crowd, 0.2) < eager.high


def test_what_an_experiment_s_arm_decided_is_not_what_the_policy_would_have(shop: Shop) -> None:
    """Half of the rows were decided by the very variant: taken for the policy's own, they would show only half of the difference."""
    crowd = Crowd.of(ROWS, seed=3)
    eager = np.arange(ROWS) % 2 == 0
    columns = {"arm": np.where(eager, "eager", "control"), "decision": np.where(crowd.score >= np.where(eager, 0.2, 0.5), "act", "rest")}
    measured, rows = logged(shop, crowd, **columns)
    found = expected(measured, rows, EAGER, always=True, confidence=0.95)
    money = np.where(crowd.happened, 10.0, -10.0) * ((crowd.score >= 0.2).astype(int) - (crowd.score >= 0.5))
    assert found.value == pytest.approx(money[~eager].mean()) and found.rows == ROWS / 2


@pytest.mark.parametrize("share", [0.2, 0.0])
def test_while_outcomes_are_pending_what_has_come_stands_for_what_has_not(share: float) -> None:
    """Half of the outcomes of what was acted on have come: of 30 projects, the interval of 90 % leaves the truth out in few."""
    outside = {0.8: 0, 0.2: 0}
    misses: dict[float, list[float]] = {0.8: [], 0.2: []}
    for seed in range(30):
        rows, gain = world(seed, share=share, come=0.5)
        for threshold in outside:
            truth = float((gain * ((rows.scores >= threshold).astype(int) - (rows.scores >= 0.5))).mean())
            found = expected(World(), rows, {"kind": "threshold", "threshold": threshold}, always=False, confidence=0.9)  # type: ignore[arg-type]
            assert found.low is not None and found.high is not None
            outside[threshold] += not found.low <= truth <= found.high
            misses[threshold] += [] if found.value is None else [found.value - truth]
    assert max(outside.values()) <= 7
    assert all(abs(np.mean(missed)) < 0.15 for missed in misses.values() if missed)


class World:
    """What decisions are measured with where a right action earns 10, a wrong one loses as much, and the score is the chance."""

    gauge = SimpleNamespace(yardstick=SimpleNamespace(positive="yes"))

    def decide(self, policy: Any, rows: Logged) -> np.ndarray:
        return np.where(rows.scores >= policy["threshold"], "act", "rest").astype(object)

    def of_resting(self, rows: Logged) -> np.ndarray:
        return np.zeros(len(rows))

    def of_acting(self, rows: Logged, *, happens: bool) -> np.ndarray:
        return np.full(len(rows), 10.0 if happens else -10.0)


def world(seed: int, *, share: float, come: float) -> tuple[Logged, np.ndarray]:
    """Rows of which a share is acted on by chance, and of whose outcomes so many have come; and what acting on each would earn."""
    rng = np.random.default_rng(seed)
    score = rng.random(ROWS)
    happened, held, own = rng.random(ROWS) < score, rng.random(ROWS) < share, score >= 0.5
    taken = held | own
    known, gain = taken & (rng.random(ROWS) < come), np.where(happened, 10.0, -10.0)
    said = {True: "act", False: "rest"}
    made = Logged(
        id=np.arange(ROWS),
        unit=np.arange(ROWS),
        when=np.full(ROWS, np.datetime64("2024-01-01", "us")),
        decision=np.array([said[one] for one in taken.tolist()], dtype=object),
        own=np.array([said[one] for one in own.tolist()], dtype=object),
        split=np.full(ROWS, share > 0),
        held=held,
        arm=np.full(ROWS, None),
        scores=score,
        known=known,
        outcome=np.where(known, np.where(happened, "yes", "no"), None),
        money=np.where(known, gain, np.nan),
        ms=np.zeros(ROWS),
        columns={},
    )
    return made, gain


def test_where_chance_acted_on_a_share_a_more_eager_variant_is_told_too(shop: Shop) -> None:
    misses = []
    for seed in range(4):
        crowd, rng = Crowd.of(ROWS, seed=seed), np.random.default_rng(seed)
        held = rng.random(ROWS) < 0.2
        own = crowd.score >= 0.5
        acts = own | held
        columns: dict[str, Any] = {
            "holdout": held,
            "instead_of": [("act" if one else "rest") if is_held else None for one, is_held in zip(own, held, strict=True)],
            "decision": np.where(acts, "act", "rest"),
        }
        measured, rows = logged(Shop(shop.folder / str(seed)), crowd, known=acts, **columns)
        found = expected(measured, rows, EAGER, always=False, confidence=0.99)
        assert found.method == "doubly_robust" and found.low is not None and found.high is not None and found.value is not None
        assert found.low < truth(crowd, 0.2) < found.high
        misses.append(found.value - truth(crowd, 0.2))
    assert abs(np.mean(misses)) < 0.15
