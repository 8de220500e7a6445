import json
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner

from loopline.cli.data import command

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: visits.csv, key: id}
  contract:
    pages: {type: integer, max: 8, severity: SEVERITY}
    tests: [{name: known, sql: "select id from visits where bought is null"}]
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "visits.csv").write_text("id,pages,bought\n1,3,yes\n2,9,no\n3,1,no\n")
    (tmp_path / "loopline.yaml").write_text(DECLARED.replace("SEVERITY", "warn"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(*words, code=0):
    ended = CliRunner().invoke(command, ["test", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == code, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_what_only_warns_does_not_fail(shop):
    text = ran("--junit", "out.xml")
    assert "warn     pages: max 8: 1 of 3 rows break it" in text
    assert "visits.csv, line 3: pages: '9'" in text
    assert "6 passed, 1 warned" in text
    assert Xml.parse(shop / "out.xml").getroot().get("failures") == "0"


def test_what_refuses_fails_with_exit_code_1(shop):
    (shop / "loopline.yaml").write_text(DECLARED.replace("SEVERITY", "refuse"))
    told = ran("--json", "--table", "visits", code=1)
    assert (told["passed"], told["totals"]) == (False, {"pass": 6, "fail": 1, "error": 0, "warn": 0, "skipped": 0})
    assert "next: loopline data evolve" in ran(code=1)
    (shop / "new.csv").write_text("id,pages,bought\n9,3,yes\n")
    assert "pass     pages: max 8" in ran("--file", "new.csv", "--all")
