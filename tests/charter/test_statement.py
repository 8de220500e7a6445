"""What the ledger keeps of a charter comes back as it was, and two of them tell what differs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.prices import Prices
from loopline.charter.ranges import Ranged
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import changed, of_statement, signed_digest, stated, statement
from loopline.errors import Fault
from loopline.ledger.entry import plain

amounts = st.floats(-1e9, 1e9).map(lambda number: number + 0.0)
positive = st.floats(1e-6, 1e12)
shares = st.floats(0, 1)


@st.composite
def ranges(draw, numbers):
    low, middle, high = sorted(draw(st.lists(numbers, min_size=3, max_size=3)))
    return draw(st.sampled_from([Ranged(middle, low, high), Ranged.between(low, high), Ranged(low, low, low)]))


@st.composite
def charters(draw):
    rate = st.tuples(positive.map(lambda number: f"{number:f}"), st.sampled_from(["day", "year"])).map(" per ".join)
    charter = CharterSpec.model_validate(
        {
            "predict": "y",
            "problem": draw(st.text(max_size=20)),
            "worth": {"currency": "EUR", "act_right": draw(st.one_of(ranges(amounts), amounts)), "act_wrong": draw(amounts), "miss": "0.1 * fare"},
            "volume": draw(st.one_of(rate, st.just("700..1100 per day"))),
            "target": draw(st.none() | rate),
            "budget": {"build": draw(st.none() | positive), "run": draw(st.none() | rate)},
            "decided": draw(st.sampled_from([None, "2h before at", "1234567s after at"])),
            "study": {
                "discount": draw(shares),
                "ready": f"{draw(st.integers(0, 10**8))}s",
                "effort": {"build": draw(ranges(positive))},
                "happens": draw(ranges(shares)),
                "expects": {"precision": draw(ranges(shares)), "error": draw(ranges(positive))},
            },
            "acceptance": [{"id": "A1", "check": "precision >= 0.5"}],
            "stakeholders": {"business": ["ann"]},
            "approvals": {"business": 1},
        }
    )
    return charter if draw(st.booleans()) else charter.model_copy(update={"volume": charter.volume.model_copy(update={"amount": draw(ranges(positive))})})


def ends(value):
    """Every number of a charter with its ends, wherever it stands."""
    if isinstance(value, Ranged):
        return value.ends
    if hasattr(value, "model_fields_set"):
        return {name: ends(getattr(value, name)) for name in type(value).model_fields}
    return value


@given(charters())
def test_a_charter_comes_back_from_the_ledger_to_the_last_digit(charter):
    said = stated(charter)
    _, kept = plain(said)
    back = of_statement(kept, where="entry 1")
    assert stated(back) == said
    widths = {"worth": ends(charter.worth), "volume": ends(charter.volume), "study": ends(charter.study)}
    found = {"worth": ends(back.worth), "volume": ends(back.volume), "study": ends(back.study)}
    # A number in place of a range without a width is the same number.
    assert json.loads(json.dumps(_flat(found))) == json.loads(json.dumps(_flat(widths)))
    assert (back.target, back.budget, back.decided, back.acceptance) == (charter.target, charter.budget, charter.decided, charter.acceptance)


def _flat(value):
    if isinstance(value, dict):
        return {name: _flat(part) for name, part in value.items()}
    if isinstance(value, tuple) and len(value) == 3 and value[0] == value[2]:
        return value[1]
    return value if isinstance(value, (int, float, str, tuple, type(None))) else str(value)


def test_a_range_is_kept_as_it_is_written_and_a_default_is_left_out():
    charter = CharterSpec.model_validate({"predict": "y", "volume": "700..1100 per day", "worth": {"act_right": "100..180", "act_wrong": -60}})
    assert stated(charter) == {"predict": "y", "volume": "700..1100 per day", "worth": {"act_right": "100..180", "act_wrong": -60.0}}


@pytest.mark.parametrize(
    ("after", "names"),
    [
        ({"predict": "y"}, []),
        ({"predict": "y", "worth": {"act_wrong": -80}, "target": "5 per day"}, ["target", "worth.act_wrong"]),
        ({"predict": "y", "acceptance": [{"id": "A1", "check": "recall >= 0.5"}]}, ["acceptance.A1"]),
    ],
)
def test_what_changed_is_told_by_the_names_of_the_fields(after, names):
    assert changed({"predict": "y"}, stated(CharterSpec.model_validate(after))) == names


def test_who_is_asked_and_where_is_no_part_of_what_is_signed():
    one = {"predict": "y", "volume": "5 per day"}
    assert signed_digest(one) == signed_digest({**one, "stakeholders": {"business": ["ann"]}, "approvals": {"business": 1}, "template": "churn"})
    assert signed_digest(one) != signed_digest({**one, "volume": "6 per day"})


def test_a_charter_of_a_later_loopline_is_told_as_such():
    with pytest.raises(Fault, match="entry 3: the charter has moods, which is not understood here; use the Loopline that entered it"):
        of_statement({"predict": "y", "moods": 3}, where="entry 3")


def test_the_prices_are_stated_in_place_of_the_name_of_their_file_to_the_last_digit():
    said = {
        "dated": "2026-01-31",
        "people": "55..70 per hour",
        "machine": {"purchase": 2400, "years": 4, "power": "90 W", "electricity": "0.28 per kWh", "upkeep": "123456789.123456 per year"},
        "other": {"licences": "40 per month"},
    }
    book = Prices.model_validate(said)
    found = statement(CharterSpec(predict="y", prices="a.yaml"), book)
    assert found["prices"]["people"] == "55..70 per hour"
    assert found["prices"]["machine"]["upkeep"] == "123456789.123456 per year"
    back = Prices.model_validate(plain(found["prices"])[1])
    assert (stated(back), back.machine_per_hour) == (stated(book), book.machine_per_hour)
    assert changed(stated(CharterSpec(predict="y")), found)[:2] == ["prices.dated", "prices.machine.electricity"]
