import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.data.rowwise import NotRowwise, growing, in_order, tables_in

KNOWN = ("a", "b", "My-Table")
ROWWISE = [
    "select x, y from a",
    "select * from a;",
    "select x + 1 as z, upper(y) as u from a where x > 1 -- sum(x)\n",
    "select a.x, b.w from a left join b on a.x = b.x",
    "select a.x, b.w from a join b using (x) where b.w in (1, 2) and not (a.x = 3)",
    "select x from a anti join b on a.x = b.x",
    "select case when (x > 1) then (2) else (3) end as z, coalesce(y, 'group by sum(x)') as v from a",
    'select x as "order", cast(x as double) as d from a /* distinct */',
]
NOT = {
    "select sum(x) as s from a": "sum",
    "select x, count(*) as n from a group by x": "count",
    "select x from a group by x": "GROUP",
    "select distinct x from a": "DISTINCT",
    "select x from a order by x": "ORDER",
    "select x from a limit 1": "LIMIT",
    "select x, row_number() over (order by x) as r from a": "row_number",
    "select x from a union all select x from b": "within",
    "select x from a where x in (select x from b)": "within",
    "with c as (select x from a) select x from c": "begin",
    "select one.x from a one join a two on one.x = two.x": "twice",
    "select a.x from a right join b on a.x = b.x": "RIGHT",
    "select a.x from a full join b on a.x = b.x": "FULL",
    "select x from c": "'c'",
    "select 1": "no table",
    'select "sum"(x) as s from a': "sum",
    "select first(x) as f from a": "first",
    "select random() as r from a": "random",
    "": "begin",
}


@pytest.mark.parametrize("sql", ROWWISE)
def test_selections_filters_and_joins_with_what_stays_are_row_by_row(sql):
    assert growing(sql, KNOWN)[0] == "a"


@pytest.mark.parametrize(("sql", "why"), NOT.items())
def test_what_looks_at_several_rows_is_not(sql, why):
    with pytest.raises(NotRowwise, match=why):
        growing(sql, KNOWN)


def test_the_other_tables_are_named_too():
    assert growing("select a.x from a join b on a.x = b.x", KNOWN) == ("a", ("b",))
    assert growing('select extract(year from t) as y from "My-Table"', KNOWN) == ("My-Table", ())


def test_tables_are_found_where_tables_stand():
    assert tables_in("select b from a", KNOWN) == ("a",)
    assert tables_in('select 1 from (select * from a, b) -- "My-Table"', KNOWN) == ("a", "b")
    assert tables_in('select extract(day from b) as d from A join "My-Table" on true', KNOWN) == ("a", "My-Table")
    assert tables_in("select 'from a' as b", KNOWN) == ()


@pytest.mark.parametrize("sql", ROWWISE)
@given(rows=st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 4)), st.one_of(st.none(), st.sampled_from("xyz"))), max_size=12), cut=st.integers(0, 12))
def test_a_query_that_is_row_by_row_gives_the_same_in_two_parts_as_in_one(sql, rows, cut):
    a = pl.DataFrame(rows, schema={"x": pl.Int64, "y": pl.String}, orient="row")
    b = pl.DataFrame({"x": [1, 1, 2, None], "w": [1, 2, 3, 4]})

    def found(part):
        return pl.SQLContext(a=part, b=b).execute(sql, eager=True)

    whole, parts = found(a), pl.concat([found(a[:cut]), found(a[cut:])])
    assert whole.sort(pl.all()).equals(parts.sort(pl.all()))


def test_tables_come_after_those_that_they_read_and_a_ring_is_named():
    assert in_order({"c": ["b", "s"], "b": ["a"], "a": ["s"]}) == ("a", "b", "c")
    with pytest.raises(ValueError, match="in a ring: b -> a -> b"):
        in_order({"c": ["b"], "b": ["a"], "a": ["b"]})
    with pytest.raises(ValueError, match="in a ring: a -> a"):
        in_order({"a": ["a"]})
