import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.charter.ranges import Ranged, in_words, parse_range
from loopline.charter.spec import CharterSpec

ends = st.tuples(*[st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.6g}"))] * 2).map(sorted)


@given(ends)
def test_a_range_is_read_as_it_is_written(two):
    made = Ranged.between(*two)
    assert parse_range(in_words(made))[0].ends == made.ends
    assert made.low <= made <= made.high


@given(ends)
def test_a_range_survives_a_pickle(two):
    assert pickle.loads(pickle.dumps(Ranged.between(*two))).ends == Ranged.between(*two).ends


def test_what_may_be_half_may_as_well_be_double():
    assert Ranged.between(100, 400) == 200
    assert Ranged.between(-400, -100) == -200
    assert Ranged.between(-10, 30) == 10


def test_a_comma_stands_between_thousands():
    assert parse_range("1,500..2,500.5 hours") == (Ranged.between(1500, 2500.5), "hours")
    charter = CharterSpec.model_validate({"predict": "late", "volume": "1,200,000 per year", "worth": {"act_right": "1,500", "miss": "-2,000..-1,000"}})
    assert (charter.volume.amount, charter.worth.act_right, charter.worth.miss.ends[::2]) == (1_200_000, 1500, (-2000, -1000))


CHARTER = {"predict": "late", "volume": "700..1100 per day", "worth": {"currency": "USD", "act_right": "100..130..180", "act_wrong": -60}}


def test_a_charter_has_the_middle_wherever_one_number_is_wanted():
    charter = CharterSpec.model_validate(CHARTER)
    assert charter.volume.amount == 877
    assert charter.fields("worth")["worth"]["act_right"] == 130
    assert charter.ranges["worth.act_right"].ends == (100, 130, 180)


def test_a_range_changes_nothing_that_others_read():
    narrower = CharterSpec.model_validate({**CHARTER, "worth": {**CHARTER["worth"], "act_right": "120..130..140"}})
    names = tuple(CharterSpec.model_fields)
    assert narrower.fields(*names) == CharterSpec.model_validate(CHARTER).fields(*names)


def test_fields_and_ranges_make_the_charter_again():
    charter = CharterSpec.model_validate(CHARTER)
    again = CharterSpec.model_validate(charter.fields(*CharterSpec.model_fields)).ranging({name: value.ends for name, value in charter.ranges.items()})
    assert again == charter and {name: value.ends for name, value in again.ranges.items()} == {name: value.ends for name, value in charter.ranges.items()}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"volume": "1100..700 per day"}, "upside down; write the lower end first: 700..1100 per day"),
        ({"volume": "7 per day..8 per week"}, "write both ends in one unit"),
        ({"volume": "7..8 per fortnight"}, "is not a rate"),
        ({"worth": {"act_right": "180..100"}}, "upside down"),
        ({"worth": {"act_right": "100..180 EUR"}}, "has a unit behind it"),
        ({"worth": {"act_right": "100..200..180"}}, "outside of its ends"),
        ({"worth": {"act_right": "60-120"}}, "write it as 1200.50, or as 60..120"),
        ({"worth": {"act_right": "1.200,50"}}, "a comma that is not between thousands"),
        ({"worth": {"act_right": "12 * 50"}}, "reads no column; write the number"),
        ({"study": {"effort": {"build": "3..4 days"}}}, "is not in hours"),
        ({"volume": "-100..300 per day"}, "-100..300 per day leaves nothing to decide"),
        ({"volume": "1,5..2,5 per day"}, "has a comma that is not between thousands.*: write 1.5..2.5 per day"),
        ({"volume": "0,125 per day"}, "write 0.125 per day"),
        ({"worth": {"act_right": "1,5"}}, "write 1.5"),
        ({"worth": {"act_right": "1.500,5..1.600,5"}}, "write 1,500.5 for a thousand and a half"),
        ({"study": {"spread": "1..1e400"}}, "has no end; write a number"),
        ({"target": "1e400 per year"}, "has no end; write a number"),
        ({"budget": {"build": float("inf")}}, "finite number"),
        ({"positive": float("nan")}, "finite number"),
        ({"outcome_known": f"{'9' * 30}d after day"}, "longer than any span of time"),
        ({"study": {"happens": "20..30"}}, "leaves what is possible"),
        ({"study": {"expects": {"precision": "40%..140%"}}}, "leaves what is possible"),
    ],
)
def test_a_range_that_says_nothing_names_what_to_write(said, words):
    with pytest.raises(ValidationError, match=words):
        CharterSpec.model_validate({"predict": "late", **said})
