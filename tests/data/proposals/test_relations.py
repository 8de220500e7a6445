import random
from datetime import date, timedelta

import polars as pl
import pytest

from loopline.data.proposals.relations import composite_key, name_of, references, relations
from loopline.expression.language import parse
from loopline.expression.on_polars import as_polars

CHANCE = random.Random(1)


def orders(count=400, **more):
    rows = []
    for number in range(count):
        ordered = date(2024, 1, 1) + timedelta(days=CHANCE.randrange(300))
        net, tax, pieces, price = round(CHANCE.uniform(5, 90), 2), round(CHANCE.uniform(1, 9), 2), CHANCE.randint(1, 9), round(CHANCE.uniform(1, 99), 2)
        rows.append(
            {
                "ordered": ordered,
                "shipped": ordered + timedelta(days=CHANCE.randrange(9)),
                "arrived": ordered + timedelta(days=9 + CHANCE.randrange(9)),
                "net": net,
                "tax": tax,
                "total": round(net + tax, 2),
                "pieces": pieces,
                "price": price,
                "sum of all": round(pieces * price, 2),
                "noise": round(CHANCE.uniform(0, 100), 2),
                **{name: make(number) for name, make in more.items()},
            }
        )
    return pl.DataFrame(rows)


def test_what_holds_between_columns_is_found_and_what_follows_from_it_is_not():
    found = {relation.check: relation for relation in relations(orders())}
    assert {"shipped >= ordered", "arrived >= shipped", "abs(total - (net + tax)) < 0.01", "abs(`sum of all` - pieces * price) < 0.01"} <= set(found)
    assert "arrived >= ordered" not in found
    assert not [check for check in found if "noise" in check]
    assert all(relation.exceptions == 0 and relation.rows == 400 for relation in found.values())


def test_every_relation_holds_in_the_rows_it_was_found_in():
    frame = orders()
    for relation in relations(frame):
        assert frame.select((~as_polars(parse(relation.check))).sum()).item() == relation.exceptions


def test_whole_numbers_add_up_exactly():
    frame = pl.DataFrame([{"a": a, "b": b, "c": a + b} for a, b in ((CHANCE.randint(0, 50), CHANCE.randint(0, 50)) for _ in range(200))])
    checks = [relation.check for relation in relations(frame)]
    assert "c == a + b" in checks


def test_a_few_exceptions_are_counted_and_many_leave_no_relation():
    frame = orders()
    late = pl.when(pl.int_range(pl.len()) < 2).then(pl.col("ordered") - timedelta(days=3)).otherwise(pl.col("shipped"))
    found = {relation.check: relation.exceptions for relation in relations(frame.with_columns(shipped=late))}
    assert found["shipped >= ordered"] == 2
    late = pl.when(pl.int_range(pl.len()) < 40).then(pl.col("ordered") - timedelta(days=3)).otherwise(pl.col("shipped"))
    assert "shipped >= ordered" not in {relation.check for relation in relations(frame.with_columns(shipped=late))}


def test_numbers_of_other_sizes_are_no_relation():
    frame = pl.DataFrame({"age": [CHANCE.randint(18, 90) for _ in range(300)], "income": [CHANCE.randint(10_000, 90_000) for _ in range(300)]})
    assert relations(frame) == []


def test_few_rows_tell_nothing():
    assert relations(orders(30)) == []
    assert relations(pl.DataFrame({"a": [], "b": []}, schema={"a": pl.Int64, "b": pl.Int64})) == []


def test_columns_that_together_tell_rows_apart_are_a_key():
    frame = pl.DataFrame([{"station": f"s{station}", "hour": hour, "temp": CHANCE.random()} for station in range(12) for hour in range(60)])
    assert composite_key(frame, ["station", "hour"]) == ("station", "hour")
    assert composite_key(pl.concat([frame, frame.head(1)]), ["station", "hour"]) is None
    three = pl.DataFrame([{"a": a, "b": b, "c": c} for a in range(6) for b in range(6) for c in range(6)])
    assert composite_key(three, ["a", "b", "c"]) == ("a", "b", "c")


def test_columns_that_tell_rows_apart_by_chance_are_none():
    several = [*range(199), 0]
    frame = pl.DataFrame({"a": CHANCE.sample(several, 200), "b": CHANCE.sample(several, 200)})
    assert not frame.is_duplicated().any()
    assert composite_key(frame, ["a", "b"]) is None


@pytest.mark.parametrize(
    ("column", "table", "key", "likely"),
    [
        ("customer_id", "customers", "id", True),
        ("customer", "customers", "id", True),
        ("carrier", "airlines", "carrier", True),
        ("pages", "customers", "id", None),
        ("id", "customers", "id", None),
    ],
)
def test_a_column_of_another_tables_key_is_a_reference_where_its_name_says_so(column, table, key, likely):
    frame = pl.DataFrame({column: [CHANCE.randint(1, 9) for _ in range(100)]})
    found = references(frame, {table: {key: pl.Series(range(100))}})
    assert [reference.likely for reference in found] == ([] if likely is None else [likely])


def test_a_value_that_is_not_there_makes_it_no_reference():
    frame = pl.DataFrame({"carrier": [f"c{number % 30}" for number in range(100)]})
    known = pl.Series([f"c{number}" for number in range(29)])
    assert references(frame, {"airlines": {"code": known}}) == []
    assert [reference.to for reference in references(frame, {"airlines": {"code": known.append(pl.Series(["c29"]))}})] == ["code"]


def test_names_that_are_no_identifiers_stand_in_backquotes():
    assert [name_of(name) for name in ("a", "a b", "from", "2x")] == ["a", "`a b`", "`from`", "`2x`"]
