"""Old versions of tables are freed file by file; whatever must stay readable is read afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.lake.vacuum import Changed, held, remove, require_readable, stale, unneeded

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"), project="p")
    tables = Tables(lake)
    tables.append("t", pl.DataFrame({"id": [1], "v": [1.0]}))
    for value in (2.0, 3.0):
        tables.upsert("t", pl.DataFrame({"id": [1, 2], "v": [value, value]}), key=["id"])
    tables.delete("t", "id = 2")
    return lake


def rows(lake: Lake, version: int) -> list[tuple[int, float]]:
    return Tables(lake).read("t", version=version).sort("id").collect().rows()


def test_what_is_kept_is_read_and_the_rest_is_gone(lake: Lake) -> None:
    before = {version: rows(lake, version) for version in range(5)}
    found = stale(lake, "t", keep=[2], since=LATER)
    assert found.versions == (1, 3) and len(found.files) == 2 and found.size_bytes > 0
    remove(lake, found)
    assert {version: rows(lake, version) for version in (0, 2, 4)} == {version: before[version] for version in (0, 2, 4)}
    for version in (1, 3):
        with pytest.raises(Mistake, match=rf"version {version} has been freed .*; those that can be read: 0, 2, 4; keep.versions"):
            require_readable(lake, "t", version)
    for version in (0, 2, 4):
        require_readable(lake, "t", version)
    assert Tables(lake).version("t").version == 4
    assert stale(lake, "t", keep=[2], since=LATER).files == ()
    remove(lake, found)
    Tables(lake).append("t", pl.DataFrame({"id": [9], "v": [9.0]}))
    assert len(rows(lake, 5)) == 2


def test_versions_that_held_at_the_moment_or_later_stay(lake: Lake) -> None:
    moments = {change.version: change.time for change in Tables(lake).history("t")}
    assert stale(lake, "t", since=moments[1]).files == ()
    assert stale(lake, "t", since=moments[3] - timedelta(milliseconds=1)).versions == (1,)
    assert stale(lake, "t", since=moments[4] - timedelta(milliseconds=1)).versions == (1, 2)
    assert stale(lake, "t", since=moments[4]).versions == (1, 2, 3)


def test_a_version_that_was_restored_keeps_its_files(lake: Lake) -> None:
    Tables(lake).restore("t", version=1)
    remove(lake, stale(lake, "t", since=LATER))
    assert rows(lake, 5) == rows(lake, 1) == [(1, 1.0)]


def test_a_table_whose_log_does_not_tell_all_is_left_alone(lake: Lake) -> None:
    log = Path(lake.table("t"), "_delta_log")
    second = log / f"{2:020}.json"
    text = second.read_text()
    second.write_text(f"{text}\n" + json.dumps({"add": {"path": "x.parquet", "modificationTime": 0, "deletionVector": {"storageType": "u"}}}) + "\n")
    assert stale(lake, "t", since=LATER).files == ()
    second.write_text(text[:-10])
    assert stale(lake, "t", since=LATER).files == ()
    second.write_text(text)
    (log / f"{0:020}.json").unlink()
    assert stale(lake, "t", since=LATER).files == ()
    require_readable(lake, "t", 3)
    assert stale(lake, "none", since=LATER).files == ()


@st.composite
def logs(draw: st.DrawFn) -> Sequence[Changed]:
    """A table's history: at each version some new files come, and some of those that are there, or were once, go or come back."""
    now: set[str] = set()
    ever: set[str] = set()
    made = []
    for version in range(draw(st.integers(1, 12))):
        gone = draw(st.sets(st.sampled_from(sorted(now)))) if now else set()
        back = draw(st.sets(st.sampled_from(sorted(ever - now)))) if ever - now else set()
        new = {f"{version}-{number}" for number in range(draw(st.integers(0, 2)))}
        now = (now - gone) | back | new
        ever |= new
        made.append(Changed(version, START + timedelta(hours=version), tuple(sorted(back | new)), tuple(sorted(gone))))
    return made


@given(logs(), st.sets(st.integers(0, 12)), st.floats(-1, 14))
def test_exactly_what_no_kept_version_holds_is_unneeded(log: Sequence[Changed], keep: set[int], hours: float) -> None:
    since = START + timedelta(hours=hours)
    gone = unneeded(log, keep=keep, since=since)
    by_version = held(log)
    ends = {change.version: following.time for change, following in zip(log, log[1:], strict=False)}
    kept = {version for version in by_version if version in keep or version not in ends or ends[version] > since}
    needed = frozenset().union(*(by_version[version] for version in kept))
    assert not gone & needed
    assert gone | needed == frozenset().union(*by_version.values())
