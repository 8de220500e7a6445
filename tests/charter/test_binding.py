"""What an override binds to: what the study reads, beyond the defaults."""

import pytest

from loopline.charter.binding import binds, bound_once, of_reads, read
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import stated
from loopline.ledger.entry import digest, plain

SHOP = {
    "predict": "y",
    "problem": "Visitors leave.",
    "worth": {"currency": "EUR", "act_right": -1, "act_wrong": -6},
    "stakeholders": {"business": ["ann"]},
}
FULL = {
    "predict": "y",
    "positive": "yes",
    "task": "binary",
    "volume": "900 per day",
    "worth": {"currency": "EUR", "act_right": "0.5 * fare", "act_wrong": -6},
    "target": "400000 per year",
    "budget": {"build": 30000, "run": "500 per month"},
}


def bound(said, book=None):
    return binds(read(CharterSpec.model_validate(said)), book)


def test_it_is_of_what_is_said_so_that_a_field_with_a_default_which_comes_later_ends_none():
    assert bound(SHOP) == digest({"predict": "y", "worth": {"currency": "EUR", "act_right": -1.0, "act_wrong": -6.0}})
    assert bound(SHOP) == bound({**SHOP, "study": {"years": 3}, "problem": "They do not."})
    assert bound(SHOP) != bound({**SHOP, "study": {"years": 4}})


def test_it_is_of_the_prices_and_not_of_the_name_of_their_file():
    book, dearer = (Prices.model_validate({"people": f"{amount} per hour", "machine": "0.10 per hour"}) for amount in (60, 70))
    assert bound({**SHOP, "prices": "a.yaml"}, book) == bound({**SHOP, "prices": "b.yaml"}, book)
    assert len({bound(SHOP), bound(SHOP, book), bound(SHOP, dearer)}) == 3


@pytest.mark.parametrize(
    ("said", "key"),
    [
        (SHOP, "601ba5b307c914d6a1eefca599a8bcc0e3a86a6e2609571eb78dd3c302c155ca"),
        (FULL, "0dddc5b3206e764a43eac4146de64504d1b32b32e071f0890c5a5c4f4c4b82b8"),
    ],
)
def test_what_an_override_bound_to_before_a_charter_supposed_anything_is_known(said, key):
    assert bound_once(CharterSpec.model_validate(said)) == key


@pytest.mark.parametrize("more", [{"study": {"years": 4}}, {"volume": "700..1100 per day"}])
def test_what_could_not_be_said_then_was_not_overridden(more):
    assert bound_once(CharterSpec.model_validate({**SHOP, **more})) is None


def test_the_charter_comes_back_from_what_the_study_reads_with_its_ranges():
    ranged = {**FULL, "volume": "700..1100 per day", "worth": {"currency": "EUR", "act_right": "4..6..9"}, "study": {"ready": "2w"}}
    charter = CharterSpec.model_validate(ranged)
    assert stated(of_reads(plain(read(charter))[1])) == stated(charter)
