"""Outcomes: taken in the form in which clients know them, or kept apart with the reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from loopline.serve.outcomes import Malformed, Outcome, Truth, read_outcome
from tests.serve.test_signature import JSON

BINARY, CLASSES, NUMBER = Truth("binary", ("no", "yes")), Truth("multiclass", ("1", "2")), Truth("regression")


@pytest.mark.parametrize(
    ("truth", "value", "text"),
    [
        (BINARY, "yes", "yes"),
        (BINARY, True, "yes"),
        (BINARY, False, "no"),
        (Truth("binary", ("0", "1")), 1, "1"),
        (Truth("binary", ("0", "1")), 0.0, "0"),
        (Truth("binary", ("false", "true")), True, "true"),
        (CLASSES, 2, "2"),
        (CLASSES, 2.0, "2"),
        (CLASSES, "new", "new"),
        (NUMBER, 3, "3.0"),
        (NUMBER, -0.25, "-0.25"),
    ],
)
def test_an_outcome_is_taken(truth, value, text):
    assert read_outcome({"id": "20240501-f-a", "outcome": value}, truth) == Outcome("20240501-f-a", text)


@pytest.mark.parametrize(
    ("truth", "item", "reason"),
    [
        (BINARY, {"id": 7, "outcome": "yes"}, "id: it is the number 7"),
        (BINARY, {"outcome": "yes"}, "id: it is missing"),
        (BINARY, {"id": "", "outcome": "yes"}, "id: it is the text ''"),
        (BINARY, {"id": "a" * 201, "outcome": "yes"}, "id: it is the text 'aaa"),
        (BINARY, {"id": "a\nb", "outcome": "yes"}, "id: it is the text 'a\\nb'"),
        (BINARY, {"id": "a"}, "outcome: it is missing; expected one of: no, yes"),
        (BINARY, {"id": "a", "outcome": None}, "outcome: it is null"),
        (BINARY, {"id": "a", "outcome": "perhaps"}, "outcome: it is the text 'perhaps'; expected one of: no, yes"),
        (BINARY, {"id": "a", "outcome": 1}, "outcome: it is the number 1"),
        (CLASSES, {"id": "a", "outcome": ["2"]}, "outcome: it is a list; expected a class"),
        (CLASSES, {"id": "a", "outcome": ""}, "outcome: it is the text ''"),
        (NUMBER, {"id": "a", "outcome": "3"}, "outcome: it is the text '3'; expected a number"),
        (NUMBER, {"id": "a", "outcome": True}, "outcome: it is true"),
        (NUMBER, {"id": "a", "outcome": math.inf}, "outcome: it is infinite"),
        (NUMBER, {"id": "a", "outcome": 10**400}, "outcome: it is a number that is too large"),
        (NUMBER, "a", "the item is the text 'a'; expected an object with id and outcome"),
    ],
)
def test_a_malformed_outcome_says_why(truth, item, reason):
    told = read_outcome(item, truth)
    assert isinstance(told, Malformed)
    assert told.reason.startswith(reason)


@pytest.mark.parametrize("truth", [BINARY, CLASSES, NUMBER])
@given(item=JSON)
def test_anything_is_either_an_outcome_or_malformed(truth, item):
    told = read_outcome({"id": "a", "outcome": item}, truth)
    assert isinstance(told, (Outcome, Malformed))
    if isinstance(told, Outcome):
        told.value.encode()
