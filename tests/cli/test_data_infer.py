import json
import random

import pytest
import yaml
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.project import load, parse

DECLARED = """
project: shop
charter: {predict: state}
data:
  sources:
    orders: {path: orders.csv}
    customers: {path: customers.csv, key: id}
    gone: {path: gone.csv}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    chance = random.Random(0)
    lines = ["id,customer_id,state,rules,of"]
    lines += [f"AB{number:06},{chance.randint(1, 40)},{chance.choice(['new', 'paid'])},{number % 7},{chance.choice('xy')}" for number in range(300)]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    (tmp_path / "customers.csv").write_text("id;city\n" + "".join(f"{number};Ulm\n" for number in range(1, 60)))
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def infer(*words):
    ended = CliRunner().invoke(command, ["infer", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def merged(one, other):
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{name: merged(one[name], part) if name in one else part for name, part in other.items()}}


@pytest.mark.parametrize("source", ["orders", "customers"])
def test_what_it_prints_goes_into_the_declaration(shop, source):
    text = infer(source)
    whole = merged(yaml.safe_load(DECLARED), yaml.safe_load(text))
    data = parse(yaml.safe_dump(whole, sort_keys=False)).data
    contract = data.contract_of(source)
    assert set(contract.columns) == ({"id", "customer_id", "state", "rules", "of"} if source == "orders" else {"id", "city"})
    if source == "orders":
        assert data.sources["orders"].key == ("id",)
        assert contract.columns["id"].pattern == r"AB\d{6}"
        assert [(reference.table, reference.columns, reference.target) for reference in contract.references] == [("customers", ("customer_id",), ("id",))]
    else:
        assert data.sources["customers"].separator == ";"


def test_a_file_needs_no_project_and_gets_a_whole_part(tmp_path, monkeypatch, shop):
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "loopline.yaml").unlink()
    monkeypatch.chdir(alone)
    text = infer("../customers.csv", "-o", "proposed.yaml")
    assert "next:" in text
    declared = "project: p\ncharter: {predict: city}\n" + (alone / "proposed.yaml").read_text()
    data = parse(declared).data
    assert (data.main, data.sources["customers"].place, data.sources["customers"].key) == ("customers", "../customers.csv", ("id",))


def test_json_has_all_of_it(shop):
    told = infer("orders", "--strict", "--json")
    assert told["columns"]["id"]["pattern"] == r"AB\d{6}"
    assert told["references"][0]["certain"]
    assert (told["table"], told["rows"], told["unreadable"], told["file"]) == ("orders", 300, 0, None)
    assert yaml.safe_load(told["yaml"])["data"]["contract"]["columns"]["rules"]["type"] == "integer"
    assert load(shop)


@pytest.mark.parametrize(("words", "says"), [(["ordrs"], "no file and no source 'ordrs'"), (["gone"], "no file gone.csv")])
def test_what_is_not_there_is_told(shop, words, says):
    with pytest.raises(Mistake, match=says):
        infer(*words)
