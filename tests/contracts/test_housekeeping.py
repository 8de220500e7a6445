"""What house-keeping needs of a lake, in a folder and in an object store alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.lake.vacuum import remove, require_readable, stale


def test_blobs_are_listed_and_removed(lake: Lake) -> None:
    blobs = Blobs(lake)
    assert [*blobs.listed()] == []
    one, other = blobs.put(b"one"), blobs.put(b"other")
    found = {blob.digest: blob for blob in blobs.listed()}
    assert {digest: blob.size_bytes for digest, blob in found.items()} == {one: 3, other: 5}
    assert all(abs(datetime.now(UTC) - blob.time) < timedelta(minutes=5) for blob in found.values())
    blobs.remove(one)
    blobs.remove(one)
    assert not blobs.exists(one) and blobs.get(other) == b"other"


def test_old_versions_are_freed(lake: Lake) -> None:
    tables = Tables(lake)
    for value in (1.0, 2.0, 3.0):
        tables.replace("t", pl.DataFrame({"v": [value]}))
    found = stale(lake, "t", keep=[1], since=datetime.now(UTC) + timedelta(hours=1))
    assert found.versions == (2,)
    remove(lake, found)
    assert [tables.read("t", version=version).collect()["v"].to_list() for version in (1, 3)] == [[1.0], [3.0]]
    with pytest.raises(Mistake, match="version 2 has been freed"):
        require_readable(lake, "t", 2)
