"""The target against each column."""

import json

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.explore.target import MISSING, OTHERS, relations
from loopline.data.outcome import target_of

RNG = np.random.default_rng(0)
ROWS = 4000


def frame():
    x = RNG.normal(size=ROWS)
    group = RNG.choice(["a", "b", "c"], ROWS)
    late = np.where(x + (group == "a") + RNG.normal(size=ROWS) > 1, "yes", "no")
    return pl.DataFrame({"x": np.where(RNG.random(ROWS) < 0.1, np.nan, x), "group": group, "noise": RNG.normal(size=ROWS), "late": late, "cost": 3 * x})


def related(table, target, columns):
    return relations(table, target_of(table, CharterSpec(predict=target)), columns)


def test_columns_that_tell_most_come_first_with_the_shares_of_their_levels():
    table = frame()
    found = related(table, "late", ["noise", "group", "x"])
    assert [one.column for one in found.columns] == ["x", "group", "noise"]
    assert found.overall[0] == pytest.approx((table["late"] == "yes").mean())
    for one in found.columns:
        assert sum(level.rows for level in one.levels) == found.rows == ROWS
        assert sum(level.rows * level.outcomes[0] for level in one.levels) == pytest.approx(ROWS * found.overall[0])
    x = found.columns[0]
    assert x.levels[-1].says == MISSING
    shares = [level.outcomes[0] for level in x.levels[:-1]]
    assert shares == sorted(shares)
    assert {level.says for level in found.columns[1].levels} == {"a", "b", "c"}
    json.dumps(found.to_json(), allow_nan=False)


def test_a_number_is_told_by_its_means():
    table = frame().with_columns(cost=pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise("cost"))
    found = related(table, "cost", ["x", "group"])
    assert found.rows == ROWS - 100, "rows whose outcome is not known say nothing"
    assert found.columns[0].power > 0.8
    assert found.columns[0].levels[0].outcomes[0] < -3


def test_several_classes_are_told_by_the_share_of_each():
    table = frame().with_columns(kind=pl.Series(RNG.choice(["p", "q", "r"], ROWS)))
    found = related(table, "kind", ["x"])
    assert set(found.classes) == {"p", "q", "r"}
    assert all(sum(level.outcomes) == pytest.approx(1) for level in found.columns[0].levels)


def test_many_values_share_one_level_and_times_are_ranges():
    table = frame().with_columns(word=pl.Series([f"w{v}" for v in RNG.integers(0, 90, ROWS)]), day=pl.Series(RNG.integers(0, 1000, ROWS)).cast(pl.Date))
    found = {one.column: one for one in related(table, "late", ["word", "day"]).columns}
    assert OTHERS in {level.says for level in found["word"].levels}
    assert found["day"].levels[0].says.startswith("up to 1970-")
