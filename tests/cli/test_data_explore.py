"""``loopline data explore``: of a table of the project, and of a bare file."""

import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Fault, Mistake
from loopline.loop import open_loop
from tests.kept import copied

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: visits.csv, key: id, time: at}
    places: {path: places.csv, key: place}
"""


def visit(number):
    place = "NYC" if number % 2 else "nyc" if number % 10 == 0 else "LON"
    return f"{number},2024-01-{1 + number % 28:02},{999 if number % 20 == 7 else number % 9},{place},{'yes' if number % 3 else 'no'}"


VISITS = "\n".join(["id,at,pages,place,bought", *map(visit, range(1, 121))]) + "\n"


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    (folder / "visits.csv").write_text(VISITS)
    (folder / "places.csv").write_text("place,name\nNYC,New York\nLON,London\n")
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return copied(tmp_path_factory, taken_in, tmp_path)


def explore(*words):
    ended = CliRunner().invoke(command, ["explore", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_the_main_table_is_looked_at_with_what_is_declared(shop):
    found = explore("--json")
    assert (found["table"], found["rows"], found["source"], found["page"]) == ("visits", 120, "table visits, version 1", None)
    assert (found["duplicates"]["key"], found["duplicates"]["key_rows"], found["time"]["column"]) == (["id"], 0, "at")
    assert (found["target"]["column"], found["target"]["positive"]) == ("bought", "yes")
    assert not [column["name"] for column in found["columns"] if column["name"].startswith("__")]
    assert {"sentinel", "spellings"} <= {question["kind"] for question in found["questions"]}
    assert not list(shop.glob("explore-*"))


def test_a_page_is_written_and_what_it_asks_is_said(shop):
    said = explore("places", "-o", "look.html")
    assert "places: 2 rows, 2 columns" in said
    assert "page: look.html" in said
    assert (shop / "look.html").read_text().endswith("</html>")
    assert "Does 999 in pages" in explore("visits")
    assert (shop / "explore-visits.html").exists()


def test_a_bare_file_needs_no_project(tmp_path, monkeypatch):
    (tmp_path / "visits.csv").write_text(VISITS)
    monkeypatch.chdir(tmp_path)
    found = explore("visits.csv", "--target", "pages", "--key", "id", "--null", "999", "--sample", "100", "--json")
    assert (found["table"], found["rows"], found["sample"], found["time"]["column"]) == ("visits", 120, {"rows": 100, "whole": False}, "at")
    assert next(column["missing"] for column in found["columns"] if column["name"] == "pages") == 6
    assert found["target"]["column"] == "pages"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.csv"], "there is no such file"),
        (["nothing"], "there is no table 'nothing'"),
        (["visits.csv", "--target", "boght"], "there is no column 'boght'.*bought"),
        (["visits.csv", "--time", "pages"], "no dates or times"),
        (["visits.csv", "--time", "when"], "there is no column 'when'"),
        (["visits.csv", "--key", "idd"], "there is no column 'idd'.*'id'"),
        (["visits", "--target", "boght"], "there is no column 'boght'"),
        (["."], "this is a folder"),
    ],
)
def test_what_is_not_there_is_said_with_the_way_out(shop, words, says):
    with pytest.raises(Mistake, match=says) as said:
        explore(*words)
    assert said.value.remedy


def test_a_page_that_cannot_be_written_is_no_traceback(shop):
    with pytest.raises(Fault, match="cannot be written"):
        explore("visits", "-o", "nowhere/look.html")


def test_a_target_that_is_not_fit_yet_is_left_out_with_its_reason(shop):
    (shop / "loopline.yaml").write_text(DECLARED.replace("predict: bought", "predict: id, task: multiclass"))
    found = explore("--json")
    assert found["target"] is None
    assert "The target is left out" in found["notes"][0]
