"""The time that a table covers, and where rows are lacking."""

from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.explore.coverage import BARS, coverage, time_column

FIRST = datetime(2024, 1, 1)


def counted(moments, rows=10):
    return pl.DataFrame({"at": moments, "rows": [rows] * len(moments)})


def days(numbers):
    return [(FIRST + timedelta(days=number)).date() for number in numbers]


def test_days_without_a_row_are_gaps_the_longest_first():
    found = coverage("day", counted(days([*range(50), *range(57, 100), *range(102, 150)])))
    assert (found.unit, found.steps, found.empty) == ("day", 150, 9)
    assert [(gap.since, gap.until, gap.steps) for gap in found.gaps] == [
        (FIRST + timedelta(days=50), FIRST + timedelta(days=56), 7),
        (FIRST + timedelta(days=100), FIRST + timedelta(days=101), 2),
    ]


def test_weekends_that_are_always_empty_are_no_gaps_but_a_lost_week_is():
    open_days = [number for number in range(140) if (FIRST + timedelta(days=number)).weekday() < 5 and not 70 <= number < 77]
    found = coverage("day", counted(days(open_days)))
    assert found.resting == ("Saturday", "Sunday")
    assert [gap.steps for gap in found.gaps] == [5]


def test_hours_are_looked_at_where_most_have_rows():
    hours = [FIRST + timedelta(hours=number) for number in range(200) if not 40 <= number < 43]
    found = coverage("at", counted(hours))
    assert (found.unit, found.steps, [gap.steps for gap in found.gaps]) == ("hour", 200, [3])


def test_nights_that_are_always_empty_are_no_gaps():
    hours = [FIRST + timedelta(hours=number) for number in range(24 * 60) if 6 <= number % 24 < 22 and not 500 <= number < 540]
    gaps = coverage("at", counted(hours)).gaps
    assert [gap.steps for gap in gaps] == [24]
    fortnight = [FIRST + timedelta(hours=number) for number in range(24 * 14) if 6 <= number % 24 < 22 and not 80 <= number < 83]
    assert [gap.steps for gap in coverage("at", counted(fortnight)).gaps] == [3]


def test_days_with_hardly_any_rows_are_thin():
    table = counted(days(range(60)), rows=100).with_columns(rows=pl.when(pl.int_range(60) == 30).then(3).otherwise(pl.col("rows")))
    assert [(bar.at, bar.rows) for bar in coverage("day", table).thin] == [(FIRST + timedelta(days=30), 3)]


def test_rare_rows_have_no_gaps():
    assert coverage("day", counted(days(range(0, 3000, 97)))).gaps == ()


@given(st.lists(st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=1, max_size=40, unique=True))
def test_bars_hold_every_row_and_are_few(moments):
    found = coverage("day", counted(sorted(moments)))
    assert sum(bar.rows for bar in found.bars) == found.known == 10 * len(moments)
    assert len(found.bars) <= BARS
    assert found.steps - found.empty == len(moments)
    found.to_json()


def test_nothing_known_covers_nothing():
    assert coverage("day", pl.DataFrame({"at": [], "rows": []}, schema={"at": pl.Date, "rows": pl.UInt32})) is None


def test_the_column_that_says_when_is_known_everywhere_and_named_so():
    usual, rare = counted(days(range(10))), counted(days(range(3)))
    assert time_column({"birth": usual, "created_at": usual, "when": rare}, 100) == "created_at"
    assert time_column({"birth": usual}, 100) == "birth"
    assert time_column({"when": rare}, 100) is None
    assert time_column({}, 100) is None
