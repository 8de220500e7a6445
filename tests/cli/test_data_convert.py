"""`loopline data convert` says what it wrote, what it refused, and what a way back would lose."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from loopline.cli.data_convert import convert
from loopline.errors import Mistake


def call(*words: object) -> str:
    ended = CliRunner().invoke(convert, list(map(str, words)), catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_it_tells_counts_losses_and_what_is_next(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"a": 1, "s": ""}\n{"a": 2, "s": "x"}\n{\n')
    said = call(tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert "2 of 3 records written" in said
    assert "1 refused" in said
    assert "s: empty text comes back as missing (1)" in said
    assert "loopline init" in said
    assert "nothing is lost" in call(tmp_path / "out.csv", tmp_path / "out.parquet")


def test_its_json_balances(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,x\n2,y,z\n3,NA\n")
    done = json.loads(call(tmp_path / "in.csv", tmp_path / "out.jsonl", "--json"))
    assert (done["read"], done["written"], done["refused"]) == (3, 2, 1)
    assert done["columns"] == {"a": "Int64", "b": "String"}
    assert done["source"]["separator"] == ","
    assert done["loses"] == []


def test_options_reach_the_source(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps({"x": [{"a": 1}], "y": [{"a": 2}, {"a": 3}]}))
    call(tmp_path / "in.json", tmp_path / "t.db", "--records", "y[*]", "--into", "t")
    call(f"sqlite:///{tmp_path}/t.db", tmp_path / "o", "--to", "parquet", "--query", "SELECT a + 1 AS b FROM t")
    assert pl.read_parquet(tmp_path / "o").rows() == [(3,), (4,)]
    (tmp_path / "in.txt").write_text("title\na;b\n1;2\n")
    call(tmp_path / "in.txt", tmp_path / "o", "--to", "parquet", "--force", "--separator", ";")
    assert pl.read_parquet(tmp_path / "o").columns == ["a", "b"]


def test_an_option_without_a_value_is_a_mistake(tmp_path: Path) -> None:
    ended = CliRunner().invoke(convert, ["https://h/a.csv", str(tmp_path / "o.csv"), "--option", "token"])
    assert ended.exit_code == 2
    with pytest.raises(Mistake, match="--table"):
        call(f"sqlite:///{tmp_path}/t.db", tmp_path / "o.csv")
