"""Files that others found hard to read: each is taken in or refused in one line, and of those that are taken every line is accounted for."""

from __future__ import annotations

import json

import polars as pl
import pytest

from loopline.cli.main import command
from loopline.data.spec_source import SourceSpec
from loopline.errors import LooplineError
from tests.conftest import SHARED
from tests.torture.rooms import Rooms, take, whole_records

DIRTY = SHARED / "data" / "dirty"
FILES = sorted(path.relative_to(DIRTY).as_posix() for path in DIRTY.rglob("*") if path.is_file()) if DIRTY.is_dir() else []


@pytest.fixture
def rooms(tmp_path_factory):
    made = Rooms(tmp_path_factory.mktemp)
    yield made
    made.close()


@pytest.fixture(params=FILES or [pytest.param("", marks=pytest.mark.skip(reason="there is no folder of dirty files; name one with LOOPLINE_SHARED"))])
def file(request, shared_data):
    return shared_data / "dirty" / request.param


@pytest.mark.parametrize("blocks", [1, pytest.param(20, marks=pytest.mark.torture)])
def test_each_enters_with_every_line_or_is_refused_in_one(file, blocks, rooms):
    size = None if blocks == 1 else max(100, file.stat().st_size // blocks)
    taken = take(rooms, file.read_bytes(), name=file.name, size=size)
    if taken.error is not None:
        print(file.name, taken.error)
    assert taken.body is None or taken.body["read"] > 0


def test_each_is_converted_with_every_line_or_refused_in_one(file, tmp_path, capsys):
    out = tmp_path / "out.parquet"
    try:
        command.main(["data", "convert", str(file), str(out), "--json"], standalone_mode=False)
    except LooplineError as error:
        assert error.what and error.remedy and "defect" not in str(error)
        assert not list(tmp_path.iterdir())
        return
    done = json.loads(capsys.readouterr().out)
    refused = tmp_path / "out.parquet.refused.jsonl"
    lines = [json.loads(line) for line in refused.read_text().splitlines()] if refused.exists() else []
    assert done["read"] == done["written"] + done["refused"] == len(whole_records(file, SourceSpec(path="x"), file.read_bytes()))
    assert (pl.read_parquet(out).height, len(lines)) == (done["written"], done["refused"])
    assert all(item["reasons"] for item in lines)
