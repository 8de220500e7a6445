import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth, as_text

PRICES = WorthSpec(currency="USD", act_right=140, act_wrong=-60)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1e4)), min_size=1))
def test_no_decision_earns_more_than_the_perfect_one(rows):
    decision, outcome, amount = (np.array(column) for column in zip(*rows, strict=True))
    worth = Worth.of(WorthSpec(act_right="amount * 0.2", act_wrong=-60, miss="-amount", rest=1), "binary")
    assert (worth.per_row(decision, outcome, {"amount": amount}) <= worth.perfect(outcome, {"amount": amount}) + 1e-9).all()


def test_each_decision_is_priced_by_its_outcome():
    worth = Worth.of(PRICES, "binary")
    assert worth.per_row(np.array([True, True, False, False]), np.array([True, False, True, False]), {}).tolist() == [140, -60, 0, 0]


def test_break_even_is_where_acting_and_not_acting_earn_the_same():
    worth = Worth.of(PRICES, "binary")
    precision = worth.break_even()
    assert precision is not None
    assert precision * 140 + (1 - precision) * -60 == pytest.approx(0)


def test_acting_that_can_never_pay_has_no_break_even():
    assert Worth.of(WorthSpec(act_right=-1, act_wrong=-2), "binary").break_even() is None


def test_without_prices_a_decision_is_a_point_won_or_lost():
    assert Worth.of(WorthSpec(), "multiclass").per_row(np.array(["a", "b"]), np.array(["a", "a"]), {}).tolist() == [1, -1]


def test_without_a_model_the_most_frequent_class_and_the_median_are_taken():
    assert Worth.of(WorthSpec(), "multiclass").constant(np.array(["b", "a", "b"]), 2).tolist() == ["b", "b"]
    assert Worth.of(WorthSpec(), "regression").without_model(np.array([1.0, 2.0, 9.0]), {}).tolist() == [-1, 0, -7]


def test_too_high_and_too_low_may_cost_differently():
    worth = Worth.of(WorthSpec(over=-1, under=-5), "regression")
    assert worth.per_row(np.array([3.0, 1.0]), np.array([2.0, 2.0]), {}).tolist() == [-1, -5]


def test_a_row_whose_price_is_unknown_is_worth_nothing():
    worth = Worth.of(WorthSpec(act_right="amount", act_wrong=0), "binary")
    assert worth.per_row(np.array([True, True]), np.array([True, True]), {"amount": np.array([5.0, np.nan])}).tolist() == [5, 0]


def test_a_row_whose_price_is_not_finite_is_worth_nothing():
    worth = Worth.of(WorthSpec(act_right="1 / pages", act_wrong="-1 / pages"), "binary")
    money = worth.per_row(np.array([True] * 4), np.array([True, True, False, False]), {"pages": np.array([0.0, 2.0, 0.0, 4.0])})
    assert money.tolist() == [0, 0.5, 0, -0.25]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), "inf", "nan", "1e999"])
def test_an_amount_that_is_not_finite_is_refused(value):
    with pytest.raises(ValidationError, match="no amount of money"):
        WorthSpec(act_right=value)


def test_prices_of_two_tasks_are_refused():
    with pytest.raises(ValidationError, match="different tasks"):
        WorthSpec(act_right=1, over=-1)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (1.0, "1"), (2, "2"), ("yes", "yes"), (1.5, "1.5"), (np.float64(3), "3"), (np.bool_(False), "false")]
)
def test_a_label_reads_the_same_from_every_source(value, text):
    assert as_text(value) == text
