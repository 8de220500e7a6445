import json

import pytest
import yaml
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.project import load, parse

DECLARED = """
project: shop
charter: {problem: too few, predict: bought, stakeholders: {data: [eng@example.com]}}
data:
  sources:
    visits: {path: visits.csv, key: id}
    people: {path: people.csv, key: id}
  contract:
    pages: {type: integer, max: 8, severity: warn}
    answer: {values: ["yes", "no"], clean: trim}
    references: [{columns: who, table: people, to: id}]
    tests: [{name: none, sql: "select id from visits where pages > 9"}]
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contract(*words):
    ended = CliRunner().invoke(command, ["contract", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_what_is_exported_comes_back_the_same(shop):
    assert "next: loopline data contract import" in contract("export", "-o", "shop.odcs.yaml")
    assert yaml.safe_load(contract("export")) == yaml.safe_load((shop / "shop.odcs.yaml").read_text())
    text = contract("import", "shop.odcs.yaml")
    assert "#   team.members[eng@example.com].username: eng@example.com" in text
    assert "#   description.purpose: too few" in text
    again = parse(f"project: shop\ncharter: {{predict: bought}}\n{text}").data
    assert again == load(shop).declaration.data
    assert again.contract.columns["answer"].values == ("yes", "no")


def test_json_has_the_contract_and_what_was_not_taken(shop):
    told = contract("export", "--contract-version", "2.0.0", "--status", "draft", "--json")
    assert (told["version"], told["tables"], told["contract"]["version"], told["contract"]["status"]) == ("v3.1.0", ["visits", "people"], "2.0.0", "draft")
    (shop / "x.yaml").write_text(yaml.safe_dump({**told["contract"], "tenant": "us"}))
    told = contract("import", "x.yaml", "-o", "data.yaml", "--json")
    assert {"path": "tenant", "value": "us"} in told["not_taken"]
    assert (told["version"], told["written"], told["tables"]) == ("2.0.0", "data.yaml", ["visits", "people"])
    assert (shop / "data.yaml").read_text() == told["yaml"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"a: [", "not YAML"),
        (b"\xff", "not UTF-8"),
        (b"kind: Other", "no contract of the Open"),
        (b"a: &a [*a]", "no contract of the Open"),
    ],
)
def test_what_is_no_contract_is_told(shop, content, says):
    if content is not None:
        (shop / "x.yaml").write_bytes(content)
    with pytest.raises(Mistake, match=says):
        contract("import", "x.yaml")
