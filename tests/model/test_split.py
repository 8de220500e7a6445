"""Training, validation and test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.model.split import Parts, by_identity, by_order, by_time, stratified


def rows_of(parts: Parts) -> list[int]:
    return sorted(np.concatenate([parts.train, parts.validation, parts.test]).tolist())


@given(st.lists(st.integers(0, 60), min_size=20, max_size=300))
def test_by_time_each_part_is_later_and_no_moment_is_torn(moments: list[int]) -> None:
    time = np.array(moments, dtype="datetime64[D]")
    try:
        parts = by_time(time, validation=0.2, test=0.2)
    except Mistake:
        assert max(np.bincount(moments)) >= 0.2 * len(moments)
        return
    assert rows_of(parts) == list(range(len(moments)))
    assert time[parts.train].max() < time[parts.validation].min()
    assert time[parts.validation].max() < time[parts.test].min()


def test_by_time_the_shares_are_kept() -> None:
    parts = by_time(np.arange(1000).astype("datetime64[h]"), validation=0.2, test=0.1)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (700, 200, 100)


def test_a_row_without_a_time_counts_as_the_earliest() -> None:
    time = np.arange(100).astype("datetime64[h]")
    time[[3, 99]] = np.datetime64("NaT")
    parts = by_time(time, validation=0.2, test=0.2)
    assert {3, 99} <= set(parts.train.tolist())
    assert rows_of(parts) == list(range(100))


def test_one_moment_for_all_is_a_mistake_with_a_remedy() -> None:
    with pytest.raises(Mistake, match="share one moment.*stratified"):
        by_time(np.zeros(100, dtype="datetime64[D]"), validation=0.2, test=0.2)


def test_no_time_at_all_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="no row has a time"):
        by_time(np.full(10, "NaT", dtype="datetime64[D]"), validation=0.2, test=0.2)


def test_by_order_the_first_rows_teach_and_the_last_ones_test() -> None:
    parts = by_order(10, validation=0.2, test=0.2)
    assert parts.train.tolist() == [0, 1, 2, 3, 4, 5]
    assert parts.test.tolist() == [8, 9]


@given(st.lists(st.sampled_from("abc"), min_size=50, max_size=300), st.integers(0, 5))
def test_stratified_each_class_has_its_share_in_each_part(labels: list[str], seed: int) -> None:
    parts = stratified(np.array(labels), validation=0.2, test=0.2, seed=seed)
    assert rows_of(parts) == list(range(len(labels)))
    for label in set(labels):
        total = labels.count(label)
        for part, share in ((parts.train, 0.6), (parts.validation, 0.2), (parts.test, 0.2)):
            assert abs(sum(labels[index] == label for index in part) - share * total) <= 1


def test_stratified_numbers_are_spread_over_the_parts() -> None:
    values = np.random.default_rng(0).exponential(size=1000)
    parts = stratified(values, validation=0.2, test=0.2, seed=0)
    assert abs(values[parts.train].mean() - values[parts.test].mean()) < 0.1


def test_the_seed_decides_the_draw() -> None:
    labels = np.array(["a", "b"] * 50)
    first, second, other = (stratified(labels, validation=0.2, test=0.2, seed=seed).test.tolist() for seed in (1, 1, 2))
    assert first == second != other


def test_too_few_rows_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="too few"):
        by_order(2, validation=0.2, test=0.2)


def test_by_identity_no_row_changes_its_part_when_rows_are_added() -> None:
    rng = np.random.default_rng(1)
    names = [f"row {number}" for number in rng.permutation(3000)]
    labels = rng.choice(["a", "b", "c"], 3000, p=[0.9, 0.08, 0.02])
    first, _ = by_identity(names[:2000], labels[:2000], validation=0.2, test=0.2, seed=4)
    order = rng.permutation(3000)
    second, anew = by_identity([names[row] for row in order], labels[order], validation=0.2, test=0.2, seed=4)
    assert anew == 0
    assert rows_of(second) == list(range(3000))
    for one, other in ((first.train, second.train), (first.validation, second.validation), (first.test, second.test)):
        assert set(one.tolist()) <= set(order[other].tolist())


def test_by_identity_the_shares_are_about_those_declared_in_every_class_and_the_seed_decides() -> None:
    names, labels = [str(number) for number in range(20_000)], np.array(["a", "a", "a", "b"] * 5000)
    first, other = (by_identity(names, labels, validation=0.2, test=0.1, seed=seed)[0] for seed in (1, 2))
    for part, share in ((first.train, 0.7), (first.validation, 0.2), (first.test, 0.1)):
        for label in "ab":
            assert np.sum(labels[part] == label) / np.sum(labels == label) == pytest.approx(share, abs=0.02)
    assert len(np.intersect1d(first.test, other.test)) < 0.2 * len(first.test)


@given(st.integers(0, 300))
def test_by_identity_a_rare_class_is_in_every_part_and_the_other_rows_stay(seed: int) -> None:
    names, labels = [str(number) for number in range(400)], np.array(["rare"] * 5 + ["often"] * 395)
    parts, anew = by_identity(names, labels, validation=0.2, test=0.2, seed=seed)
    assert anew in (0, 5)
    assert all("rare" in labels[part] for part in (parts.train, parts.validation, parts.test))
    plain, _ = by_identity(names, np.array(["often"] * 400), validation=0.2, test=0.2, seed=seed)
    assert [row for row in parts.test if row >= 5] == [row for row in plain.test if row >= 5]


def test_by_identity_rows_that_are_all_the_same_are_drawn_anew() -> None:
    values = np.arange(100.0)
    parts, anew = by_identity(["same"] * 100, values, validation=0.2, test=0.2, seed=0)
    assert anew == 100
    assert parts.test.tolist() == stratified(values, validation=0.2, test=0.2, seed=0).test.tolist()


@given(st.integers(20, 400), st.integers(0, 400))
def test_in_time_no_later_model_is_tested_on_what_an_earlier_one_learned_from(rows: int, more: int) -> None:
    time = np.arange(rows + more, dtype=np.float64)
    early, later = (by_time(time[:count], validation=0.2, test=0.2) for count in (rows, rows + more))
    assert not set(early.learned.tolist()) & set(later.test.tolist())
