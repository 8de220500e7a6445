"""Derived tables over real files: made, tested, made again, and made no more than needed."""

import textwrap

import polars as pl
import pytest

from loopline.data.spec import DataSpec
from loopline.errors import CheckFailed, Mistake
from tests.data.turning import Turning

PAST = {"table": "orders", "by": ["customer"], "known": "1d after day", "columns": {"last": {"of": "total", "step": 1}}}


def orders(first, last):
    rows = [(number, "xyz"[number % 3], number * 10, "yes" if number % 2 else "no") for number in range(first, last)]
    return pl.DataFrame(rows, schema=["id", "customer", "total", "late"], orient="row")


@pytest.fixture
def project(tmp_path):
    made = Turning(tmp_path)
    made.data = {
        "sources": {"orders": {"path": "orders*.csv", "key": "id"}, "customers": {"path": "customers.csv", "mode": "replace"}},
        "tables": {
            "rich": {"sql": "select customer, total from spending where total > 5900"},
            "spending": {"sql": "select customer, sum(total) as total from orders group by customer", "key": "customer"},
            "large": {
                "sql": "select o.id, o.total, c.city from orders o left join customers c on o.customer = c.name where o.total >= 50",
                "incremental": True,
            },
        },
    }
    made.write("orders-1.csv", orders(0, 60))
    made.text("customers.csv", "name,city\nx,Bern\ny,Oslo\n")
    return made


def test_tables_are_made_in_the_order_in_which_they_read_one_another(project):
    facts, done = project.run()
    assert done == ["table spending", "table rich", "table large"]
    assert project.rows("spending").rows() == [("x", 5700), ("y", 5900), ("z", 6100)]
    assert project.rows("rich").rows() == [("z", 6100)]
    assert (facts["table large"]["rows"], facts["table large"]["incremental"]) == (55, False)


def test_only_what_reads_something_new_is_made_again(project):
    project.run()
    assert project.run()[1] == []
    project.text("customers.csv", "name,city\nx,Bern\ny,Rome\n")
    assert project.run()[1] == ["table large"]
    project.data["tables"]["rich"]["sql"] = "select customer from spending where total > 5900"
    assert project.run()[1] == ["table rich"]


def test_a_table_that_comes_out_the_same_keeps_its_version(project):
    project.data["tables"]["spending"]["sql"] = "select customer, max(total) as total from orders where id < 60 group by customer"
    project.run()
    before = project.version("spending")
    project.write("orders-2.csv", orders(60, 63))
    _, done = project.run()
    assert done == ["table spending", "table large"]
    assert project.version("spending") == before


def test_new_rows_alone_are_computed_where_the_query_is_row_by_row(project):
    project.run()
    project.write("orders-2.csv", orders(60, 70))
    facts, _ = project.run()
    large = facts["table large"]
    assert (large["rows"], large["added"], large["incremental"], large["why"]) == (65, 10, True, "")
    assert project.rows("large")["id"].to_list() == list(range(5, 70))
    made = project.entries("table")
    mine = [entry for entry in made if entry.subject == "large"]
    assert mine[0].id in mine[1].parents


def test_all_rows_are_computed_where_new_ones_do_not_suffice_and_that_is_said(project):
    project.run()
    project.write("orders-1.csv", orders(1, 60))
    assert project.run()[0]["table large"]["why"] == "rows of orders were changed or taken out, not only added"
    project.text("customers.csv", "name,city\nx,Bern\ny,Rome\n")
    facts, _ = project.run()
    assert facts["table large"]["why"] == "customers has changed, which it is joined with"
    assert set(project.rows("large")["city"].to_list()) == {"Bern", "Rome", None}
    project.data["tables"]["large"]["sql"] += " and o.total < 100"
    assert project.run()[0]["table large"]["why"] == "it is declared otherwise, or was changed since"


def test_a_test_that_stops_keeps_the_version_before(project):
    table = project.data["tables"]["spending"]
    project.run()
    before = project.version("spending")
    table["tests"] = [{"name": "nobody spends too much", "sql": "select * from spending where total > 7000"}]
    project.run()
    project.write("orders-2.csv", orders(60, 120))
    with pytest.raises(CheckFailed, match=r"data.tables.spending.tests, nobody spends too much: the test finds 3 rows and may find none"):
        project.run()
    assert project.version("spending") == before
    assert all("7" not in str(entry.body.get("why", "")).replace("7000", "") for entry in project.entries("step"))
    table["tests"][0]["severity"] = "warn"
    facts, _ = project.run()
    assert facts["table spending"]["warnings"] == {"nobody spends too much": 3}
    assert project.version("spending") > before


def test_a_test_may_read_other_tables_and_sees_old_and_new_rows_together(project):
    test = {"name": "all customers", "sql": "select customer from orders where id >= 5 and id not in (select id from large)"}
    project.data["tables"]["large"]["tests"] = [test, {"name": "some", "sql": "select 1 as one from large having count(*) <> 55 and count(*) <> 65"}]
    project.run()
    project.write("orders-2.csv", orders(60, 70))
    assert project.run()[0]["table large"]["incremental"]


def test_the_key_names_one_row_each(project):
    project.data["tables"]["large"] = {"sql": "select customer, total from orders", "key": "customer"}
    with pytest.raises(CheckFailed, match="the key customer of table 'large' is not one row's own in 60 rows"):
        project.run()
    project.data["tables"]["large"] = {"sql": "select nullif(total, 50) as total from orders", "key": "total"}
    with pytest.raises(CheckFailed, match="the key total of table 'large' is empty in 1 rows"):
        project.run()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select nothing from orders", "nothing"),
        ("selec 1 from orders", "data.tables.large"),
        ("select id as __row from orders", "names that begin with __ are Loopline's own"),
        ("select cast(customer as int) as n from orders", "data.tables.large"),
    ],
)
def test_a_query_that_cannot_be_answered_is_one_line(project, sql, says):
    project.data["tables"]["large"] = {"sql": sql}
    with pytest.raises(Mistake) as caught:
        project.run()
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


FUNCTION = """
import polars as pl
from own_rates import RATE

def spending(tables):
    return tables["orders"].group_by("customer").agg(pl.col("total").sum() * RATE).sort("customer")

def eager(tables):
    return tables["orders"].collect().head(3)

def wrong(tables):
    rows = tables["orders"]
    return rows.select(1 / 0)

def late(tables):
    return tables["orders"].select(pl.col("customer").cast(pl.Int64))

def nothing(tables):
    return 3
"""


@pytest.fixture
def functions(project):
    project.text("own_tables.py", FUNCTION)
    project.text("own_rates.py", "RATE = 2\n")
    return project


def declare(project, name, **more):
    project.data["tables"] = {"made": {"function": f"own_tables:{name}", "reads": ["orders"], **more}}
    return project


def test_a_function_makes_a_table_and_a_changed_one_makes_it_anew(functions):
    declare(functions, "spending", key="customer").run()
    assert functions.rows("made").rows() == [("x", 11400), ("y", 11800), ("z", 12200)]
    assert functions.run()[1] == []
    functions.text("own_tables.py", FUNCTION.replace("* RATE", "* 3"))
    assert functions.run()[1] == ["table made"]
    assert functions.rows("made")["total"].to_list() == [17100, 17700, 18300]
    declare(functions, "eager").run()
    assert functions.rows("made").height == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("wrong", r"data.tables.made \(own_tables.py, line 13\): ZeroDivisionError: division by zero; mend the function"),
        ("late", r"data.tables.made \(own_tables.py, line 15\): InvalidOperationError: "),
        ("nothing", "own_tables:nothing returned int, and no frame"),
        ("absent", "module 'own_tables' has no function 'absent'"),
    ],
)
def test_what_a_function_raises_is_one_line_with_its_file_and_line(functions, name, says):
    with pytest.raises(Mistake, match=says) as caught:
        declare(functions, name).run()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def broken(:\n", r"own_tables.py, line 1\): SyntaxError"),
        ("import polars\nimport no_such_module_of_ours\n", r"own_tables.py, line 2\): ModuleNotFoundError"),
        ("x = 1\nraise RuntimeError('not today')\n", r"own_tables.py, line 2\): RuntimeError: not today"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line_too(functions, source, says):
    functions.text("own_tables.py", source)
    with pytest.raises(Mistake, match=says):
        declare(functions, "spending").run()


def test_a_module_that_is_not_there_is_asked_for(functions):
    functions.data["tables"] = {"made": {"function": "own_missing:made", "reads": ["orders"]}}
    with pytest.raises(Mistake, match="there is no module 'own_missing'; put own_missing.py beside loopline.yaml"):
        functions.run()


SOURCES = {"orders": {"path": "o.csv"}}


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"a": {"sql": "select * from b"}, "b": {"sql": "select * from a"}}, "in a ring: a -> b -> a"),
        ({"a": {"sql": "select * from orders", "reads": ["ordres"]}}, "reads 'ordres', which is not declared"),
        ({"a": {"sql": "select 1"}}, "the query of table 'a' reads no declared table"),
        ({"a": {"function": "m:f"}}, "say which tables the function reads"),
        ({"a": {"function": "m:f", "reads": ["orders"], "incremental": True}}, "leave incremental out, or write the table as sql"),
        ({"a": {"sql": "select count(*) from orders", "incremental": True}}, "not row by row: count"),
        ({"a": {"sql": "select * from orders", "function": "m:f"}}, "say one of sql:, function: and past:"),
        ({"a": {"past": PAST, "key": ["customer"]}}, "leave reads, key and time out"),
        ({"a": {"past": PAST, "incremental": True}}, "a table of the past is made whole"),
        ({"a": {"past": {**PAST, "table": "ordres"}}}, "reads 'ordres', which is not declared"),
        ({"a": {"past": {**PAST, "by": ["known_at"]}}}, "no entity can be named by it"),
        ({"a": {"past": {**PAST, "columns": {"customer": {"of": "id", "step": 1}}}}}, "is a key of the table"),
    ],
)
def test_a_table_that_cannot_be_made_is_a_mistake_at_once(tables, says):
    with pytest.raises(ValueError, match=says):
        DataSpec.model_validate({"sources": SOURCES, "tables": tables})


def test_a_derived_table_can_be_looked_into(project):
    project.data["tables"]["spending"]["sql"] = textwrap.dedent("""
        select customer, sum(total) as spent from orders group by customer
    """)
    project.data["tables"].pop("rich")
    project.data["lookups"] = {"spending": {"on": "customer"}}
    facts, done = project.run()
    assert done == ["table spending", "table large", "join"]
    assert project.rows("orders.joined")["spent"].to_list()[:3] == [5700, 5900, 6100]
    assert facts["join"]["lookups"][0]["table"] == "spending"


def test_a_table_that_a_contract_refers_to_is_made_before_the_rows_are_checked(project):
    project.data["tables"] = {"cities": {"sql": "select distinct name from customers"}}
    project.data["contract"] = {"references": [{"columns": "customer", "table": "cities", "to": "name"}]}
    project.write("orders-1.csv", orders(0, 90))
    facts, done = project.run()
    assert done == ["ingest customers", "table cities"]
    assert facts["ingest"]["reasons"] == {"customer is not in table cities": 30}
    assert project.run()[1] == []
    project.text("customers.csv", "name,city\nx,Bern\ny,Oslo\nz,Rome\n")
    assert project.run()[1] == ["ingest customers", "table cities"]
    project.data["tables"]["cities"]["sql"] = "select distinct customer as name from orders"
    with pytest.raises(ValueError, match="in a ring: orders -> cities -> orders"):
        DataSpec.model_validate(project.data)
