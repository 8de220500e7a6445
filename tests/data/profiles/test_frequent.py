"""Frequent values: exact while few, and never off by more than is said."""

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.profiles.counting import counted
from loopline.data.profiles.frequent import COUNTERS, TEXT_MAX, Frequent, together


def test_few_values_are_counted_exactly_the_most_frequent_first():
    found = Frequent.of({"b": 2, "a": 2, "c": 5})
    assert (list(found.counts.items()), found.missed) == ([("c", 5), ("a", 2), ("b", 2)], 0)


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=5), st.integers(600, 4000))
def test_counts_are_within_what_is_said_and_a_frequent_value_is_never_missed(seeds, distinct):
    parts = [[f"v{int(value)}" for value in np.random.default_rng(seed).zipf(1.3, 2000) % distinct] for seed in seeds]
    true = Counter(value for part in parts for value in part)
    found = together([Frequent.of(Counter(part)) for part in parts])
    assert len(found.counts) <= COUNTERS
    assert found.missed <= 2 * true.total() / COUNTERS
    for value, count in true.items():
        assert found.counts.get(value, 0) <= count <= found.counts.get(value, 0) + found.missed


def test_json_gives_the_summary_back():
    found = Frequent.of({f"v{number}": number for number in range(1, COUNTERS + 100)})
    assert found.missed == 99
    again = Frequent.from_json(found.to_json())
    assert (list(again.counts.items()), again.missed) == (list(found.counts.items()), found.missed)


def test_a_frequent_text_is_found_among_many_that_come_once():
    rng = np.random.default_rng(0)
    texts = [f"id{number}" for number in range(40_000)] + ["again"] * 900 + ["twice"] * 2
    found = counted(pl.Series("t", rng.permutation(texts)))
    assert found.frequent.counts["again"] <= 900 <= found.frequent.counts["again"] + found.frequent.missed
    assert found.frequent.missed < 20
    assert found.counts.sum() == len(texts)


def test_long_texts_are_counted_under_their_beginning():
    found = counted(pl.Series("t", ["a" * 300 + "x", "a" * 300 + "y", "b"]))
    assert found.frequent.counts == {"a" * TEXT_MAX: 2, "b": 1}
    assert len(found.prints) == 3, "they are still told apart"
    assert dict(zip(found.lengths.tolist(), found.counts.tolist(), strict=True)) == {1: 1, 301: 2}
