"""A segment of the prediction log may go once all its whole lines are in the table, and its day is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from loopline.housekeeping.segments import collected
from loopline.lake.place import Lake
from loopline.lake.tables import Tables

NOW = datetime.now(UTC)
LINE = json.dumps({"a": 1}).encode() + b"\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def segment(lake: Lake, name: str, data: bytes, done: int | None) -> Path:
    file = lake.log / "predictions" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    if done is not None:
        Tables(lake).append("predictions", pl.DataFrame({"a": [1]}), batch=name, batch_version=done)
    return file


def names(lake: Lake, *, before: datetime = NOW + timedelta(hours=1), now: datetime = NOW) -> list[str]:
    return [one.name for one in collected(Tables(lake), lake.log, before=before, now=now)]


def test_only_what_is_in_its_table_to_the_last_whole_line_may_go(lake: Lake) -> None:
    assert names(lake) == []
    segment(lake, "20200101-whole-000001.jsonl", LINE * 3, 3 * len(LINE))
    segment(lake, "20200101-torn-000001.jsonl", LINE + b'{"a', len(LINE))
    segment(lake, "20200101-partly-000001.jsonl", LINE * 3, len(LINE))
    segment(lake, "20200101-never-000001.jsonl", LINE, None)
    segment(lake, "20200101-empty-000001.jsonl", b"", None)
    assert names(lake) == ["20200101-empty-000001.jsonl", "20200101-torn-000001.jsonl", "20200101-whole-000001.jsonl"]
    assert names(lake, before=NOW - timedelta(days=1)) == []


def test_what_a_server_may_still_write_stays(lake: Lake) -> None:
    today = f"{NOW:%Y%m%d}-s-000001.jsonl"
    segment(lake, today, LINE, len(LINE))
    assert names(lake) == []
    assert names(lake, now=NOW + timedelta(days=1, minutes=10)) == [today]
