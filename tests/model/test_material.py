"""The main table as what there is to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.model.material import Material, Order, prepare
from tests.model.studies import Study, table


def material(folder: Path, frame: pl.DataFrame, task: str = "binary", **more: Any) -> Material:
    study = Study(folder, frame, task, **more)
    workspace = study.workspace
    with workspace.ledger:
        step = study.step(workspace)
    order = Order.of(step.reads, step.inputs)
    return prepare(frame.select(order.read_columns()), order)


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
