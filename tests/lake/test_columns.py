"""What a frame becomes in a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.lake.columns import storable

NUMBERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32, pl.Float64]


@pytest.mark.parametrize("kind", [pl.UInt8, pl.UInt16, pl.UInt32])
def test_the_greatest_unsigned_integer_stays_what_it_is(kind: type[pl.DataType]) -> None:
    greatest = pl.select(kind.max()).to_series().alias("n")
    kept = storable(greatest.to_frame())["n"]
    assert kept.to_list() == greatest.to_list() and kept.dtype.is_signed_integer()


def test_an_integer_that_64_bits_with_a_sign_cannot_hold_is_refused() -> None:
    with pytest.raises(Mistake, match="too great"):
        storable(pl.DataFrame({"n": [2**63]}, schema={"n": pl.UInt64}))
    assert storable(pl.DataFrame({"n": [2**62]}, schema={"n": pl.UInt64}))["n"].to_list() == [2**62]


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.data())
def test_what_joins_a_column_keeps_its_value(kind: type[pl.DataType], there: type[pl.DataType], data: st.DataObject) -> None:
    if kind().is_float():
        values: list[float] = data.draw(st.lists(st.floats(width=32, allow_nan=False)))
    else:
        low, high = pl.select(kind.min()).item(), pl.select(kind.max()).item()
        values = data.draw(st.lists(st.integers(low, high) | st.just(high) | st.just(low)))
    frame, table = pl.DataFrame({"n": values}, schema={"n": kind}), pl.Schema({"n": there()})
    try:
        kept = storable(frame, table)
    except Mistake:
        assert kind != there
        return
    assert kept.schema == table
    assert kept["n"].to_list() == values


def test_integers_that_floats_cannot_tell_apart_do_not_join_them() -> None:
    floats = pl.Schema({"n": pl.Float64()})
    assert storable(pl.DataFrame({"n": [2**53, None, -(2**53)]}), floats)["n"].to_list() == [2.0**53, None, -(2.0**53)]
    with pytest.raises(Mistake, match="without loss"):
        storable(pl.DataFrame({"n": [2**53 + 1]}), floats)


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_moment_becomes_microseconds_in_utc(zone: str | None, unit: str) -> None:
    noon = pl.Series("t", [datetime(2013, 7, 1, 12)], dtype=pl.Datetime(unit)).dt.replace_time_zone(zone)  # type: ignore[arg-type]
    kept = storable(noon.to_frame())["t"]
    assert kept.dtype == pl.Datetime("us", "UTC")
    assert kept.to_list() == [datetime(2013, 7, 1, 16 if zone == "America/New_York" else 12, tzinfo=UTC)]
    assert storable(noon.to_frame(), pl.Schema({"t": pl.Datetime("us", "UTC")}))["t"].to_list() == kept.to_list()


@pytest.mark.parametrize("values", [[timedelta(1)], [datetime(2013, 1, 1).time()], [object()]])
def test_what_a_table_cannot_hold_is_named(values: list[object]) -> None:
    with pytest.raises(Mistake, match="table 't': column 'odd' is .*, which a table cannot hold"):
        storable(pl.DataFrame({"odd": values}), where="table 't'")


@pytest.mark.parametrize(
    ("values", "there"),
    [
        (["a"], pl.Int64()),
        ([1.5], pl.Int64()),
        ([1], pl.String()),
        ([True], pl.Int64()),
        ([datetime(2013, 1, 1)], pl.Date()),
        ([2**40], pl.Int32()),
        ([1], pl.Boolean()),
    ],
)
def test_what_would_lose_something_is_refused(values: list[object], there: pl.DataType) -> None:
    with pytest.raises(Mistake, match="cannot join a column of"):
        storable(pl.DataFrame({"n": values}), pl.Schema({"n": there}))


def test_nothing_but_nulls_takes_the_tables_type_or_becomes_text() -> None:
    empty = pl.DataFrame({"n": [None, None]})
    assert storable(empty).schema == pl.Schema({"n": pl.String()})
    assert storable(empty, pl.Schema({"n": pl.Datetime("us", "UTC")})).schema == pl.Schema({"n": pl.Datetime("us", "UTC")})


@pytest.mark.parametrize(("names", "table"), [(["Id", "id"], None), (["é", "É"], None), (["ID"], {"id": pl.Int64})])
def test_names_that_differ_only_in_capitals_are_refused(names: list[str], table: dict[str, type[pl.DataType]] | None) -> None:
    with pytest.raises(Mistake, match="differ only in capitals"):
        storable(pl.DataFrame({name: [1] for name in names}), pl.Schema(table) if table else None)
    assert storable(pl.DataFrame({"id": [1]}), pl.Schema({"id": pl.Int64})).columns == ["id"]
