"""An object store is probed by size of object, and holds afterwards what it held before."""

from __future__ import annotations

from uuid import uuid4

import pytest

from loopline.data.probe.store import probe_store
from loopline.errors import Fault, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.objects import store
from loopline.lake.place import Lake


def _held(lake: Lake) -> list[str]:
    return sorted(one["path"] for page in store(lake).list() for one in page)


def test_objects_are_put_got_and_removed(object_store: dict[str, str]) -> None:
    lake = Lake(f"s3://lake/{uuid4().hex}", object_store)
    Blobs(lake).put(b"kept")
    before = _held(lake)
    found = probe_store(lake.url, options=object_store, roles=["lake"], seconds=0.6, depth=2)
    assert [one.name for one in found.measures][:5] == [
        "put, 4 KiB, depth 1",
        "put, 4 KiB, depth 2",
        "get, 4 KiB, depth 1",
        "get, 4 KiB, depth 2",
        "put, 1 MiB, depth 1",
    ]
    assert len(found.measures) == 12 and all(one.requests >= one.depth for one in found.measures)
    assert _held(lake) == before and (found.kind, found.place) == ("store", lake.url)


def test_a_source_of_others_is_only_read(object_store: dict[str, str]) -> None:
    lake = Lake(f"s3://lake/{uuid4().hex}", object_store)
    with pytest.raises(Mistake, match="nothing to get"):
        probe_store(lake.url, options=object_store, writes=False)
    store(lake).put("a.csv", b"x" * 10_000)
    found = probe_store(lake.url, options=object_store, writes=False, seconds=0.2, depth=1)
    assert [one.name for one in found.measures] == ["get, 4 KiB, depth 1"] and _held(lake) == ["a.csv"]


def test_a_store_that_is_not_there_is_told(object_store: dict[str, str]) -> None:
    with pytest.raises(Fault, match="bucket does not exist"):
        probe_store("s3://nowhere/x", options=object_store)
    away = {**object_store, "aws_endpoint_url": "http://127.0.0.1:9", "max_retries": "0", "retry_timeout": "1s"}
    with pytest.raises((Fault, Mistake)):
        probe_store("s3://lake/x", options=away)
