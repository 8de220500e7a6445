"""Two tables side by side: what has changed is told, what has not is not, however the columns are typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.bench_drift import loans
from loopline.errors import Mistake
from loopline.watch.compare import compare


def people(rows: int, *, seed: int, moved: float = 0.0, fewer: float = 0.0) -> pl.LazyFrame:
    rng = np.random.default_rng(seed)
    return pl.LazyFrame(
        {
            "age": np.where(rng.random(rows) < fewer, np.nan, rng.normal(40 + 10 * moved, 10, rows)),
            "born": pl.Series(rng.integers(0, 20_000, rows)).cast(pl.Date),
            "city": rng.choice(["Oslo", "Bergen", "Tromsø"], rows, p=[0.5 - moved / 10, 0.3, 0.2 + moved / 10]),
            "member": rng.random(rows) < 0.4,
            "note": pl.Series([None] * rows, dtype=pl.String),
        }
    )


def test_a_table_and_another_of_the_same_world_are_alike() -> None:
    found = compare(people(5000, seed=1), people(3000, seed=2))
    assert {column.name for column in found} == {"age", "born", "city", "member", "note"}
    assert not any(column.has_drifted for column in found)


def test_what_has_changed_comes_first_and_says_how_many_are_null() -> None:
    first, *rest = compare(people(5000, seed=1), people(3000, seed=2, moved=1.0, fewer=0.2))
    assert (first.name, first.has_drifted) == ("age", True)
    assert first.nulls[0] == 0 and first.nulls[1] == pytest.approx(0.2, abs=0.03)
    assert [column.name for column in rest if column.has_drifted] == ["city"]


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_a_table_compared_with_itself_has_not_drifted(seed: int) -> None:
    one = people(200, seed=seed)
    assert all(column.distance == pytest.approx(0, abs=1e-7) and not column.has_drifted for column in compare(one, one))


def test_a_reference_whose_own_spans_vary_is_given_wider_limits() -> None:
    rng = np.random.default_rng(3)
    steady = rng.normal(size=20_000)
    restless = steady + np.repeat(rng.normal(size=40), 500)
    limit = {
        name: compare(pl.LazyFrame({"x": values}), pl.LazyFrame({"x": values[:500]}))[0].limit for name, values in (("steady", steady), ("restless", restless))
    }
    assert limit["restless"] > 2 * limit["steady"]


def test_what_cannot_be_compared_is_a_mistake() -> None:
    one = people(100, seed=1)
    with pytest.raises(Mistake, match="'height' is not in both"):
        compare(one, one, columns=["height"])
    with pytest.raises(Mistake, match="no column in common"):
        compare(one.select("age"), one.select("city"))
    with pytest.raises(Mistake, match="fewer than 30 rows"):
        compare(one, people(3, seed=1))


def test_car_loan_is_quiet_before_row_25_000_and_every_changed_feature_is_found_after(shared_data: Path) -> None:
    folder = shared_data / "car_loan"
    if not folder.is_dir():
        pytest.skip(f"there is no folder {folder}")
    before, after = loans(folder)
    assert before <= 1
    assert after == 20
