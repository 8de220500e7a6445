import json
import sqlite3

import polars as pl
import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.data.cleaning.cleaned import CLEANED, rows
from loopline.data.cleaning.cleaning import CELLS
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.loop import open_loop

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: "visits*.csv", key: id, clean: [trim]}
    stock: {path: stock.csv}
    orders: {url: "sqlite:///orders.db", table: orders}
  contract:
    weight: {type: number, clean: {units: {kg: 1, g: 0.001}}}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    (tmp_path / "visits1.csv").write_text("id,weight,bought\n1,1.0 kg,yes\n2,250 g, no\n")
    (tmp_path / "visits2.csv").write_text("id,weight,bought\n3,2 lb,yes\n4,500 g,yes\n")
    (tmp_path / "stock.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clean(*words):
    ended = CliRunner().invoke(command, ["clean", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_it_shows_what_each_step_would_change_and_delivers_nothing(shop):
    told = clean("--json")
    assert (told["table"], told["files"], told["rows"], told["cells"]) == ("visits", ["visits1.csv", "visits2.csv"], 4, 4)
    changed = {(step["column"], step["step"]): step["cells"] for step in told["steps"]}
    assert changed == {("id", "trim"): 0, ("weight", "trim"): 0, ("weight", "units"): 3, ("bought", "trim"): 1}
    assert {"line": 3, "before": " no", "after": "no"} in told["steps"][-1]["samples"]
    text = clean()
    assert "4 cells of 4 rows change in visits" in text
    assert "' no'" in text and "next: loopline run" in text
    with open_loop(shop) as loop:
        assert not Tables(loop.workspace.lake).exists("visits")


def test_a_database_is_looked_at_like_a_file(shop):
    with sqlite3.connect("orders.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER, price REAL)")
        database.execute("INSERT INTO orders VALUES (1, 9.951)")
    declared = (shop / "loopline.yaml").read_text().replace("table: orders}", "table: orders, contract: {price: {clean: {round: 1}}}}")
    (shop / "loopline.yaml").write_text(declared)
    told = clean("orders", "--json")
    assert (told["files"], told["cells"], told["steps"][0]["samples"]) == (["orders"], 1, [{"line": 1, "before": "9.951", "after": "10.0"}])


def test_a_sample_a_file_and_a_table_without_cleaning(shop):
    assert clean("--sample", "3", "--json")["rows"] == 3
    assert clean("--sample", "1", "--json")["files"] == ["visits1.csv"]
    assert clean("--file", "visits2.csv", "--json")["cells"] == 1
    assert "no cleaning is declared for stock" in clean("stock")


def test_the_raw_values_of_a_delivered_row(shop):
    with open_loop(shop) as loop:
        cells = pl.DataFrame({"line": [2], "column": ["weight"], "raw": ["1.0 kg"]}, schema=CELLS)
        Tables(loop.workspace.lake).append(CLEANED, rows("visits", "3f9a20c1", cells))
    assert clean("--raw", "3f9a:2", "--json")["cells"] == [{"column": "weight", "raw": "1.0 kg", "now": None}]
    text = clean("visits", "--raw", "3f9a20c1:2")
    assert "does not hold now" in text and "1.0 kg" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["vists"], "the sources are: visits, stock, orders"),
        (["orders"], "no such database"),
        (["--file", "none.csv"], "no such file"),
        (["--raw", "3f9a"], "3f9a20c1:17"),
        (["--raw", "3f9a:x"], "3f9a20c1:17"),
        (["--raw", "3f9a:7"], "no row of batch"),
        (["vists", "--raw", "3f9a:7"], "the sources are"),
        (["--raw", "3f9a:7", "--sample", "3"], "leave out --file and --sample"),
    ],
)
def test_what_cannot_be_shown_is_a_mistake(shop, words, says):
    with pytest.raises(Mistake) as raised:
        clean(*words)
    assert says in str(raised.value)


def test_a_step_that_does_not_suit_its_column_names_the_field(shop):
    pl.DataFrame({"id": [1], "weight": [1.5], "bought": [True]}).write_parquet("visits.parquet")
    with pytest.raises(Mistake, match=r"data.contract.weight.clean.units: units is for texts, and the column comes as Float64"):
        clean("--file", "visits.parquet")
