import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loopline.data.profiles.sketch import QuantileSketch, merged

NUMBERS = arrays(np.float64, st.integers(0, 3000), elements=st.floats(-1e6, 1e6))


def sketched(*parts, size=64):
    sketch = QuantileSketch(size)
    for part in parts:
        sketch.update(part)
    return sketch


def worst_rank(sketch, numbers):
    """The greatest error of a rank over all numbers that were seen."""
    at = np.unique(numbers)
    return float(np.max(np.abs(sketch.ranks(at) - np.searchsorted(np.sort(numbers), at, side="right") / len(numbers))))


@given(st.lists(NUMBERS, max_size=5))
def test_ranks_are_within_the_proved_bound_however_the_numbers_came(parts):
    numbers = np.concatenate([np.empty(0), *parts])
    sketch = sketched(*parts)
    assert sketch.count == len(numbers)
    if len(numbers):
        assert worst_rank(sketch, numbers) <= sketch.rank_error + 1e-12
        assert (sketch.min, sketch.max) == (numbers.min(), numbers.max())


@given(NUMBERS, NUMBERS)
def test_a_merge_knows_what_one_sketch_of_all_would_know(one, other):
    whole = merged([sketched(one), sketched(other)])
    numbers = np.concatenate([one, other])
    assert whole.count == len(numbers)
    if len(numbers):
        assert worst_rank(whole, numbers) <= whole.rank_error + 1e-12


def test_a_million_numbers_are_told_within_half_a_percent_by_a_few_kilobytes():
    numbers = np.random.default_rng(0).normal(size=1_000_000)
    sketch = QuantileSketch()
    sketch.update(numbers)
    assert sketch.rank_error < 0.005
    assert len(sketch.to_bytes()) < 10_000
    assert np.allclose(sketch.quantiles([0.1, 0.5, 0.9]), np.quantile(numbers, [0.1, 0.5, 0.9]), atol=0.02)


def test_a_thousand_windows_merge_without_losing_their_precision():
    rng = np.random.default_rng(1)
    windows = [rng.exponential(size=1000) for _ in range(1000)]
    whole = QuantileSketch()
    for window in windows:
        part = QuantileSketch()
        part.update(window)
        whole.merge(part)
    assert worst_rank(whole, np.concatenate(windows)[:20_000]) < 0.02
    assert len(whole.to_bytes()) < 60_000


@given(NUMBERS)
def test_the_same_numbers_give_the_same_bytes_and_bytes_give_the_sketch_back(numbers):
    data = sketched(numbers).to_bytes()
    assert data == sketched(numbers).to_bytes()
    assert QuantileSketch.from_bytes(data).to_bytes() == data


@given(st.lists(st.tuples(st.integers(-30, 30), st.integers(1, 10**9)), max_size=40))
def test_few_distinct_numbers_are_told_exactly_however_many_there_are(pairs):
    sketch = QuantileSketch()
    for value, count in pairs:
        sketch.add(np.array([float(value)]), np.array([count]))
    assert sketch.rank_error == 0
    assert sketch.count == sum(count for _, count in pairs)
    if pairs:
        values = np.unique([float(value) for value, _ in pairs])
        below = [sum(count for value, count in pairs if value <= at) / sketch.count for at in values]
        assert sketch.ranks(values).tolist() == pytest.approx(below)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=8), st.integers(0, 2**31))
def test_merging_exact_and_rough_sketches_keeps_the_bound_and_every_number(sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [rng.integers(0, 40 if size % 2 else 10**6, size).astype(float) for size in sizes]
    numbers = np.concatenate(parts)
    at_once, one_by_one = merged([sketched(part) for part in parts]), QuantileSketch(64)
    for part in parts:
        one_by_one.merge(sketched(part))
    for sketch in (at_once, one_by_one):
        assert sketch.count == len(numbers) == sketch.tally()[1].sum()
        if len(numbers):
            assert worst_rank(sketch, numbers) <= sketch.rank_error + 1e-12


def test_few_numbers_are_kept_exactly_and_what_is_no_number_is_passed_over():
    sketch = sketched([3.0, 1.0, np.nan, 2.0, np.inf])
    assert sketch.count == 3
    assert sketch.quantiles([0, 0.5, 1]).tolist() == [1, 2, 3]
    assert sketch.ranks([0.5, 1, 2.5, 3]).tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_an_empty_sketch_says_that_it_knows_nothing():
    assert np.isnan(QuantileSketch().quantiles([0.5])).all()
    assert np.isnan(QuantileSketch().ranks([0.5])).all()


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="no quantile sketch"):
        QuantileSketch.from_bytes(b"what")
