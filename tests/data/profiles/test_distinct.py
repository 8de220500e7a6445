"""The number of distinct values: exact while few, near for many, and the same however the values came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.profiles.distinct import EXACT, NOTHING, REGISTERS, Distinct, union
from loopline.data.profiles.fingerprint import of_numbers


def sketched(numbers):
    return Distinct.of(of_numbers(np.asarray(numbers, dtype=np.float64)))


@given(st.lists(st.integers(0, 300), max_size=400))
def test_few_values_are_counted_exactly(numbers):
    assert sketched(numbers).count() == len(set(numbers))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=6), st.integers(0, 2**31))
def test_parts_in_any_order_give_the_bytes_of_the_whole(sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [rng.integers(0, 5000, size) for size in sizes]
    sketches = [sketched(part) for part in parts]
    whole = sketched(np.concatenate(parts)).to_bytes()
    assert union(sketches).to_bytes() == whole
    assert union(sketches[::-1]).to_bytes() == whole
    assert union([union(sketches[:2]), *sketches[2:], NOTHING]).to_bytes() == whole


@pytest.mark.parametrize("many", [EXACT + 1, 2000, REGISTERS, 30_000, 300_000])
def test_many_values_are_counted_within_the_stated_error(many):
    errors = [sketched(np.arange(many) + 1e6 * turn).count() / many - 1 for turn in range(12)]
    assert abs(np.mean(errors)) < 3 * 0.0115 / np.sqrt(len(errors)), "no bias"
    assert np.std(errors) < 1.8 * 0.0115


@given(st.integers(0, 3000))
def test_bytes_give_the_sketch_back_and_stay_small(many):
    sketch = sketched(np.arange(many))
    data = sketch.to_bytes()
    again = Distinct.from_bytes(data)
    assert (again.to_bytes(), again.count(), again.is_exact) == (data, sketch.count(), many <= EXACT)
    assert len(data) <= 1 + REGISTERS * 6 // 8


def test_a_fingerprint_of_noughts_is_counted():
    prints = np.concatenate([np.zeros(1, dtype=np.uint64), of_numbers(np.arange(5000.0))])
    assert Distinct.of(prints).count() == pytest.approx(5001, rel=0.05)


@pytest.mark.parametrize("data", [b"", b"what", b"\x01123", b"\x02123"])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="no sketch of distinct"):
        Distinct.from_bytes(data)
