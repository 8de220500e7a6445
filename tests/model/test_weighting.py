"""How much rows count."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.weighting import HALF, suited, weights


@pytest.mark.parametrize("kind", ["balanced", "worth", "recent"])
def test_the_mean_weight_is_one(kind: str) -> None:
    rng = np.random.default_rng(0)
    made = weights(kind, (rng.random(500) < 0.1).astype(float), rng.random(500) * 9, is_class=True)  # type: ignore[arg-type]
    assert made is not None and made.mean() == pytest.approx(1) and (made > 0).all()


def test_balanced_classes_weigh_the_same_together() -> None:
    target = np.array([0.0] * 90 + [1.0] * 10)
    made = weights("balanced", target, np.ones(100), is_class=True)
    assert made is not None and made[target == 0].sum() == pytest.approx(made[target == 1].sum())


def test_a_row_counts_by_what_is_at_stake() -> None:
    made = weights("worth", np.zeros(3), np.array([1.0, 4.0, 0.0]), is_class=True)
    assert made is not None and made[1] == pytest.approx(4 * made[0]) and 0 < made[2] < made[0]


def test_a_row_counts_half_after_its_time() -> None:
    rows = 300
    made = weights("recent", np.zeros(rows), np.ones(rows), is_class=False)
    assert made is not None and made[-1] == pytest.approx(2 * made[-1 - round(HALF * rows)])


def test_values_are_not_balanced_and_all_means_none() -> None:
    assert weights("balanced", np.arange(5.0), np.ones(5), is_class=False) is None
    assert weights("all", np.arange(5.0), np.ones(5), is_class=False) is None
    assert weights("worth", np.zeros(5), np.zeros(5), is_class=True) is None, "where nothing is at stake all rows count the same"


def test_later_rows_count_more_where_there_is_time_and_dear_ones_where_prices_differ() -> None:
    assert suited("binary", in_time=False, priced=False) == ("all",)
    assert suited("binary", in_time=True, priced=True) == suited("regression", in_time=True, priced=True) == ("all", "recent", "worth")
    assert suited("multiclass", in_time=False, priced=True) == ("all",)
