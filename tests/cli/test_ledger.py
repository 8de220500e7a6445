import json
import sqlite3

import pytest
from click.testing import CliRunner

from loopline.charter.spec import CharterSpec
from loopline.charter.statement import enter
from loopline.cli.ledger import command
from loopline.ledger.entry import Draft
from loopline.loop import open_loop

DECLARED = "project: shop\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n"


@pytest.fixture
def call(tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    with open_loop(tmp_path) as loop:
        (first,) = loop.workspace.ledger.append(Draft(kind="batch", subject="t", body={"read": 3}))
        loop.workspace.ledger.append(Draft(kind="package", subject="abc", parents=(first.id,)), Draft(kind="note", body={"says": "hello"}))

    def invoke(*words, code=0):
        ended = CliRunner().invoke(command, [*words, "--folder", str(tmp_path)])
        assert ended.exit_code == code, ended.output
        return ended.output

    return invoke


def test_the_log_lists_the_newest_last(call):
    kinds = [entry["kind"] for entry in json.loads(call("log", "--json"))["entries"]]
    assert kinds == ["batch", "package", "note"]
    assert [entry["kind"] for entry in json.loads(call("log", "--kind", "note", "--json"))["entries"]] == ["note"]
    assert "hello" in call("log")


def test_an_entry_is_shown_by_the_beginning_of_its_id(call):
    entry = json.loads(call("log", "--kind", "batch", "--json"))["entries"][0]
    assert json.loads(call("show", entry["id"][:16], "--json")) == {**entry, "charter": None}


def test_an_entry_tells_the_charter_that_held_when_it_was_made(call, tmp_path):
    with open_loop(tmp_path) as loop:
        first = enter(loop.workspace.ledger, loop.project.declaration.charter)
        (old,) = loop.workspace.ledger.append(Draft(kind="batch", subject="t"))
        assert enter(loop.workspace.ledger, loop.project.declaration.charter).id == first.id
        second = enter(loop.workspace.ledger, CharterSpec(predict="z"))
        (new,) = loop.workspace.ledger.append(Draft(kind="package", subject="def", parents=(old.id,)))
    assert second.body["changed"] == ["predict"]
    assert json.loads(call("show", old.id, "--json"))["charter"] == first.id
    assert [one["charter"] for one in json.loads(call("lineage", new.id, "--json"))["lineage"]] == [second.id, first.id]
    assert f"(charter {first.id})" in call("lineage", new.id)


def test_lineage_goes_back_to_what_an_entry_follows_from(call):
    package = json.loads(call("log", "--kind", "package", "--json"))["entries"][0]
    assert [entry["kind"] for entry in json.loads(call("lineage", package["id"], "--json"))["lineage"]] == ["package", "batch"]


def test_verify_names_the_entry_that_was_tampered_with(call, tmp_path):
    assert json.loads(call("verify", "--json")) == {"entries": 3, "intact": True}
    database = sqlite3.connect(tmp_path / ".loopline" / "ledger.db")
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    (table,) = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if "entries" in name]
    database.execute(f"UPDATE {table} SET body = '{{}}' WHERE seq = 1")
    database.commit()
    database.close()
    verdict = json.loads(call("verify", "--json", code=1))
    assert (verdict["intact"], verdict["first_bad"]) == (False, 1)
    assert "entry 1" in call("verify", code=1)
