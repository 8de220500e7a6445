"""One pass over a table: the same findings in whatever chunks it comes."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.explore.survey import survey
from loopline.errors import Mistake


def in_chunks(frame, size):
    return (frame[start : start + size] for start in range(0, frame.height, size))


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(30, 90), st.integers(1, 500))
def test_the_sample_is_the_same_in_whatever_chunks_rows_come(rows, size, wanted):
    frame = pl.DataFrame({"x": range(rows), "word": [f"w{number % 7}" for number in range(rows)]})
    drawn = survey(in_chunks(frame, size), sample_rows=wanted)
    assert drawn.sample.equals(survey([frame], sample_rows=wanted).sample)
    assert drawn.sample.height == min(rows, wanted)
    assert drawn.sample["x"].is_sorted()
    assert (drawn.rows, drawn.is_whole, drawn.profile.rows) == (rows, rows <= wanted, rows)


def test_the_sample_is_drawn_evenly():
    drawn = survey(in_chunks(pl.DataFrame({"x": np.arange(200_000)}), 30_000), sample_rows=5000).sample["x"]
    held = np.histogram(drawn.to_numpy(), bins=10, range=(0, 200_000))[0]
    assert held.min() > 400 and held.max() < 600


def test_rows_of_a_table_that_come_in_no_order_give_one_sample_in_their_order():
    frame = pl.DataFrame({"x": range(1000), "__row": range(1000), "__batch": ["b"] * 1000, "__line": range(1000)})
    one, other = (survey(in_chunks(part, 100), sample_rows=50) for part in (frame, frame.sample(fraction=1, shuffle=True, seed=1)))
    assert one.sample.equals(other.sample)
    assert one.sample.columns == ["x"]


@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.sampled_from("ab")), min_size=1, max_size=60), st.integers(5, 20))
def test_rows_and_keys_that_come_twice_are_counted_over_all_chunks(rows, size):
    frame = pl.DataFrame(rows, schema={"id": pl.Int64, "word": pl.String}, orient="row")
    found = survey(in_chunks(frame, size), key=["id"])
    assert found.repeats.rows == len(rows) - len(set(rows))
    assert found.repeats.groups == sum(rows.count(row) > 1 for row in set(rows))
    keys = [key for key, _ in rows if key is not None]
    assert found.key_repeats.rows == len(keys) - len(set(keys))


def test_moments_are_counted_by_hour_and_by_day():
    at = datetime(2024, 5, 1, 10, 59, tzinfo=UTC)
    frame = pl.DataFrame({"at": [at, at, None, at.replace(hour=12)], "day": [date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 2), None]})
    found = survey(in_chunks(frame, 2)).moments
    assert found["at"].rows() == [(datetime(2024, 5, 1, 10), 2), (datetime(2024, 5, 1, 12), 1)]
    assert found["day"].rows() == [(date(2024, 5, 1), 1), (date(2024, 5, 2), 2)]


@pytest.mark.parametrize("chunks", [[], [pl.DataFrame({"x": []}, schema={"x": pl.Int64})]])
def test_a_table_without_a_row_is_refused(chunks):
    with pytest.raises(Mistake, match="no row"):
        survey(chunks)
