"""Which places are probed: each device once, in all its roles; what cannot be probed is said."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.data.probe.places import Place, _prefix, merged, named, places_of, probe
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake
from loopline.lake.place import Lake
from tests.data.conftest import Room, visits


def test_one_device_is_one_place_in_all_its_roles(room: Room) -> None:
    room.write("visits.csv", visits(1, 3))
    (place,) = places_of(room.workspace, room.data, room.folder)
    assert place.roles == ("lake", "ledger", "log", "source visits")
    assert Path(place.address).is_dir() and place.address == str(room.folder.parent)


def test_a_source_on_another_device_is_a_place_of_its_own(room: Room) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or os.stat(shm).st_dev == os.stat(room.folder.parent).st_dev:
        pytest.skip("there is no second device here")
    file = shm / f"loopline-{os.getpid()}.csv"
    file.write_text(visits(1, 3))
    try:
        room.sources["visits"]["path"] = str(file)
        first, second = places_of(room.workspace, room.data, room.folder)
        assert (second.address, second.roles, second.files) == (str(shm), ("source visits",), (file,))
        assert first.roles == ("lake", "ledger", "log")
    finally:
        file.unlink()


def test_a_source_that_is_not_there_yet_is_probed_where_it_will_be(room: Room) -> None:
    room.sources["visits"]["path"] = "not/yet/*.csv"
    (place,) = places_of(room.workspace, room.data, room.folder)
    assert "source visits" in place.roles


def test_stores_and_databases(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hidden")
    room.write("visits.csv", visits(1, 3))
    room.sources |= {
        "a": {"path": "s3://bucket/in/*.csv", "options": {"aws_secret_access_key": "${KEY}"}},
        "b": {"path": "s3://bucket/other/x.parquet"},
        "c": {"path": "https://example.com/c.csv"},
        "d": {"url": "postgresql://ann:${KEY}@db/x", "table": "t"},
    }
    workspace = replace(room.workspace, lake=Lake("s3://lake/here", spool=room.folder / "log"))
    places = {place.roles: place for place in places_of(workspace, room.data, room.folder)}
    assert places["lake",].writes and places["lake",].address == "s3://lake/here"
    both = places["source a", "source b"]
    assert (both.address, both.writes, both.options) == ("s3://bucket/in", False, {"aws_secret_access_key": "hidden"})
    assert places["source c",].address == "https://example.com/c.csv"
    assert "a database" in places["source d",].why_not and "hidden" not in places["source d",].shown
    with pytest.raises(Mistake, match="a database"):
        probe(places["source d",])


@pytest.mark.parametrize(
    ("url", "prefix"),
    [("s3://b/a/*.csv", "s3://b/a"), ("s3://b/a/x.csv", "s3://b/a"), ("s3://b/a", "s3://b/a"), ("s3://b", "s3://b"), ("s3://b/x?/y", "s3://b")],
)
def test_a_pattern_is_probed_at_its_fixed_part(url: str, prefix: str) -> None:
    assert _prefix(url) == prefix


def test_places_that_a_person_names_are_probed_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 8192)
    folder, file = named([str(tmp_path), str(tmp_path / "file")])
    assert {one.operation for one in probe(file, seconds=0.05).measures} == {"read"}
    assert len(probe(folder, size_bytes=1 << 20, seconds=0.1).measures) == 9


def test_what_is_not_probed_is_never_merged_with_what_is(tmp_path: Path) -> None:
    places = [Place(address=str(tmp_path), roles=("lake",)), Place(address=str(tmp_path), roles=("source x",), why_not="no")]
    assert len(merged(places)) == 2
    assert SourceSpec(path="x.csv").is_local
