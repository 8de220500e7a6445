import gzip
import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as Xml

import polars as pl
import pytest

from loopline.data.spec import DataSpec
from loopline.data.testing.junit import junit
from loopline.data.testing.testing import as_json, run_tests
from loopline.engine.step import Silence
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


class Shop:
    """A folder with orders and customers, a lake, and a declaration that a test may change."""

    def __init__(self, folder):
        self.folder = folder / "project"
        self.folder.mkdir()
        self.tables = Tables(Lake(str(folder / "lake")))
        self.write("orders.csv", "id,who,total,at\n" + "".join(f"{n},{n % 3},{n},2024-01-{n:02}\n" for n in range(1, 21)))
        self.write("customers.csv", "id,city\n0,Ulm\n1,Bonn\n2,Kiel\n")
        self.declared = {"sources": {"orders": {"path": "orders*.csv", "key": "id"}, "customers": {"path": "customers.csv", "key": "id"}}, "contract": {}}

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def reports(self, contract=None, **asked):
        data = DataSpec.model_validate({**self.declared, "contract": contract or {}})
        return {report.table: report for report in run_tests(data, self.folder, self.tables, progress=Silence(), **asked)}

    def told(self, contract=None, table="orders", **asked):
        return {verdict.name: verdict for verdict in self.reports(contract, **asked)[table].verdicts}

    def fill(self, table, frame, batch="b1"):
        self.tables.append(table, frame.with_columns(__batch=pl.lit(batch), __line=pl.int_range(2, pl.len() + 2), __row=pl.int_range(pl.len())))


def test_each_declared_table_is_tested_on_what_its_source_holds(shop):
    reports = shop.reports({"total": {"max": 18}})
    assert [(report.table, report.origin, report.read, report.tested) for report in reports.values()] == [
        ("orders", "orders.csv", 20, 20),
        ("customers", "customers.csv", 3, 3),
    ]
    verdict = {verdict.name: verdict for verdict in reports["orders"].verdicts}["total: max 18"]
    assert (verdict.outcome, verdict.broken) == ("fail", 2)
    assert verdict.samples[0] == {"file": "orders.csv", "line": 20, "values": {"total": "19"}}


def test_a_sample_is_drawn_from_all_files_and_the_same_each_time(shop):
    shop.write("orders2.csv", "id,who,total,at\n" + "".join(f"{n},0,{n},2024-02-01\n" for n in range(100, 300)))
    first, again = (shop.reports({"total": {"max": 0}}, rows=40, table="orders")["orders"] for _ in range(2))
    assert (first.read, first.tested, first.origin) == (220, 40, "2 files of orders*.csv")
    assert as_json(first)["tests"] == as_json(again)["tests"]
    verdict = next(verdict for verdict in first.verdicts if verdict.kind == "max")
    assert verdict.broken == 40


def test_a_reference_is_held_against_all_of_the_other_table_whatever_the_sample(shop):
    contract = {"references": [{"columns": "who", "table": "customers", "to": "id"}]}
    assert shop.told(contract, rows=5)["who in customers(id)"].outcome == "pass"
    shop.write("customers.csv", "id,city\n0,Ulm\n1,Bonn\n")
    verdict = shop.told(contract)["who in customers(id)"]
    assert (verdict.outcome, verdict.broken) == ("fail", 7)
    (shop.folder / "customers.csv").unlink()
    data = DataSpec.model_validate({**shop.declared, "contract": contract})
    (report,) = run_tests(data, shop.folder, shop.tables, table="orders", progress=Silence())
    verdict = next(verdict for verdict in report.verdicts if verdict.kind == "reference")
    assert (verdict.outcome, "no file customers.csv" in verdict.why) == ("skipped", True)


def test_a_row_may_refer_to_its_own_table(shop):
    shop.write("orders.csv", "id,before\n1,\n2,1\n3,9\n")
    verdict = shop.told({"references": [{"columns": "before", "table": "orders", "to": "id"}]})["before in orders(id)"]
    assert (verdict.broken, verdict.samples[0]["values"]) == (1, {"before": "9"})


def test_queries_must_find_no_row_and_see_the_other_tables(shop):
    tests = [
        {"name": "cities", "sql": "select o.id, c.city from orders o join customers c on o.who = c.id where c.city = 'Ulm'"},
        {"name": "totals", "sql": "select id from orders where total > 19", "severity": "warn"},
        {"name": "none", "sql": "select id from orders where total < 0"},
        {"name": "wrong", "sql": "select idd from orders"},
        {"name": "writes", "sql": "drop table orders"},
        {"name": "fails", "sql": "select cast(city as bigint) from customers"},
    ]
    found = shop.told({"tests": tests})
    assert {name: found[name].outcome for name in ("cities", "totals", "none", "wrong", "writes", "fails")} == {
        "cities": "fail",
        "totals": "warn",
        "none": "pass",
        "wrong": "error",
        "writes": "error",
        "fails": "error",
    }
    assert (found["cities"].broken, len(found["cities"].samples), "did you mean 'id'?" in found["wrong"].why) == (6, 5, True)


def test_rules_over_a_batch(shop):
    at = datetime(2024, 1, 22, tzinfo=UTC).timestamp()
    os.utime(shop.folder / "orders.csv", (at, at))
    shop.declared["sources"]["orders"]["time"] = "at"
    contract = {"total": {"max": 17}, "batch": {"rows": "5..10", "fresh": "5d", "refused": "10%", "shift": "20%"}}
    found = shop.told(contract)
    assert {name: found[name].outcome for name in found if name.startswith("batch")} == {
        "batch: rows 5..10": "fail",
        "batch: fresh 5d": "pass",
        "batch: refused 0.1": "fail",
        "batch: shift 0.2": "skipped",
    }
    gentle = shop.told({**contract, "batch": {**contract["batch"], "fresh": "1h", "severity": "warn"}})
    assert {gentle[name].outcome for name in gentle if name.startswith("batch")} == {"warn", "skipped"}
    assert shop.told(contract, file=shop.folder / "orders.csv")["batch: fresh 5d"].outcome == "fail"


def test_a_batch_is_held_against_those_before(shop):
    shop.fill("orders", pl.DataFrame({"id": range(100, 200), "who": [7] * 100, "total": [n % 20 for n in range(100)]}))
    contract = {"batch": {"shift": "30%"}}
    verdict = shop.told(contract)["batch: shift 0.3"]
    assert (verdict.outcome, "who is distributed otherwise than in the 1 batches before: distance 1.00" in verdict.why) == ("fail", True)
    assert "id is distributed" not in verdict.why


def test_a_file_is_tested_before_it_is_delivered_as_a_part_of_its_table(shop):
    shop.fill("orders", pl.DataFrame({"id": [1, 2], "who": [1, 2], "total": [1, 2], "at": ["x", "y"]}))
    file = shop.write("new.csv", "id,who,total,at\n30,1,5,2024-01-01\n31,1,x,2024-01-01\n")
    tests = [{"name": "three", "sql": "select count(*) as n from orders having count(*) <> 3"}]
    found = shop.told({"total": {"type": "integer"}, "tests": tests}, file=file)
    assert (found["total: integer"].broken, found["three"].outcome) == (1, "pass")
    shop.declared["sources"]["orders"]["mode"] = "replace"
    assert shop.told({"tests": tests}, file=file)["three"].outcome == "fail"
    shop.declared["sources"]["orders"]["mode"] = "upsert"
    same = shop.write("same.csv", "id,who,total,at\n2,1,5,2024-01-01\n3,1,7,2024-01-01\n")
    assert shop.told({"tests": tests}, file=same)["three"].outcome == "pass"


def test_tables_can_be_tested_as_the_lake_holds_them(shop):
    shop.fill("orders", pl.DataFrame({"id": [1, 1, 2], "total": [1.5, None, -2.0]}))
    reports = shop.reports({"total": {"type": "number", "min": 0, "required": True}}, lake=True)
    found = {verdict.name: verdict for verdict in reports["orders"].verdicts}
    assert reports["orders"].origin == "version 1 in the lake"
    assert (found["total: min 0"].broken, found["total: required"].broken, found["key id"].broken) == (1, 1, 1)
    assert found["total: min 0"].samples[0]["line"] == 4
    assert [verdict.outcome for verdict in reports["customers"].verdicts] == ["skipped"]


def test_derived_tables_are_tested_where_they_have_been_made(shop):
    shop.declared["tables"] = {"sums": {"sql": "select 1 from orders", "key": "who", "tests": [{"name": "few", "sql": "select who from sums where s > 9"}]}}
    assert [verdict.outcome for verdict in shop.reports()["sums"].verdicts] == ["skipped"]
    shop.tables.append("sums", pl.DataFrame({"who": [1, 1], "s": [10, 2]}))
    found = shop.told(table="sums")
    assert (found["key who"].outcome, found["few"].outcome) == ("fail", "fail")


def test_records_that_cannot_be_read_and_keys_that_are_merged(shop):
    shop.declared["sources"]["orders"] |= {"duplicates": "latest"}
    shop.write("orders.csv", "id,who\n1,2\n1,3\n2,3,4,5\n")
    found = shop.told()
    assert (found["records: readable"].outcome, found["records: readable"].broken, found["records: readable"].samples[0]["line"]) == ("fail", 1, 4)
    assert (found["key id"].outcome, "merged" in found["key id"].why) == ("skipped", True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"table": "order"}, "no table 'order'"),
        ({"file": "/nowhere.csv"}, "no such file"),
        ({"file": "x", "lake": True}, "leave --lake out"),
    ],
)
def test_what_cannot_be_tested_is_told(shop, asked, says):
    asked = {**asked, "file": Path(asked["file"])} if "file" in asked else asked
    with pytest.raises(Mistake, match=says):
        shop.reports(**asked)


def test_the_xml_has_the_shape_that_tools_read(shop):
    shop.write("orders.csv", "id,who,total,at\n1,a\x07<&>,9,2024-01-01\n,b,1,2024-01-01\n")
    contract = {
        "who": {"values": ["b"]},
        "total": {"max": 3, "severity": "warn"},
        "tests": [{"name": "wrong", "sql": "select"}],
        "references": [{"columns": "at", "table": "customers", "to": "none"}],
    }
    reports = list(shop.reports(contract).values())
    root = Xml.fromstring(junit("shop", reports).encode())
    assert root.tag == "testsuites"
    cases = list(root.iter("testcase"))
    assert int(root.get("tests")) == len(cases) == sum(int(suite.get("tests")) for suite in root)
    assert (int(root.get("failures")), int(root.get("errors"))) == (len(list(root.iter("failure"))), len(list(root.iter("error"))))
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"} <= set(suite.keys())
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert [part.tag for part in suite] == ["properties"] + ["testcase"] * int(suite.get("tests"))
        assert all(set(entry.keys()) == {"name", "value"} for entry in suite[0])
        for case in suite[1:]:
            assert set(case.keys()) == {"classname", "name", "time"}
            assert [part.tag for part in case] in ([], ["failure"], ["error"], ["skipped"], ["system-out"])
            assert all({"type", "message"} == set(part.keys()) for part in case if part.tag in ("failure", "error"))
        assert len({case.get("name") for case in suite[1:]}) == len(suite) - 1
    failure = next(case[0] for case in cases if case.get("name") == "who: values")
    assert failure.text.splitlines() == ["1 of 2 rows break it", "orders.csv, line 2: who: 'a\\x07<&>'"]
    warned = next(case[0] for case in cases if case.get("name") == "total: max 3")
    assert (warned.tag, warned.text.splitlines()[0]) == ("system-out", "warning: 1 of 2 rows break it")
    assert next(case[0].tag for case in cases if case.get("name") == "at in customers(none)") == "skipped"
    assert datetime.now(UTC) - reports[0].began < timedelta(minutes=1)


def test_cells_are_cleaned_before_they_are_looked_at_and_shown_as_they_came(shop):
    shop.write("orders.csv", "id,state\n1, New \n2,LOST\n")
    contract = {"state": {"values": ["new"], "clean": ["trim", "lower"]}, "gone": {"clean": "trim"}}
    found = shop.told(contract)
    assert (found["state: values"].broken, found["state: values"].samples[0]["values"]) == (1, {"state": "LOST"})
    assert found["gone: is there"].outcome == "fail"


def test_a_source_may_be_packed_or_a_database_or_a_table(shop):
    (shop.folder / "orders.csv").unlink()
    (shop.folder / "orders.csv.gz").write_bytes(gzip.compress(b"id,total\n1,5\n2,50\n"))
    shop.declared["sources"]["orders"]["path"] = "orders.csv.gz"
    assert shop.told({"total": {"max": 9}})["total: max 9"].broken == 1
    with closing(sqlite3.connect(shop.folder / "shop.db")) as database, database:
        database.execute("create table orders (id integer, total real)")
        database.executemany("insert into orders values (?, ?)", [(1, 5.0), (2, 50.0), (3, None)])
    shop.declared["sources"]["orders"] = {"url": "sqlite:///shop.db", "table": "orders", "key": "id"}
    found = shop.told({"total": {"type": "number", "max": 9, "required": True}})
    assert (found["total: max 9"].broken, found["total: required"].broken) == (1, 1)
    pl.DataFrame({"id": [1, 2], "total": [5, 50]}).write_delta(shop.folder / "table")
    shop.declared["sources"]["orders"] = {"path": "table", "format": "delta", "key": "id"}
    assert shop.told({"total": {"max": 9}})["total: max 9"].samples[0]["values"] == {"total": "50"}
