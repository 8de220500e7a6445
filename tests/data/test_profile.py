import json
import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.profile import Profile, merge_all, profile

ROWS = st.lists(
    st.fixed_dictionaries(
        {"x": st.none() | st.floats(-1e6, 1e6), "word": st.none() | st.sampled_from("abcdefgh"), "day": st.none() | st.dates(date(1980, 1, 1))}
    ),
    max_size=60,
)
SCHEMA = {"x": pl.Float64, "word": pl.String, "day": pl.Date}


def framed(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


@given(ROWS, ROWS)
def test_merging_equals_the_profile_of_the_whole(one, other):
    merged, whole = profile(framed(one)).merge(profile(framed(other))), profile(framed(one + other))
    assert merged.rows == whole.rows
    for name, column in whole.columns.items():
        part = merged.columns[name]
        assert (part.kind, part.rows, part.nulls, part.min, part.max, part.values()) == (
            column.kind,
            column.rows,
            column.nulls,
            column.min,
            column.max,
            column.values(),
        )
        assert part.distinct_count() == pytest.approx(column.distinct_count(), rel=0.05)
        for mine, expected in ((part.mean, column.mean), (part.spread, column.spread)):
            assert (mine is None and expected is None) or mine == pytest.approx(expected, rel=1e-6, abs=1e-3)


@given(ROWS)
def test_json_gives_the_profile_back_and_is_the_same_each_time(rows):
    plain = profile(framed(rows)).to_json()
    text = json.dumps(plain, allow_nan=False)
    assert Profile.from_json(json.loads(text)).to_json() == plain
    assert json.dumps(profile(framed(rows)).to_json()) == text


def test_numbers_texts_and_times_are_told_as_what_they_are():
    told = profile(
        pl.DataFrame(
            {"x": [1, 2, None, 4], "word": ["a", "b", "a", None], "sure": [True, False, True, None], "day": [date(2024, 1, 1), None, date(2024, 1, 3), None]}
        )
    ).columns
    assert (told["x"].min, told["x"].max, told["x"].nulls, told["x"].mean) == (1, 4, 1, pytest.approx(7 / 3))
    assert told["x"].spread == pytest.approx(math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 3))
    assert told["x"].at([0, 1]).tolist() == [1, 4]
    assert told["word"].values() == {"a": 2, "b": 1}
    assert told["sure"].values() == {"true": 2, "false": 1}
    assert told["day"].kind == "time"
    assert told["day"].max - told["day"].min == 2 * 86400
    assert told["word"].min is None
    assert told["x"].values() == {}


def test_many_distinct_values_are_counted_within_a_few_percent():
    told = profile(pl.DataFrame({"id": [f"n{number}" for number in range(20_000)], "x": range(20_000)})).columns
    assert told["id"].distinct_count() == pytest.approx(20_000, rel=0.05)
    assert told["x"].distinct_count() == pytest.approx(20_000, rel=0.05)


def test_a_column_that_one_part_lacks_is_null_there():
    whole = merge_all([profile(pl.DataFrame({"a": [1.0, 2.0]})), profile(pl.DataFrame({"a": [3.0], "b": ["x"]}))])
    assert (whole.rows, whole.columns["b"].rows, whole.columns["b"].nulls) == (3, 3, 2)
    assert whole.columns["b"].values() == {"x": 1}


def test_different_kinds_do_not_merge():
    with pytest.raises(ValueError, match="do not merge"):
        profile(pl.DataFrame({"a": [1.0]})).merge(profile(pl.DataFrame({"a": ["x"]})))
