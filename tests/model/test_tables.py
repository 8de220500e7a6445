"""The statistics of a plan's tables."""

from __future__ import annotations

import numpy as np
import pytest

from loopline.model.tables import CLASSES_AT_MOST, compared, frequency, outcome_statistics, places_of

TEXTS = np.array(["a"] * 40 + ["b"] * 40 + ["rare"] * 4, dtype=object)
VALUES = ("a", "b")


def test_binary_and_regression_have_one_statistic_and_several_classes_one_each() -> None:
    target = np.array([0.0, 1, 2, 0] * 21)
    assert [one.place for one in outcome_statistics("city", VALUES, TEXTS, target, ())] == [None]
    several = outcome_statistics("city", VALUES, TEXTS, target, ("low", "middle", "high"))
    assert [(one.place, one.name) for one in several] == [
        (0, "city: low against all"),
        (1, "city: middle against all"),
        (2, "city: high against all"),
    ]


def test_the_outcome_s_distance_has_its_sign() -> None:
    target = np.where(TEXTS == "a", 1.0, 0.0)
    target[:5], target[50:55] = 0, 1
    (found,) = outcome_statistics("city", VALUES, TEXTS, target, ())
    assert found.numbers[0] > 0.2 > -0.2 > found.numbers[1]


def test_only_the_most_frequent_classes_have_statistics() -> None:
    target = np.concatenate([np.full(5 + place, float(place)) for place in range(15)])
    assert places_of(target, [str(place) for place in range(15)]) == tuple(range(15 - CLASSES_AT_MOST, 15))
    assert places_of(np.array([0.0, 2.0]), ("a", "b", "c")) == (0, 2)


def test_a_frequency_is_a_logarithm_and_nought_for_what_few_rows_have() -> None:
    found = frequency("city", VALUES, TEXTS)
    assert found.numbers == pytest.approx((np.log(41), np.log(41), 0.0))


def test_a_number_s_mean_by_value_is_near_the_mean_of_all_where_rows_are_few() -> None:
    rng = np.random.default_rng(0)
    numbers = np.where(TEXTS == "a", 10.0, np.where(TEXTS == "b", 20.0, 100.0)) + rng.normal(size=len(TEXTS))
    numbers[3] = np.nan
    found = compared("city", ("a", "b", "unseen"), TEXTS, "amount", numbers, "minus")
    assert found.of == "amount" and found.name == "amount - its mean by city"
    assert found.numbers[0] == pytest.approx(10, abs=0.5)
    assert found.numbers[2] == pytest.approx(float(np.nanmean(numbers)), rel=1e-6)


def test_a_mean_of_nought_divides_nothing() -> None:
    numbers = np.where(TEXTS == "a", np.resize([1.0, -1.0], len(TEXTS)), 5.0)
    found = compared("city", VALUES, TEXTS, "amount", numbers, "over")
    assert found.numbers[0] is None and found.numbers[1] == pytest.approx(5, rel=0.01)


def test_numbers_that_are_too_large_for_the_graph_give_no_statistic() -> None:
    found = compared("city", VALUES, TEXTS, "amount", np.full(len(TEXTS), np.nan), "over")
    assert set(found.numbers) == {None}
