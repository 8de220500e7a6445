import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import BudgetSpec, CharterSpec, WorthSpec
from loopline.charter.study import RULES, Case
from loopline.charter.worth import Worth
from loopline.declaration import Rate


def case(*, worth=None, do_nothing=None, perfect=None, **charter):
    spec = CharterSpec(predict="late", worth=worth or WorthSpec(currency="USD", act_right=140, act_wrong=-60), **charter)
    return Case(spec, "binary", Worth.of(spec.worth, "binary"), do_nothing, perfect, None)


def reasons(of):
    return [reason for rule in RULES if (reason := rule(of)) is not None]


def test_a_charter_that_pays_has_no_reason_against_it():
    assert reasons(case(do_nothing=0.0, perfect=33.6, volume=Rate(amount=900, period="day"), target=Rate(amount=400_000, period="year"))) == []


def test_nothing_is_held_against_a_charter_before_the_outcomes_are_known():
    assert reasons(case(target=Rate(amount=1e12, period="year"))) == []


@pytest.mark.parametrize(
    ("against", "words"),
    [
        (case(worth=WorthSpec(act_right=-1, act_wrong=-2)), "never pay"),
        (case(do_nothing=5.0, perfect=5.0), "already"),
        (case(do_nothing=0.0, perfect=1.0, volume=Rate(amount=10, period="year"), target=Rate(amount=100, period="year")), "would add only 10"),
        (case(do_nothing=0.0, perfect=1.0, volume=Rate(amount=10, period="year"), budget=BudgetSpec(build=1000)), "the first year costs 1,000"),
    ],
)
def test_each_reason_says_what_stands_against_it(against, words):
    assert any(words in reason for reason in reasons(against))


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_model_can_help_exactly_when_the_perfect_one_earns_more(do_nothing, perfect):
    assert bool(reasons(case(do_nothing=do_nothing, perfect=perfect))) == (perfect <= do_nothing)
