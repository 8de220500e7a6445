import json

import polars as pl
import pytest

from tests.cli.deciding import loopline, refused
from tests.data.turning import Turning


@pytest.fixture
def project(tmp_path):
    made = Turning(tmp_path)
    made.data = {
        "sources": {"orders": {"path": "orders*.csv", "key": "id"}},
        "tables": {"sums": {"sql": "select customer, sum(total) as total from orders group by customer"}},
        "lookups": {"sums": {"on": "customer", "prefix": "all_"}},
    }
    rows = pl.DataFrame({"id": range(60), "customer": ["x", "y"] * 30, "total": range(60), "late": ["yes", "no", "no"] * 20})
    for number in range(12):
        made.write(f"orders-{number:02}.csv", rows[number * 5 : number * 5 + 5])
    made.run()
    return made


def test_a_table_stands_above_what_it_was_made_from(project):
    out, err = loopline(project.folder, "data", "lineage", "orders.joined").communicate(timeout=30)
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "orders.joined  joined, version 1, 60 rows, made by lookups sums"
    assert lines[1].startswith("  orders  source, version ")
    assert lines[2].startswith("    orders-02.csv  batch ")
    assert lines[12] == "    and 2 batches before these; --json has them all"
    assert lines[13] == "  sums  derived, version 1, 2 rows, made by sql"
    assert lines[-1].startswith("next: loopline ledger lineage ")


def test_programs_get_all_of_it_and_a_wrong_name_is_one_line(project):
    out, _ = loopline(project.folder, "data", "lineage", "sums", "--json").communicate(timeout=30)
    (orders,) = json.loads(out)["made_from"]
    assert len(orders["batches"]) == 12
    assert "there is no table 'sum'; the tables are: orders, sums, orders.joined" in refused(project.folder, "data", "lineage", "sum")
