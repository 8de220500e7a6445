import json
import math
from datetime import date, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.profiles.profile import Profile, ProfileBuilder, merge_all, profile

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


def test_texts_are_told_with_their_lengths_and_numbers_with_noughts_and_negatives():
    told = profile(pl.DataFrame({"word": ["", "été", "a", None], "x": [0.0, -0.0, -2.0, 5.0]})).columns
    assert told["word"].lengths.quantiles([0, 0.5, 1]).tolist() == [0, 1, 3]
    assert (told["word"].zeros, told["word"].mean) == (1, pytest.approx(4 / 3))
    assert (told["x"].zeros, told["x"].negatives, told["x"].lengths) == (2, 1, None)


def test_values_of_every_type_are_profiled():
    frame = pl.DataFrame(
        {
            "list": [[1, 2], [3], [1, 2]],
            "struct": [{"a": 1}, {"a": 2}, None],
            "bytes": [b"ab", b"ab", b"c"],
            "category": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "span": [timedelta(seconds=1), timedelta(seconds=2), None],
            "clock": [time(1), time(2), time(1)],
            "nothing": [None, None, None],
            "infinite": [float("inf"), float("nan"), 1.0],
        }
    )
    told = profile(frame).columns
    assert {name: (column.distinct_count(), column.nulls) for name, column in told.items()} == {
        "list": (2, 0),
        "struct": (2, 1),
        "bytes": (2, 0),
        "category": (2, 0),
        "span": (2, 1),
        "clock": (2, 0),
        "nothing": (0, 3),
        "infinite": (1, 2),
    }
    assert profile(frame.clear()).merge(profile(frame)).to_json() == profile(frame).to_json()


def test_a_column_without_any_value_goes_with_every_kind():
    empty = profile(pl.DataFrame({"a": [None, None]}, schema={"a": pl.String}))
    whole = empty.merge(profile(pl.DataFrame({"a": [1.0]}))).columns["a"]
    assert (whole.kind, whole.rows, whole.nulls, whole.mean) == ("number", 3, 2, 1.0)


def test_part_by_part_gives_nearly_what_the_whole_gives_and_always_the_same():
    rng = np.random.default_rng(3)
    whole = pl.DataFrame({"x": rng.lognormal(size=200_000), "word": [f"w{number}" for number in rng.zipf(1.5, 200_000) % 3000]})
    first, again = ProfileBuilder(), ProfileBuilder()
    for start in range(0, whole.height, 2500):
        first.add(whole[start : start + 2500])
        again.add(whole[start : start + 2500])
    told = first.profile()
    assert json.dumps(told.to_json()) == json.dumps(again.profile().to_json())
    x, word = told.columns["x"], told.columns["word"]
    shares = np.linspace(0.01, 0.99, 99)
    real = np.searchsorted(np.sort(whole["x"].to_numpy()), x.at(shares), side="right") / whole.height
    assert np.abs(real - shares).max() < 0.005
    assert x.mean == pytest.approx(whole["x"].mean(), rel=1e-9)
    assert x.spread == pytest.approx(whole["x"].std(ddof=0), rel=1e-9)
    top = dict(whole["word"].value_counts(sort=True, name="n").head(10).iter_rows())
    for text, count in top.items():
        assert word.frequent.counts[text] <= count <= word.frequent.counts[text] + word.frequent.missed
    assert len(json.dumps(told.to_json())) < 80_000


def test_what_another_version_wrote_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="format 1 .* profiled again"):
        Profile.from_json({"format": 1, "rows": 0, "columns": []})


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
