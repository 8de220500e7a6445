"""Conditions and values in SQL: what they choose and give, and what is said of a wrong one."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from loopline.data.edits.conditions import meeting, require_columns, with_values
from loopline.errors import Mistake

ROWS = pl.DataFrame(
    {
        "page": [1, 2, None],
        "city": ["Oslo", "Rome", None],
        "at": pl.Series([datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), None]).cast(pl.Datetime("us", "UTC")),
        "day": [date(2024, 1, 1), date(2024, 1, 2), None],
        "two words": [1.5, 2.5, None],
        "__batch": ["b"] * 3,
    }
).lazy()


@pytest.mark.parametrize(
    ("sql", "pages"),
    [
        ("page > 1", [2]),
        ("true", [1, 2, None]),
        ("page is null", [None]),
        ("not page = 1", [2]),
        ("city like 'O%' or city in ('Rome')", [1, 2]),
        ("at > '2024-01-01'", [1, 2]),
        ("day = '2024-01-02'", [2]),
        ("at between '2024-01-01' and '2024-01-01T13:00:00Z'", [1]),
        ('"two words" > 2', [2]),
        ("page = 1 -- the first", [1]),
        ("__batch = 'b' and upper(city) = 'ROME'", [2]),
        ("page = max(page)", [2]),
    ],
)
def test_rows_that_meet_a_condition(sql, pages):
    assert meeting(ROWS, sql).collect()["page"].to_list() == pages


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("pages = 1", "there is no column 'pages'; did you mean 'page'"),
        ('city = "Oslo"', "no column 'Oslo'; a text stands in single quotes: 'Oslo'"),
        ("page", "is no condition"),
        ("page + 1", "is no condition"),
        ("", "is not SQL"),
        ("page = = 1", "is not SQL"),
        ("page = 1; drop table x", "is not SQL"),
        ("page = 1) union (select * from self", "is not SQL"),
        ("select * from self", "is not SQL"),
        ("page = 1 group by city", "is not SQL"),
        ("nofn(page) = 1", "no function 'nofn'"),
        ("city > 5", "do not fit each other .*; the types are: city is text"),
        ("day > 'soon'", "do not fit each other"),
    ],
)
def test_a_wrong_condition_is_told_in_a_line(sql, what):
    with pytest.raises(Mistake, match=what) as told:
        meeting(ROWS, sql)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("texts", "column", "values"),
    [
        (["page=page + 1"], "page", [2, 3, None]),
        (["city=NULL"], "city", [None, None, None]),
        (["city='a=b'"], "city", ["a=b"] * 3),
        (['"two words" = 1.5'], "two words", [1.5] * 3),
        (["page=page * 2", "city=lower(city)"], "city", ["oslo", "rome", None]),
        (["city=page", "page=0"], "city", [1, 2, None]),
        (["city=case when page = 1 then 'one' else city end"], "city", ["one", "Rome", None]),
    ],
)
def test_values_are_given_by_expressions_over_the_rows_as_they_were(texts, column, values):
    made, columns = with_values(ROWS, texts)
    frame = made.collect()
    assert (frame[column].to_list(), frame.columns, column in columns) == (values, ROWS.collect_schema().names(), True)


def test_a_null_keeps_the_columns_type_and_other_values_keep_their_own():
    assert with_values(ROWS, ["page=NULL"])[0].collect_schema()["page"] == pl.Int64
    assert with_values(ROWS, ["page='x'"])[0].collect_schema()["page"] == pl.String
    assert with_values(ROWS, ["page=1.5"])[0].collect_schema()["page"] == pl.Float64


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        ([], "no column is given a value"),
        (["page"], "gives no column a value"),
        (["page == 1"], "gives no column a value"),
        (["=1"], "gives no column a value"),
        (["pagse=1"], "did you mean 'page'"),
        (["__batch='x'"], "Loopline's own column"),
        (["page=1", "page=2"], "two values"),
        (["page=pgae"], "did you mean 'page'"),
        (["page=max(page)"], "no value of a row"),
        (["page="], "is not SQL"),
    ],
)
def test_a_wrong_value_is_told_in_a_line(texts, what):
    with pytest.raises(Mistake, match=what):
        with_values(ROWS, texts)


def test_hidden_columns_are_not_offered():
    with pytest.raises(Mistake, match="the columns are: page, city, at, day, two words$"):
        require_columns(["zzzzzz"], ROWS.collect_schema(), where="x")
