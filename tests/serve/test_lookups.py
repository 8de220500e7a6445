"""What a server finds is what a join finds, without Polars: the same random tables are looked into by both."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import assume, given, settings

from loopline.data.derived.lookups import known, look_up
from loopline.data.moments import Lookup
from loopline.errors import Mistake
from loopline.serve.lookups import Lookups, Published, microseconds, pack
from loopline.serve.published import sheet_of
from loopline.serve.signature import Column, Signature
from tests.data.derived.test_lookups import lookup, tables

ROLES = frozenset({"feature"})
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


def column(name, kind, *, needed=False, required=False):
    return Column(name, kind, ROLES, needed, required)


def published(table, made, columns, **more):
    sheet, _ = sheet_of(table.lazy(), made, {one.name: one for one in columns}, version=3, **more)
    return Published(made, "b" * 64, pack(sheet))


@settings(max_examples=150)
@given(tables())
def test_a_server_finds_what_a_join_finds(drawn):
    main, table, made = drawn
    assume(table.height)
    columns = (column("origin", "category"), column("number", "integer"), column("due", "datetime"), column("temp", "integer"))
    looked = look_up(main, known(table.lazy(), made))
    lookups = Lookups([made.plain()], columns)
    lookups.exchange(published(table, made, columns))
    signature = Signature(columns)
    for place, sent in enumerate(main.iter_rows(named=True)):
        row = {**sent, "due": sent["due"] and sent["due"].isoformat()}
        values, problems = signature.read(row, 0)
        filled, found, problems = lookups.fill(row, values, 0, NOW)
        if made.as_of is not None and row["due"] is None:
            assert [problem.field for problem in problems] == ["due"]
            continue
        assert not problems
        assert filled["temp"] == values[3] == looked.values["temp"][place]
        assert found["weather"].found == looked.found[place]
        if made.as_of is not None:
            us = looked.as_of[place]
            assert found["weather"].as_of == (None if us is None else (datetime(1970, 1, 1) + timedelta(microseconds=us)).isoformat() + "Z")
        assert "temp" not in row


TYPES = {
    "number": ("number", [1.5, None, float("nan"), -0.25], [1.5, None, None, -0.25]),
    "whole": ("integer", [1, None, 2**60, -3], [1, None, 2**60, -3]),
    "words": ("category", ["a", None, "ä\n", ""], ["a", None, "ä\n", ""]),
    "flag": ("boolean", [True, None, False, True], [True, None, False, True]),
    "day": ("date", [date(2024, 1, 2), None, date(1, 1, 1), date(9999, 12, 31)], ["2024-01-02", None, "0001-01-01", "9999-12-31"]),
    "time": (
        "datetime",
        [datetime(2024, 1, 2, 3), None, datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 1, 1)],
        ["2024-01-02T03:00:00Z", None, "1969-12-31T23:59:59.999999Z", "2024-01-01T00:00:00Z"],
    ),
    "nothing": ("text", pl.Series([None] * 4, dtype=pl.String), [None] * 4),
}


def test_values_of_every_type_come_back_as_they_were():
    made = lookup(keys=(("origin", "origin"),), as_of=None, moment=None, columns={name: name for name in TYPES})
    columns = (column("origin", "category"), *(column(name, kind) for name, (kind, _, _) in TYPES.items()))
    table = pl.DataFrame({"origin": list("ABCD"), **{name: values for name, (_, values, _) in TYPES.items()}})
    lookups = Lookups([made.plain()], columns)
    lookups.exchange(published(table, made, columns))
    for place, origin in enumerate("ABCD"):
        filled, _, _ = lookups.fill({"origin": origin}, [origin, *[None] * len(TYPES)], 0, NOW)
        assert filled == {"origin": origin, **{name: said[place] for name, (_, _, said) in TYPES.items()}}
        assert msgspec.json.decode(msgspec.json.encode(filled)) == filled


@pytest.mark.parametrize(
    ("kind", "keys", "asked"),
    [
        ("date", [date(2024, 1, 1), date(2024, 1, 2)], date(2024, 1, 2)),
        ("datetime", [datetime(2024, 1, 1), datetime(2024, 1, 2)], datetime(2024, 1, 2)),
        ("boolean", [True, False], False),
        ("integer", [1, 2], 2),
        ("number", [1.5, 2.0], 2.0),
    ],
)
def test_keys_of_every_type_are_found(kind, keys, asked):
    made = lookup(keys=(("k", "k"),), as_of=None, moment=None)
    sheet = published(pl.DataFrame({"k": keys, "temp": [1, 2]}), made, (column("temp", "integer"),))
    assert sheet.value("temp", sheet.place([asked], 0)) == 2
    assert sheet.place([None], 0) is None


WEATHER = pl.DataFrame(
    {
        "origin": ["A", "A", "B"],
        "hour": [datetime(2024, 1, 1, 1), datetime(2024, 1, 1, 9), datetime(2024, 1, 1, 2)],
        "temp": [1, 9, 2],
        "sky": ["sun", "rain", None],
    }
)
SAID = {"temp": "temp", "sky": "sky"}
COLUMNS = (column("origin", "category", needed=True), column("due", "datetime"), column("temp", "integer"), column("sky", "category"))


def fill(row, made=None, **more):
    made = made or lookup(columns=SAID)
    lookups = Lookups([made.plain()], COLUMNS)
    lookups.exchange(published(WEATHER, made, COLUMNS, **more))
    values, problems = Signature(COLUMNS).read(row, 0)
    assert not problems
    return lookups.fill(row, values, 5, NOW)


def test_what_a_request_says_stands_also_where_it_says_null():
    filled, found, _ = fill({"origin": "A", "due": "2024-01-01T10:00:00Z", "sky": None})
    assert filled == {"origin": "A", "due": "2024-01-01T10:00:00Z", "sky": None, "temp": 9}
    assert found["weather"].columns == ["temp"]
    filled, found, _ = fill({"origin": "A", "sky": "sun", "temp": 4})
    assert (filled, found) == ({"origin": "A", "sky": "sun", "temp": 4}, {})


def test_without_its_time_a_row_is_of_now():
    assert fill({"origin": "B"})[0]["temp"] == 2
    assert fill({"origin": "A"})[0]["temp"] == 9


def test_a_required_row_that_is_not_found_is_a_problem_that_says_what_was_looked_for():
    made = lookup(columns=SAID, required=True)
    _, _, (problem,) = fill({"origin": "C", "due": "2024-01-01T10:00:00"}, made)
    assert problem.where == "rows[5].temp"
    assert problem.reason == "temp: it is missing, and weather has nothing for origin 'C' as of due; expected it to be sent"
    assert fill({"origin": "C", "temp": None, "sky": None}, made)[2] == []


def test_a_moment_before_what_is_published_is_a_problem_and_not_a_null():
    _, _, (problem,) = fill({"origin": "A", "due": "2024-01-01T08:00:00"}, rows_at_most=1)
    assert problem.reason.startswith("due: it is before 2024-01-01T09:00:00Z, from when on weather is published; expected a later time")
    assert fill({"origin": "B", "due": "2024-01-01T09:00:00"}, rows_at_most=1)[0]["temp"] == 2


def test_what_was_never_published_is_a_problem():
    lookups = Lookups([lookup(columns=SAID).plain()], COLUMNS)
    _, _, (problem,) = lookups.fill({"origin": "A"}, ["A", None, None, None], 0, NOW)
    assert "lookup weather has not been published" in problem.what


def test_an_empty_table_finds_nothing():
    made = lookup()
    sheet = published(WEATHER.clear(), made, COLUMNS)
    assert (sheet.rows, sheet.place(["A"], 0)) == (0, None)


def test_bytes_that_are_no_published_values_are_refused():
    for data in (b"", b"nonsense", msgspec.msgpack.encode({"format": 9})):
        with pytest.raises(Mistake, match="a format that this Loopline does not read"):
            Published(lookup(), "b" * 64, data)


def test_moments_are_told_in_utc():
    assert microseconds(date(1970, 1, 2)) == 86_400_000_000
    assert microseconds(datetime(1970, 1, 1, 2, tzinfo=UTC)) == microseconds(datetime(1970, 1, 1, 2)) == 7_200_000_000


def test_a_column_that_the_package_would_misread_is_refused():
    made = Lookup.of({**lookup().plain(), "columns": {"sky": "temp"}})
    with pytest.raises(Mistake, match="'temp' is String in table 'weather', and the package takes integer"):
        published(WEATHER, made, COLUMNS)
