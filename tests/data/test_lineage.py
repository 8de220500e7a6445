import polars as pl
import pytest

from loopline.data.derived.made import PARENTS_AT_MOST, last_made
from loopline.data.lineage import lineage
from loopline.data.overview import overview
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.data.turning import Turning


@pytest.fixture
def project(tmp_path):
    made = Turning(tmp_path)
    made.data = {
        "sources": {"orders": {"path": "orders*.csv", "key": "id"}, "customers": {"path": "customers.csv"}},
        "tables": {
            "sums": {
                "sql": "select customer, sum(total) as total from orders group by customer",
                "tests": [{"name": "t", "sql": "select * from customers limit 0"}],
            },
            "large": {"sql": "select id, total from orders where total > 10", "incremental": True},
        },
        "lookups": {"sums": {"on": "customer", "prefix": "all_"}},
    }
    made.write("orders-1.csv", pl.DataFrame({"id": range(60), "customer": ["x", "y"] * 30, "total": range(60), "late": ["yes", "no", "no"] * 20}))
    made.text("customers.csv", "name,city\nx,Bern\n")
    return made


def asked(project, table):
    with open_loop(project.folder) as loop:
        return lineage(loop.workspace, loop.project.declaration.data, table)


def test_a_table_is_followed_down_to_the_files(project):
    project.run()
    found = asked(project, "orders.joined")
    assert (found["kind"], found["rows"], found["how"], found["incremental"]) == ("joined", 60, "lookups sums", False)
    orders, sums = sorted(found["made_from"], key=lambda one: one["table"])
    assert [batch["file"] for batch in orders["batches"]] == ["orders-1.csv"]
    assert (sums["kind"], sums["how"], [one["table"] for one in sums["made_from"]]) == ("derived", "sql", ["orders"])
    assert sums["made_from"][0]["batches"] == orders["batches"]
    assert (orders["batches"][0]["read"], orders["batches"][0]["accepted"]) == (60, 60)


def test_what_came_later_is_not_in_what_was_made_before(project):
    project.run()
    project.data["tables"]["large"]["tests"] = [{"name": "never", "sql": "select * from large where total >= 60"}]
    project.write("orders-2.csv", pl.DataFrame({"id": [60], "customer": ["x"], "total": [99], "late": ["no"]}))
    with pytest.raises(Exception, match="never"):
        project.run()
    assert [batch["file"] for batch in asked(project, "orders")["batches"]] == ["orders-1.csv", "orders-2.csv"]
    assert [batch["file"] for batch in asked(project, "large")["made_from"][0]["batches"]] == ["orders-1.csv"]
    project.data["tables"]["large"].pop("tests")
    project.run()
    large = asked(project, "large")
    assert large["incremental"]
    assert [batch["file"] for batch in large["made_from"][0]["batches"]] == ["orders-1.csv", "orders-2.csv"]


def test_the_ledger_knows_what_an_entry_follows_from(project):
    project.run()
    with open_loop(project.folder) as loop:
        made = last_made(loop.workspace.ledger, "orders.joined")
        parents = loop.workspace.ledger.read(ids=made.parents)
        assert {(entry.kind, entry.subject) for entry in parents} == {("step", "data"), ("table", "sums"), ("batch", "orders")}
        assert len(parents) <= PARENTS_AT_MOST + 3
        assert "x" not in str(made.body["counts"])


def test_before_anything_is_made_there_is_nothing_to_follow(project):
    project.declare()
    assert asked(project, "large") == {
        **{"table": "large", "kind": "derived", "version": None, "rows": 0, "entry": None, "time": None, "how": None},
        **{"incremental": False, "made_from": [], "batches": [], "edits": []},
    }
    with pytest.raises(Mistake, match="there is no table 'larg'; the tables are: orders, customers, sums, large, orders.joined"):
        asked(project, "larg")


def test_the_overview_shows_what_is_made_and_from_what(project):
    project.run()
    with open_loop(project.folder) as loop:
        shown = {item["table"]: item for item in overview(loop.workspace, loop.project.declaration.data)}
    assert [(name, item["kind"], item["made_from"]) for name, item in shown.items()] == [
        ("orders", "source", []),
        ("customers", "source", []),
        ("sums", "derived", ["orders"]),
        ("large", "derived", ["orders"]),
        ("orders.joined", "joined", ["orders", "sums"]),
    ]
    assert (shown["sums"]["rows"], shown["sums"]["batches"], shown["sums"]["read"]) == (2, None, None)
