"""A charter with other numbers: the study says of it what it would say of the same charter declared."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.prices import Prices
from loopline.charter.sensitivity import turning
from loopline.charter.spec import CharterSpec
from loopline.charter.study import studied
from loopline.charter.supposing import Basis, Supposed, _at_stake, numbers, suppose
from loopline.data.outcome import Target, outcome_facts
from loopline.errors import Mistake
from loopline.ledger.state import State

STATED = {
    "predict": "late",
    "task": "binary",
    "volume": "700..1100 per day",
    "worth": {"currency": "USD", "act_right": "100..180", "act_wrong": -60},
    "study": {"happens": "30%..40%", "expects": {"precision": "50%..70%", "recall": "40%..60%"}, "effort": {"build": "200..400 hours"}},
}
CHARTER = CharterSpec.model_validate(STATED)
BOOK = Prices.model_validate({"people": "50..70 per hour"})


def test_the_numbers_that_can_be_moved_are_prices_volume_and_the_rate_of_people():
    found = numbers(CHARTER, BOOK, None)
    assert list(found) == ["worth.act_right", "worth.act_wrong", "worth.miss", "worth.rest", "volume", "prices.people"]
    assert found["volume"] == float(CHARTER.volume.amount) and found["worth.miss"] == 0.0


def test_an_expression_is_no_number_that_can_be_moved():
    charter = CharterSpec.model_validate({**STATED, "worth": {"act_right": "0.1 * fare", "act_wrong": -1}})
    assert "worth.act_right" not in numbers(charter, None, None) and "worth.act_wrong" in numbers(charter, None, None)


def test_what_is_not_moved_stays_with_its_range():
    assert suppose(CHARTER, BOOK, {}) == Supposed(CHARTER, BOOK)
    other = suppose(CHARTER, BOOK, {"worth.act_wrong": -80.0})
    assert other.charter.ranges == CHARTER.ranges and other.charter.worth.act_wrong == -80.0 and other.book == BOOK


@pytest.mark.parametrize(
    ("said", "declared"),
    [({"worth.act_wrong": -80.0}, {"worth": {**STATED["worth"], "act_wrong": -80}}), ({"volume": 500.0}, {"volume": "500 per day"}), ({}, {})],
)
def test_the_study_is_that_of_the_same_charter_declared(said, declared):
    supposed = suppose(CHARTER, BOOK, said)
    found = Basis.of(supposed.charter, CHARTER, State()).study(supposed)
    assert found == studied(CharterSpec.model_validate({**STATED, **declared}), task=None, outcome=None, sounding=None, book=BOOK)


def test_the_rate_of_people_counts():
    cheap, dear = (suppose(CHARTER, BOOK, {"prices.people": rate}) for rate in (10.0, 500.0))
    models = [next(one for one in Basis.of(CHARTER, CHARTER, State()).study(side)["study"]["alternatives"] if one["name"] == "model") for side in (cheap, dear)]
    assert models[0]["build"]["value"] * 50 == pytest.approx(models[1]["build"]["value"])


@pytest.mark.parametrize("said", [{"volume": 0.0}, {"volume": -5.0}, {"prices.people": -1.0}])
def test_a_number_that_cannot_be_is_refused(said):
    with pytest.raises(Mistake):
        suppose(CHARTER, BOOK, said)


@given(st.floats(-200, -1))
def test_where_the_answer_turns_both_sides_are_worth_the_same(wrong):
    supposed = suppose(CHARTER, BOOK, {"worth.act_wrong": wrong})
    prospect = Basis.of(supposed.charter, CHARTER, State()).prospect(supposed)
    assert prospect is not None
    values = [*range(-1000, 0, 5)]
    turn = turning(prospect, "worth.act_wrong", values, wrong)
    if turn is not None:
        npv = {name: float(prospect.accounts({"worth.act_wrong": [turn.at]})[name].npv[0]) for name in prospect.choices}
        best = max(npv.values())
        # Between two steps the net present value of an alternative is a line, but for the better of two lines.
        assert npv[turn.to] == pytest.approx(best, rel=0.05, abs=abs(best) * 0.05 + 1000)


MONEY = st.integers(-200, 200).map(float)


@given(st.integers(1, 99), MONEY, MONEY, MONEY, MONEY)
def test_what_is_at_stake_at_other_prices_is_what_counting_the_rows_again_gives(happened, act_right, act_wrong, miss, rest):
    frame = pl.DataFrame({"late": [True] * happened + [False] * (100 - happened)})
    target = Target("late", "binary", ("0", "1"), "1")
    worth = {"currency": "USD", "act_right": act_right, "act_wrong": act_wrong, "miss": miss, "rest": rest}
    other = CharterSpec.model_validate({**STATED, "worth": worth})
    before, after = (outcome_facts(frame, charter, target) for charter in (CHARTER, other))
    found = _at_stake(other, before, "binary")
    assert found is not None and found["break_even"] == after["break_even"]
    assert [found[name] for name in ("do_nothing", "perfect")] == pytest.approx([after[name] for name in ("do_nothing", "perfect")])
