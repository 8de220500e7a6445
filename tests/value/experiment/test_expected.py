"""What a variant would have earned on logged rows: exact where both decisions' outcomes are known, by chance where it split, else bounds."""

from __future__ import annotations

from pathlib import Path
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
