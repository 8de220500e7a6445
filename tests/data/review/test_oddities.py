import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.data.review.oddities import alike, is_worded, new, odd_values, outliers, plain, rare


def numbers(*more, skewed=False):
    draw = np.random.default_rng(0)
    usual = np.exp(draw.normal(3, 1, 500)) if skewed else draw.normal(50, 5, 500)
    return pl.Series("n", [*usual, *more, None])


def test_numbers_far_from_the_rest_are_found_on_each_side():
    low, high = outliers("n", numbers(-400.0, 900.0, 1000.0))
    assert (low.kind, low.value, low.rows) == ("low", "-400", 1)
    assert (high.kind, high.value, high.rows) == ("high", "1000", 2)
    assert 60 < high.bound < 80


def test_a_skewed_column_has_no_odd_tail_but_a_slip_of_the_pen_is_odd():
    assert not list(outliers("n", numbers(skewed=True)))
    (high,) = outliers("n", numbers(5e7, skewed=True))
    assert (high.kind, high.rows) == ("high", 1)


def test_few_or_flat_numbers_and_a_great_share_of_far_ones_are_not_odd():
    assert not list(outliers("n", pl.Series([1.0, 2.0, 99.0])))
    assert not list(outliers("n", pl.Series([1] * 300 + [2, 900])))
    assert not list(outliers("n", numbers(*([900.0] * 40))))
    assert not list(outliers("n", pl.Series([None, float("nan")] * 200, dtype=pl.Float64)))


def test_spellings_of_one_word_are_found():
    counts = {"London": 100, "london ": 2, "Londno": 1, "Lndon": 1, "Berlin": 50, "berlín": 40, "Merlin": 30, "A1": 50, "A2": 1, "Bern": 9, "Bonn": 1}
    found = {oddity.value: oddity.like for oddity in alike("city", counts)}
    assert found == {"london ": "London", "Londno": "London", "Lndon": "London", "berlín": "Berlin"}
    assert plain("  Ünter-den Linden ") == "unterdenlinden"
    assert not list(alike("city", {f"value {number}": 1 for number in range(1100)}))


def test_rare_words_are_odd_where_most_are_not_rare():
    assert [oddity.value for oddity in rare("c", {"a": 3000, "b": 2000, "x": 1})] == ["x"]
    assert not list(rare("c", {f"v{number}": 1 for number in range(500)}))
    assert not list(rare("c", {"a": 50, "b": 1}))


def test_words_that_come_first_in_the_newest_batch_are_new():
    assert [(oddity.value, oddity.rows) for oddity in new("c", {"a": 90, "b": 90}, {"a": 5, "z": 3, "y": 4})] == [("y", 4), ("z", 3)]
    assert not list(new("c", {}, {"a": 5}))
    assert not list(new("c", {f"v{number}": 5 for number in range(50)}, {f"w{number}": 1 for number in range(50)}))


def test_each_value_is_odd_in_one_way():
    kinds = {oddity.value: oddity.kind for oddity in odd_values("c", {"London": 3000, "Paris": 500}, {"Lodon": 1, "Rome": 1})}
    assert kinds == {"Lodon": "alike", "Rome": "new"}


@settings(max_examples=60, deadline=None)
@given(counts=st.dictionaries(st.text(max_size=8), st.integers(1, 1000), max_size=30))
def test_any_words_can_be_looked_at(counts):
    for oddity in odd_values("c", counts, {}):
        assert oddity.value in counts
        assert oddity.like is None or (oddity.like in counts and oddity.like != oddity.value)


def test_columns_of_many_words_are_not_looked_at():
    assert is_worded(5, 100)
    assert not is_worded(1, 100)
    assert not is_worded(90, 100)
    assert not is_worded(1001, 10**6)


def test_a_text_that_is_no_word_costs_nothing():
    # Without a limit, the two take minutes: each is held against itself without each of its letters.
    assert not list(alike("note", {"x" * 300_000: 900, "x" * 299_999 + "y": 1}))
