import re

import polars as pl
import pytest

from loopline.data.contract.sql import query, rows, tables_of
from loopline.errors import Mistake

TABLES = {
    "orders": pl.LazyFrame({"id": [1, 2, 2], "who": ["x", "y", "z"], "__batch": ["q"] * 3, "__line": [2, 3, 4]}),
    "two-words": pl.LazyFrame({"id": [1]}),
}


def found(sql):
    return rows(query(sql, TABLES, where="a test"), where="a test")


def test_a_query_finds_rows_and_reads_nothing_before_they_are_collected():
    lazy = query("select id, count(*) as n from orders group by id having count(*) > 1", TABLES, where="t")
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().rows() == [(2, 2)]
    unread = {"orders": TABLES["orders"], "other": pl.scan_csv("/nowhere.csv")}
    assert query("select id from orders", unread, where="t").collect().height == 3


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT id FROM orders) SELECT * FROM a",
        "(select id from orders) ;",
        "-- the ids\nselect id /* all */ from Orders",
        "select id from orders where who like '%;%' or who = 'it''s from read_csv(''x'')' or true",
        'select o.id from orders as o left join "two-words" as t using (id)',
    ],
)
def test_what_is_a_query_is_answered(sql):
    assert found(sql).height >= 3


def test_hidden_columns_are_there_only_for_a_query_that_names_them():
    assert found("select * from orders").columns == ["id", "who"]
    assert found("select id, __line from orders where __batch = 'q'").columns == ["id", "__line"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select id from order", "there is no table 'order'; did you mean 'orders'?"),
        ("select idd from orders", "there is no column 'idd'; did you mean 'id'?"),
        ("select o.Who from orders o", "there is no column 'Who'; did you mean 'who'?"),
        ("select id from orders where zzzz > 1", "there is no column 'zzzz'; the columns are: id, who"),
        ("select id from orders where foo(id) = 1", "there is no function 'foo'"),
        ("select sum(who) from orders", "`sum` operation not supported"),
        ("select id id id from orders", "found: id at Line: 1, Column: 14"),
        ("  ", "the query is empty"),
        ("-- nothing", "the query is empty"),
        ("select 1; select 2", "there are several queries"),
        ("selec id from orders", "not with selec"),
        ("drop table orders", "DROP is not allowed"),
        ("create table x as select * from orders", "CREATE is not allowed"),
        ("delete from orders where id = 1", "DELETE is not allowed"),
        ("truncate table orders", "TRUNCATE is not allowed"),
        ("explain select 1", "EXPLAIN is not allowed"),
        ("with a as (select 1 as x) delete from orders", "no query that is understood"),
        ("select id from orders where who = E'\\'' or who = 'x'", "is no plain text"),
        ("select $$x$$ as a from orders", "a text in $$"),
        ("select id from orders where who = 'x", "a quote ' that is not closed"),
        ("select id into x from orders", "no query that is understood"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_what_was_perhaps_meant(sql, says):
    with pytest.raises(Mistake) as caught:
        found(sql)
    assert says in str(caught.value)
    assert str(caught.value).startswith("a test: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('{}')",
        "READ_CSV ('{}')",
        "\"read_csv\"('{}')",
        "`read_csv`('{}')",
        "read_csv/**/('{}')",
        "read_csv -- x\n('{}')",
        "read_parquet('{}')",
        "scan_csv('{}')",
        "orders, read_csv('{}')",
        "(select * from read_csv('{}')) as r",
        "'{}'",
    ],
)
def test_no_file_can_be_read(source, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("id\nhidden\n")
    with pytest.raises(Mistake):
        found(f"select * from {source.format(secret)}")


def test_a_plan_that_reads_a_file_is_refused_whatever_its_function_is_called(tmp_path, monkeypatch):
    secret = tmp_path / "secret.csv"
    secret.write_text("id\nhidden\n")
    monkeypatch.setattr("loopline.data.contract.sql._READS_FILES", re.compile("never"))
    with pytest.raises(Mistake, match="reads a file"):
        found(f"select * from read_csv('{secret}')")


def test_values_that_do_not_fit_are_told_when_the_rows_are_asked_for():
    lazy = query("select cast(who as bigint) as n from orders", TABLES, where="t")
    with pytest.raises(Mistake, match="try_cast"):
        rows(lazy, where="t")


def test_the_tables_that_a_query_may_read_are_those_that_it_names():
    assert tables_of("select * from orders where x = 'two-words'", TABLES) == ("orders",)
    assert tables_of('select * from "two-words"', TABLES) == ("two-words",)
