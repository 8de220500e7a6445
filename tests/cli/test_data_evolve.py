import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.project import load
from tests.kept import copied

DECLARED = """# the shop
project: shop
charter: {predict: bought}   # the outcome
data:
  sources:
    visits: {path: "in/*.csv", key: id, separator: ","}
    others: {path: others.csv, key: id}
  # what must hold
  contract:
    pages: {type: integer, max: 8}   # not more
    source: {type: category, values: [mail, post]}
"""
HEAD = "id,pages,source,bought"


def visits(first, last, head=HEAD, separator=",", source=("mail", "post"), more=0):
    rows = [f"{n},{n % 8 + more},{source[n % len(source)]},{'yes' if n % 3 else 'no'}" for n in range(first, last + 1)]
    return "\n".join([head, *rows]).replace(",", separator) + "\n"


def taken_in(folder):
    (folder / "in").mkdir()
    (folder / "in" / "1.csv").write_text(visits(1, 90))
    (folder / "others.csv").write_text("id\n1\n2\n")
    (folder / "loopline.yaml").write_text(DECLARED)
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return copied(tmp_path_factory, taken_in, tmp_path)


def evolve(*words):
    ended = CliRunner().invoke(command, ["evolve", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_the_amended_declaration_keeps_comments_and_order_and_takes_the_delivery(shop):
    new = shop / "new.csv"
    new.write_text(visits(100, 190, head="id,pages,visit_source,bought", separator=";", source=("mail", "post", "chat"), more=4))
    text = evolve("--file", "new.csv", "-o", "amended.yaml")
    assert "the separator is ';' now" in text
    assert "source seems to be called visit_source now" in text
    assert "as it is declared, the next run stops" in text
    assert (shop / "loopline.yaml").read_text() == DECLARED
    changed = DECLARED.replace('separator: ","', 'separator: ";"').replace("max: 8", "max: 11")
    assert (shop / "amended.yaml").read_text() == changed.replace("    source: {", "    visit_source: {").replace("[mail, post]", "[mail, post, chat]")
    told = evolve("--file", "new.csv", "--write", "--json")
    assert (shop / "loopline.yaml").read_text() == (shop / "amended.yaml").read_text()
    assert (told["written"], told["stops"], told["by_hand"]) == (str(shop / "loopline.yaml"), True, [])
    assert {change["kind"] for change in told["changes"]} == {"separator", "renamed", "values", "range"}
    assert load(shop).declaration.data.sources["visits"].separator == ";"
    assert "nothing changed" in evolve("--file", "new.csv") or "moved" in evolve("--file", "new.csv")


def test_without_a_change_nothing_is_written(shop):
    assert "nothing changed" in evolve("--write")
    assert "nothing changed" in evolve("--table", "others")
    assert (shop / "loopline.yaml").read_text() == DECLARED


def test_what_names_a_renamed_column_is_amended_and_what_lies_elsewhere_is_told(shop):
    (shop / "loopline.yaml").write_text(DECLARED + "    rules: [{check: source != 'x'}]  # a rule\n# source is what we learn from\n")
    (shop / "new.csv").write_text(visits(1, 90, head="id,pages,source_of,bought"))
    told = evolve("--file", "new.csv", "-o", "amended.yaml", "--json")
    lines = (shop / "amended.yaml").read_text().splitlines()
    assert "    source_of: {type: category, values: [mail, post]}" in lines
    assert "    rules: [{check: \"source_of != 'x'\"}]  # a rule" in lines
    assert told["by_hand"] == ["source is still named in line 13; write source_of where the column is meant"]


def test_a_new_column_stands_after_the_columns(shop):
    (shop / "loopline.yaml").write_text(DECLARED + "    rules: [{check: pages >= 0}]\n")
    rows = visits(100, 190).replace("\n", ",7\n").replace(f"{HEAD},7", f"{HEAD},extra")
    (shop / "new.csv").write_text(rows)
    evolve("--file", "new.csv", "--write")
    assert (shop / "loopline.yaml").read_text() == DECLARED + "    extra: {type: integer}\n    rules: [{check: pages >= 0}]\n"


def test_what_is_not_there_is_told(shop):
    with pytest.raises(Mistake, match="no source 'visit'"):
        evolve("--table", "visit")
    with pytest.raises(Mistake, match="no such file"):
        evolve("--file", "none.csv")
    (shop / "empty.csv").write_text("")
    with pytest.raises(Mistake, match="empty"):
        evolve("--file", "empty.csv")
