"""``loopline data get``, ``update``, ``upsert``, ``delete``, ``history``, ``diff`` and ``restore``, as a person calls them."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import CheckFailed, Mistake
from loopline.loop import open_loop
from tests.kept import copied

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: visits.csv, key: id}
  contract:
    pages: {type: integer, max: 8}
"""


def visits(first, last):
    return "id,pages,bought\n" + "".join(f"{number},{number % 9},{'yes' if number % 3 else 'no'}\n" for number in range(first, last + 1))


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    (folder / "visits.csv").write_text(visits(1, 60))
    (folder / "more.csv").write_text("id,pages\n1,8\n61,2\n")
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPLINE_USER", "ann@example.com")
    return copied(tmp_path_factory, taken_in, tmp_path)


def ended(*words):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def data(*words):
    result = ended(*words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in words else result.stdout


def test_rows_are_shown_and_written(shop):
    shown = data("get", "visits", "--where", "id > 57", "--columns", "id,bought")
    assert shown.splitlines()[:4] == ["id  bought", "58  yes", "59  yes", "60  no"]
    assert "40 more" in data("get", "visits")
    got = data("get", "visits", "--limit", "1", "--json")
    assert got == {"table": "visits", "at": None, "file": None, "rows": 60, "shown": [{"id": 1, "pages": 1, "bought": "yes"}]}
    assert "60 rows written to out.parquet" in data("get", "visits", "-o", "out.parquet")
    assert pl.read_parquet("out.parquet")["id"].to_list() == list(range(1, 61))
    assert "no row meets the condition" in data("get", "visits", "--where", "id > 99")


def test_an_edit_shows_what_it_changed_and_the_history_who_did_it(shop):
    rehearsed = data("update", "visits", "--where", "id = 5", "--set", "pages=6", "--dry-run")
    assert "1 changed in visits if it were done" in rehearsed and "--dry-run" in rehearsed
    done = data("update", "visits", "--where", "id = 5", "--set", "pages=6", "--by", "bob@example.com", "--why", "a typing error", "--json")
    assert (done["changed"], done["before"], done["after"]) == (1, [{"id": 5, "pages": 5, "bought": "yes"}], [{"id": 5, "pages": 6, "bought": "yes"}])
    assert (done["by"], done["version"], done["dry_run"]) == ("bob@example.com", 2, False)
    assert "1 added, 1 changed in visits (version 3)" in data("upsert", "visits", "more.csv")
    assert "nothing to change in visits; 2 were so already" in data("upsert", "visits", "more.csv")
    assert "2 removed in visits" in data("delete", "visits", "--where", "id in (2, 3)")
    lines = data("history", "visits").splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["4", "3", "2", "1", "0"]
    assert "rows updated" in lines[3] and "1 changed" in lines[3] and "bob@example.com" in lines[3] and "a typing error" in lines[3]
    assert "visits.csv taken in" in lines[4] and "60 added" in lines[4]
    said = data("diff", "visits", "1", "4")
    assert said.splitlines()[:2] == ["1 added, 2 removed, 2 changed (by id)", "  pages differs in 2 rows"]
    assert "~ id 5: pages 5 -> 6" in said
    assert "hold the same rows" in data("diff", "visits", "1", "1")
    assert data("diff", "visits", "1", "4", "--json")["samples"]["changed"][0] == {"key": {"id": 1}, "cells": {"pages": [1, 8]}}


def test_a_restore_says_what_leaves_the_table(shop):
    data("ingest", "more.csv")
    data("delete", "visits", "--where", "id = 9", "--why", "a test")
    rehearsed = data("restore", "visits", "--version", "1", "--dry-run")
    assert "version 1 of visits would hold again: 60 rows instead of 60" in rehearsed
    said = data("restore", "visits", "--version", "1")
    assert "more.csv (1 rows) leaves the table until its content changes or it is ingested again" in said
    assert "delete by ann@example.com no longer holds (a test)" in said
    back = data("restore", "visits", "--version", "2", "--json")
    assert [(item["file"], item["accepted"]) for item in back["back"]] == [("more.csv", 1)]
    assert "already" in data("restore", "visits", "--version", str(back["version"]))


def test_what_breaks_the_contract_is_shown_and_nothing_is_changed(shop):
    (shop / "bad.csv").write_text("id,pages\n1,3\n2,99\n3,x\n")
    result = CliRunner().invoke(command, ["upsert", "visits", "bad.csv"])
    assert isinstance(result.exception, CheckFailed)
    assert "2 rows break the contract: pages is above 8; pages is not a whole number" in str(result.exception)
    assert "id 2, pages 99" in result.stderr and "pages is not a whole number" in result.stderr
    assert data("history", "visits", "--json")["versions"][0]["version"] == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("get", "vists"), "did you mean 'visits'"),
        (("get", "visits", "--at", "soon"), "no version and no date"),
        (("get", "visits", "--at", "9"), "no version 9"),
        (("get", "visits", "--columns", "pagse"), "did you mean 'pages'"),
        (("get", "visits", "-o", "x.doc"), "end it in .csv, .parquet or .jsonl"),
        (("update", "visits", "--where", "pagse = 1", "--set", "pages=1"), "--where: there is no column 'pagse'; did you mean 'pages'"),
        (("update", "visits", "--where", "true", "--set", "pages"), "COLUMN=EXPRESSION"),
        (("delete", "quarantine", "--where", "true"), "kept by Loopline itself"),
        (("upsert", "visits", "nowhere.csv"), "no such file"),
        (("diff", "visits", "1", "7"), "no version 7"),
        (("diff", "visits", "0", "1", "--key", "idd"), "did you mean 'id'"),
        (("history", "visit"), "did you mean 'visits'"),
        (("restore", "visits"), "say --version N or --at DATE"),
        (("restore", "visits", "--at", "1"), "say --version 1"),
        (("restore", "visits", "--version", "77"), "its versions are 0 to 1"),
        (("update", "visits", "--where", "true", "--set", "pages=1", "--by", " "), "no name of a person"),
    ],
)
def test_what_is_wrong_is_one_line_with_a_remedy(shop, words, what):
    result = CliRunner().invoke(command, list(words))
    assert isinstance(result.exception, Mistake), result.output
    assert what in str(result.exception)
    assert "\n" not in str(result.exception)
