"""The main table as what there is to learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loopline.data.spec import BATCH, LINE
from loopline.errors import Mistake
from tests.model.studies import material, table


def test_rows_whose_outcome_is_unknown_are_not_learned_from(tmp_path: Path) -> None:
    frame = table("binary").with_columns(pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise(pl.col("y")).alias("y"))
    assert material(tmp_path, frame).frame.height == 500


def test_an_infinite_outcome_is_unknown(tmp_path: Path) -> None:
    frame = table("regression").with_columns(pl.when(pl.int_range(pl.len()) < 3).then(float("inf")).otherwise(pl.col("y")).alias("y"))
    assert np.isfinite(material(tmp_path, frame, "regression").outcome).all()


@pytest.mark.parametrize(("time", "order", "words"), [("at", None, "split by at"), (None, "rows", "the order of the rows"), (None, None, "at random")])
def test_the_split_is_by_time_by_order_or_stratified(tmp_path: Path, time: str | None, order: str | None, words: str) -> None:
    made = material(tmp_path, table("binary"), time=time, order=order)
    assert words in made.split
    in_order = bool(np.all(np.diff(np.concatenate([made.parts.train, made.parts.validation, made.parts.test])) > 0))
    assert in_order == (time is not None or order is not None)
    assert np.array_equal(made.learned, np.concatenate([made.parts.train, made.parts.validation]))


@pytest.mark.parametrize("key", [("id",), ("id", "count"), ()])
def test_no_row_that_was_learned_from_is_tested_on_after_rows_are_added(tmp_path: Path, key: tuple[str, ...]) -> None:
    lines = pl.int_range(pl.len(), dtype=pl.Int64)
    every = table("binary", 900).with_columns((lines // 300).cast(pl.String).alias(BATCH), (lines % 300).alias(LINE))
    columns = [BATCH, LINE] if not key else []
    every = every.drop(set((BATCH, LINE)) - set(columns))
    before, after = (material(tmp_path / str(rows), every[:rows], time=None, key=key) for rows in (600, 900))
    assert "stays in its part" in before.split and "stays in its part" in after.split
    assert not set(before.learned.tolist()) & set(after.parts.test.tolist())
    assert set(before.parts.test.tolist()) <= set(after.parts.test.tolist())


@pytest.mark.parametrize(("time", "order", "count"), [("at", None, 5), (None, "rows", 20), (None, None, 120)])
def test_rows_are_resampled_by_days_by_neighbours_or_each_alone(tmp_path: Path, time: str | None, order: str | None, count: int) -> None:
    made = material(tmp_path, table("binary"), time=time, order=order)
    assert len(set(made.blocks(made.parts.test).tolist())) == count


def test_one_outcome_in_the_training_part_is_a_mistake(tmp_path: Path) -> None:
    frame = table("binary").with_columns(pl.when(pl.int_range(pl.len()) < 400).then(pl.lit("no")).otherwise(pl.lit("yes")).alias("y"))
    with pytest.raises(Mistake, match="all 360 training rows have the same outcome.*stratified"):
        material(tmp_path, frame)


def test_a_worth_that_names_a_missing_column_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="'amount' is not in the table; there are: id, at, size"):
        material(tmp_path, table("binary"), charter={"worth": {"currency": "EUR", "act_right": "amount * 2"}})


def test_a_slice_that_names_a_missing_column_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="charter.acceptance: the column 'origin'"):
        material(tmp_path, table("binary"), charter={"acceptance": [{"id": "A", "check": "worst_slice(origin).precision > 0"}]})


def test_a_time_column_of_texts_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="the time column 'kind' holds texts.*date or datetime"):
        material(tmp_path, table("binary"), time="kind")


def test_whole_numbers_and_booleans_are_classes_by_their_text(tmp_path: Path) -> None:
    frame = table("binary").with_columns(pl.when(pl.col("y") == "yes").then(2).otherwise(1).alias("y"))
    assert material(tmp_path, frame, positive="2").outcome.sum() == (frame["y"] == 2).sum()
    flags = frame.with_columns((pl.col("y") == 2).alias("y"))
    assert material(tmp_path / "flags", flags, positive="true").outcome.sum() == (frame["y"] == 2).sum()
