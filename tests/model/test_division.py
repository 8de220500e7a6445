"""How rows are divided: by time with a gap, by group, by a column, and into folds."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.model.material import Material, prepare
from loopline.model.order import Order
from tests.model.studies import Study, table


def divided(tmp_path: Path, frame: pl.DataFrame, **declared: object) -> Material:
    """The material of a study, without a search."""
    study = Study(tmp_path, frame, "binary", **declared)  # type: ignore[arg-type]
    with study.workspace.ledger:
        step = study.step(study.workspace)
    return prepare(frame, Order.of(step.reads, step.inputs))


def test_a_later_part_is_not_judged_by_outcomes_that_were_not_known_yet(tmp_path: Path) -> None:
    made = divided(tmp_path, table("binary"), charter={"decided": "0h after at", "outcome_known": "12h after at"})
    at = made.frame["at"].to_numpy()
    for before, after in ((made.parts.train, made.parts.validation), (made.parts.validation, made.parts.test)):
        assert at[before].max() + np.timedelta64(12, "h") <= at[after].min()
    assert len(made.parts.early) == len(made.parts.late) == 11
    assert "with a gap of 12h for the outcomes to come (22 rows lie in it)" in made.split
    assert set(made.parts.early) < set(made.learned), "the last fit learns from them, for they are known by then"
    assert not set(made.parts.late) & set(made.learned)


def test_the_gap_may_be_declared_with_the_split(tmp_path: Path) -> None:
    made = divided(tmp_path, table("binary"), model={"split": {"gap": "1d"}})
    assert len(made.parts.early) == 23


def test_a_gap_that_swallows_a_part_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="the gap between the parts leaves nothing to learn from"):
        divided(tmp_path, table("binary"), model={"split": {"gap": "50w"}})


def test_rows_of_one_group_stay_in_one_part_and_one_fold(tmp_path: Path) -> None:
    frame = table("binary", rows=900).with_columns(customer=pl.int_range(pl.len()) % 150)
    made = divided(tmp_path, frame, time=None, model={"split": {"group": "customer"}})
    who = frame["customer"].to_numpy()
    parts = [set(who[rows]) for rows in (made.parts.train, made.parts.validation, made.parts.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    assert all(not set(who[fold.train]) & set(who[fold.held]) for fold in made.folds)


def test_groups_in_time_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="split by time cannot be kept together by group"):
        divided(tmp_path, table("binary"), model={"split": {"group": "kind"}})


def test_too_few_groups_are_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="the groups of 'flag' are too few"):
        divided(tmp_path, table("binary"), time=None, model={"split": {"group": "flag"}})


def test_a_column_may_say_the_parts_and_is_no_feature(tmp_path: Path) -> None:
    said = ["train"] * 400 + ["test"] * 100 + ["train"] * 100
    made = divided(tmp_path, table("binary").with_columns(part=pl.Series(said)), time=None, model={"split": {"column": "part"}})
    assert np.array_equal(made.parts.test, np.arange(400, 500))
    assert len(made.learned) == 500 and np.array_equal(np.sort(made.judged), np.sort(made.learned)), "all of them are held out in turn"
    assert "part" in made.order.apart


def test_a_strange_word_in_that_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="'hold' is no part of the rows"):
        divided(tmp_path, table("binary").with_columns(part=pl.lit("hold")), time=None, model={"split": {"column": "part"}})


def test_few_rows_without_an_order_are_judged_by_repeated_cross_validation(tmp_path: Path) -> None:
    made = divided(tmp_path, table("binary"), time=None, key=("id",))
    assert "cross-validation of 5 folds, 3 times over" in made.split
    assert len(made.folds) == 15 and np.array_equal(np.sort(made.judged), np.sort(made.learned))


def test_rows_in_time_are_judged_on_several_blocks_of_it(tmp_path: Path) -> None:
    made = divided(tmp_path, table("binary", rows=1000))
    assert [len(fold.held) for fold in made.folds] == [200, 200]
    at = made.frame["at"].to_numpy()
    assert all(at[fold.train].max() < at[fold.held].min() for fold in made.folds)


def test_moments_may_lie_in_other_columns(tmp_path: Path) -> None:
    frame = table("binary").with_columns(due=pl.Series([datetime(2026, 1, 1) + timedelta(hours=index + 30) for index in range(600)]))
    made = divided(tmp_path, frame, charter={"decided": "1h before at", "outcome_known": "2h after due"})
    assert len(made.parts.early) == 32


def test_a_moment_that_is_no_date_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="'size' holds no dates"):
        divided(tmp_path, table("binary"), charter={"decided": "1h before at", "outcome_known": "2h after size"})
