from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.casting import FormatFinder, formats, inferred, parsed
from loopline.errors import Mistake


def read(values, want, *, dtype=pl.String, nulls=("",), format=None):
    frame = pl.DataFrame({"v": pl.Series(values, dtype=dtype)})
    return frame.select(parsed("v", frame.schema["v"], want, nulls=nulls, format=format).alias("v"))["v"].to_list()


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("want", "values", "expected"),
    [
        ("integer", ["5", " 7 ", "+3", "1.0", "1e3", "1.5", "x", "", "99999999999999999999"], [5, 7, 3, 1, 1000, None, None, None, None]),
        ("number", ["5", "-1.5", "1e-3", "inf", "nan", "1,5", ""], [5.0, -1.5, 0.001, None, None, None, None]),
        ("boolean", ["true", "No", "1", "F", "maybe"], [True, False, True, False, None]),
        ("text", [" a", "", "5"], [" a", None, "5"]),
        ("datetime", ["2024-01-02", "2024-01-02T03:04:05", "2024-01-02 03:04"], [at(2024, 1, 2), at(2024, 1, 2, 3, 4, 5), at(2024, 1, 2, 3, 4)]),
        ("datetime", ["2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05Z", "x"], [at(2024, 1, 2, 1, 4, 5), at(2024, 1, 2, 3, 4, 5), None]),
    ],
)
def test_texts_are_read_as_a_type_or_not_at_all(want, values, expected):
    assert read(values, want) == expected


def test_a_date_is_read_as_its_format_says_and_a_short_year_is_no_year():
    assert read(["1/2/2011", "13/1/2011", "1/2/11"], "date", format="%m/%d/%Y") == [date(2011, 1, 2), None, None]


@pytest.mark.parametrize(
    ("dtype", "values", "want", "expected"),
    [
        (pl.Float64, [1.0, 1.5, float("nan")], "integer", [1, None, None]),
        (pl.Int64, [0, 1, 2], "boolean", [False, True, None]),
        (pl.Int32, [1, 2], "text", ["1", "2"]),
        (pl.Date, [date(2024, 1, 2)], "datetime", [datetime(2024, 1, 2, tzinfo=UTC)]),
        (pl.Datetime("ns"), [datetime(2024, 1, 2)], "datetime", [datetime(2024, 1, 2, tzinfo=UTC)]),
        (pl.Int64, [3], "date", [None]),
    ],
)
def test_typed_values_are_turned_into_another_type_where_nothing_is_lost(dtype, values, want, expected):
    assert read(values, want, dtype=dtype) == expected


def test_lists_have_no_place_in_a_table():
    with pytest.raises(Mistake, match="flatten"):
        parsed("v", pl.List(pl.Int64), "text")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2", ""], ("integer", None)),
        (["1", "2.5"], ("number", None)),
        (["true", "False"], ("boolean", None)),
        (["007", "012"], ("category", None)),
        (["yes", "no"], ("category", None)),
        (["2024-01-02", "2024-02-03"], ("date", "%Y-%m-%d")),
        (["1/31/2011", "2/1/2011"], ("date", "%m/%d/%Y")),
        (["31/1/2011", "1/2/2011"], ("date", "%d/%m/%Y")),
        (["31.01.2011", "01.02.2011"], ("date", "%d.%m.%Y")),
        (["2024-01-02 10:00", "2024-01-02T11:00:00"], ("datetime", "iso")),
        (["1/31/2011 4:05", "2/1/2011 14:05"], ("datetime", "%m/%d/%Y %H:%M")),
        (["", ""], ("text", None)),
        ([f"word {number}" for number in range(50)], ("text", None)),
    ],
)
def test_the_type_that_fits_all_values_is_found(values, expected):
    assert inferred(pl.Series(values), nulls=("",)) == expected


def test_a_few_stray_values_may_be_tolerated():
    values = pl.Series([*map(str, range(100)), "about 7"])
    assert inferred(values) == ("text", None)
    assert inferred(values, tolerance=0.02) == ("integer", None)


def test_dates_whose_day_and_month_could_be_swapped_are_told():
    assert formats(pl.Series(["1/2/2011", "3/4/2011"]), "date") == ("%m/%d/%Y", True)
    assert formats(pl.Series(["1/2/2011", "30/4/2011"]), "date") == ("%d/%m/%Y", False)
    assert formats(pl.Series(["never"]), "date") == (None, False)


def test_decimals_are_read_as_whole_numbers_where_they_are():
    values = pl.Series("x", ["1.00", "2.50", None]).cast(pl.Decimal(10, 2)).to_frame()
    assert values.select(parsed("x", values.schema["x"], "integer"))["x"].to_list() == [1, None, None]
    assert values.select(parsed("x", values.schema["x"], "number"))["x"].to_list() == [1.0, 2.5, None]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pl.Series("v", [0, 1, 2, None]), [False, True, None, None]),
        (pl.Series("v", [0.0, 1.0, 0.5, float("nan"), None]), [False, True, None, None, None]),
        (pl.Series("v", [date(2024, 1, 1), None]), [None, None]),
    ],
)
def test_only_nought_and_one_among_typed_values_are_boolean(values, found):
    assert values.to_frame().select(parsed("v", values.dtype, "boolean")).to_series().to_list() == found


def found(parts):
    finder = FormatFinder("date")
    for part in parts:
        finder.add(pl.Series(part, dtype=pl.String))
    return finder.found()


@given(st.lists(st.sampled_from(["2024-01-31", "31/01/2024", "01/31/2024", "01/02/2024", "soon"]), max_size=12), st.integers(1, 12), st.sampled_from([1, 300]))
def test_the_format_is_the_same_wherever_the_parts_are_cut(values, size, times):
    texts = values * times
    assert found(texts[at : at + size * times] for at in range(0, len(texts), size * times)) == found([texts])


def test_one_format_that_reads_the_first_values_is_sure_and_others_wait_for_more():
    finder = FormatFinder("date")
    finder.add(pl.Series(["01/02/2024"] * 1500))
    assert not finder.is_sure
    finder.add(pl.Series(["31/01/2024"]))
    assert finder.found() == "%d/%m/%Y"
    sure = FormatFinder("date")
    sure.add(pl.Series(["31/01/2024"] * 1500))
    assert sure.is_sure
