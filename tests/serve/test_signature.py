"""The signature: right rows are read, and each wrong field is named with what was expected."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.serve.signature import LARGEST, Problem, Signature, describe

TYPES = ("integer", "number", "text", "category", "boolean", "date", "datetime")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["2024-01-31", "\ud800", "2024-01-31T08:30:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def column(name: str, kind: str, *, needed: bool = True, required: bool = False, values=None):
    return {"name": name, "type": kind, "roles": ["feature"], "needed": needed, "required": required, "values": values}


def one(kind: str, **more) -> Signature:
    return Signature.of([column("field", kind, **more)])


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("integer", 3, 3),
        ("integer", 3.0, 3),
        ("number", 3, 3.0),
        ("number", -0.5, -0.5),
        ("text", "", ""),
        ("category", "AA", "AA"),
        ("boolean", False, False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("datetime", "2024-01-31", datetime(2024, 1, 31)),
        ("datetime", "2024-01-31T08:30:00.5", datetime(2024, 1, 31, 8, 30, 0, 500_000)),
        ("datetime", "2024-01-31T08:30:00+02:00", datetime(2024, 1, 31, 6, 30)),
        ("datetime", "2024-01-31T08:30:00Z", datetime(2024, 1, 31, 8, 30)),
        ("number", None, None),
    ],
)
def test_right_values_are_read(kind, value, read):
    values, problems = one(kind).read({"field": value}, 0)
    assert problems == []
    assert values == [read]
    assert type(values[0]) is type(read)


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        ("integer", 3.5, "it is the number 3.5"),
        ("integer", True, "it is true"),
        ("integer", 2**63, "it is the number 9223372036854775808"),
        ("number", "3", "it is the text '3'"),
        ("number", True, "it is true"),
        ("number", math.nan, "it is not a number (NaN)"),
        ("number", math.inf, "it is infinite"),
        ("number", 1e39, "it is a number that is too large"),
        ("number", 10**400, "it is a number that is too large"),
        ("number", [1], "it is a list"),
        ("text", 3, "it is the number 3"),
        ("text", "\ud800", "it is the text '\\ud800'"),
        ("category", {"a": 1}, "it is an object"),
        ("boolean", 1, "it is the number 1"),
        ("boolean", "true", "it is the text 'true'"),
        ("date", "31.01.2024", "it is the text '31.01.2024'"),
        ("date", "2024-01-31T08:30:00", "it is the text '2024-01-31T08:30:00'"),
        ("datetime", 1706689800, "it is the number 1706689800"),
        ("datetime", "0001-01-01T00:00:00+14:00", "it is the text '0001-01-01T00:00:00+14:00'"),
        ("datetime", "yesterday", "it is the text 'yesterday'"),
    ],
)
def test_an_ill_typed_value_names_its_field_and_what_was_expected(kind, value, what):
    values, (problem,) = one(kind).read({"field": value}, 7)
    assert values == []
    assert (problem.row, problem.field, problem.what) == (7, "field", what)
    assert problem.where == "rows[7].field"
    assert problem.expected


def test_a_needed_field_may_be_null_but_not_absent():
    assert one("number").read({"field": None}, 0) == ([None], [])
    _, (problem,) = one("number").read({}, 0)
    assert problem == Problem(0, "field", "it is missing", "a number, or null")


def test_a_required_field_may_not_be_null():
    _, (problem,) = one("number", required=True).read({"field": None}, 0)
    assert problem.what == "it is null"


def test_a_field_that_is_not_needed_may_be_absent():
    assert one("text", needed=False).read({}, 0) == ([None], [])


def test_an_unknown_field_brings_the_nearest_name():
    signature = Signature.of([column("distance", "number"), column("carrier", "category")])
    _, (problem,) = signature.read({"distance": 1, "carrier": "AA", "carier": "AA"}, 0)
    assert (problem.field, problem.what, problem.expected) == ("carier", "there is no such field", "carrier perhaps")
    _, (far,) = signature.read({"distance": 1, "carrier": "AA", "zzz": 1}, 0)
    assert far.expected == "one of: distance, carrier"


def test_every_problem_of_a_row_is_told():
    signature = Signature.of([column("a", "number"), column("b", "text"), column("c", "boolean")])
    _, problems = signature.read({"a": "x", "b": 1, "d": 2}, 0)
    assert sorted(problem.field for problem in problems) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("row", [None, 3, "row", [1], True])
def test_a_row_that_is_no_object_is_told(row):
    _, (problem,) = one("number").read(row, 2)
    assert problem.where == "rows[2]"
    assert "the row is" in problem.what


@given(row=JSON | st.dictionaries(st.sampled_from(TYPES) | st.text(max_size=3), JSON), required=st.booleans())
def test_any_json_row_is_either_read_or_told_why_not(row, required):
    signature = Signature.of([column(kind, kind, required=required) for kind in TYPES])
    values, problems = signature.read(row, 0)
    assert bool(values) != bool(problems)
    # What is told can be answered and logged: it is text that any client can read.
    json.dumps([[problem.field, problem.reason] for problem in problems], ensure_ascii=False).encode()
    if values:
        assert set(row) == set(TYPES)
        assert all(value is None or value == value for value in values)
        assert values[1] is None or abs(values[1]) <= LARGEST


def test_the_example_is_a_right_row():
    signature = Signature.of([column(kind, kind) for kind in TYPES] + [column("seen", "category", values=["JFK", "EWR"])])
    example = signature.example(datetime(2026, 11, 26, 8, 59, 43, tzinfo=UTC))
    assert signature.read(example, 0)[1] == []
    assert example["seen"] == "JFK"


def test_the_example_is_of_the_moment_so_that_it_is_no_decision_of_the_past():
    signature = Signature.of([column(kind, kind) for kind in ("date", "datetime")])
    assert signature.example(datetime(2026, 11, 26, 8, 59, 43, 17, tzinfo=UTC)) == {"date": "2026-11-26", "datetime": "2026-11-26T08:59:43"}


def test_long_values_are_told_in_one_short_line():
    assert len(describe("x" * 10_000)) < 60
    assert "\n" not in describe("a\nb")


def test_a_flood_of_unknown_fields_is_told_in_few_words_and_little_time():
    signature = Signature.of([column(f"column_{number}", "number", needed=False) for number in range(50)])
    since = time.perf_counter()
    _, problems = signature.read({f"x{number}" * 1000: 1 for number in range(2000)}, 0)
    assert time.perf_counter() - since < 1
    assert len(problems) == 11
    assert problems[-1].what == "there are 1,990 more unknown fields"
    assert sum(len(problem.reason) for problem in problems) < 20_000
