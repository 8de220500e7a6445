"""Whole files, commits on the disk, and what killed writers leave."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from loopline.errors import Fault
from loopline.lake.blobs import Blobs
from loopline.lake.files import settle, sweep, write_whole
from loopline.lake.place import Lake
from loopline.lake.tables import Tables

NOW = timedelta(0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    write_whole(place, b"one")
    write_whole(place, b"two")
    assert place.read_bytes() == b"two" and os.listdir(place.parent) == ["b"]
    (tmp_path / "a" / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "a" / "folder", b"three")
    assert sorted(os.listdir(place.parent)) == ["b", "folder"]


def test_leftovers_are_swept_and_every_version_stays(lake: Lake) -> None:
    tables, blobs = Tables(lake), Blobs(lake)
    assert sweep(lake, older_than=NOW) == []
    tables.append("t", pl.DataFrame({"id": [1], "a b%": ["x"]}))
    tables.upsert("t", pl.DataFrame({"id": [1, 2], "a b%": ["y", "z"]}), key=["id"])
    tables.delete("t", "id = 2")
    digest = blobs.put(b"kept")
    table = lake.folder / "tables" / "t"
    left = [
        table / "part-00000-11111111-0000-0000-0000-000000000000-c000.snappy.parquet",
        table / "part-00000-22222222-0000-0000-0000-000000000000-c000.snappy.parquet#1",
        table / "_delta_log" / "00000000000000000009.json#2",
        lake.folder / "blobs" / digest[:2] / f".{digest}.123.abcdef01.staged",
    ]
    for file in left:
        file.write_bytes(b"half")
    assert sweep(lake, older_than=timedelta(hours=1)) == []
    old = time.time() - 7200
    os.utime(left[0], (old, old))
    assert sweep(lake, older_than=timedelta(hours=1)) == left[:1]
    assert sorted(sweep(lake, older_than=NOW)) == sorted(left[1:])
    assert [tables.read("t", version=version).collect().height for version in range(4)] == [0, 1, 2, 1]
    assert blobs.get(digest) == b"kept"
    assert sweep(lake, older_than=NOW) == []


def test_a_table_whose_log_was_shortened_is_left_alone(lake: Lake) -> None:
    Tables(lake).append("t", pl.DataFrame({"id": [1]}))
    table = lake.folder / "tables" / "t"
    (table / "_delta_log" / f"{0:020}.json").unlink()
    (table / "unnamed.parquet").write_bytes(b"?")
    assert sweep(lake, older_than=NOW) == []


def test_nothing_is_swept_in_an_object_store() -> None:
    assert sweep(Lake("s3://bucket/lake"), older_than=NOW) == []


def test_a_writer_killed_at_any_moment_leaves_the_table_at_a_whole_version(lake: Lake) -> None:
    code = """
import sys
import polars as pl
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
tables, rows = Tables(Lake(sys.argv[1])), pl.DataFrame({"id": range(100_000)})
tables.append("t", rows, batch="0")
print("ready", flush=True)
for batch in range(1, 10_000):
    tables.append("t", rows, batch=str(batch))
"""
    for wait_s in (0.01, 0.05, 0.13):
        process = subprocess.Popen([sys.executable, "-c", code, lake.url], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(wait_s)
        process.kill()
        process.communicate()
        sweep(lake, older_than=NOW)
        held = Tables(lake).read("t").select(pl.len(), pl.col("id").sum()).collect()
        batches, rest = divmod(held.item(0, 0), 100_000)
        assert rest == 0 and held.item(0, 1) == batches * 4_999_950_000
        assert not [file for file in lake.folder.rglob("*") if "#" in file.name]
        assert len(list(lake.folder.rglob("*.parquet"))) == batches + len(list(lake.folder.rglob("*checkpoint.parquet")))


def test_a_commit_is_settled_with_its_files(lake: Lake) -> None:
    Tables(lake).append("t", pl.DataFrame({"id": [1]}))
    table = lake.folder / "tables" / "t"
    settle(table, 1)
    for file in table.glob("*.parquet"):
        file.unlink()
    with pytest.raises(FileNotFoundError):
        settle(table, 1)


def test_a_tampered_blob_is_told_and_mended_by_putting_it_again(lake: Lake) -> None:
    blobs = Blobs(lake)
    digest = blobs.put(b"true")
    place = lake.folder / "blobs" / digest[:2] / digest
    place.write_bytes(b"false")
    with pytest.raises(Fault, match=f"blob {digest[:12]} was changed"):
        blobs.get(digest)
    assert blobs.put(b"true") == digest and blobs.get(digest) == b"true"


def test_a_lake_that_cannot_be_made_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lake = Lake(str(tmp_path / "file" / "lake"))
    with pytest.raises(Fault, match="a file is in the way of the lake's folder"):
        Blobs(lake).put(b"x")
    with pytest.raises(Fault, match="a file is in the way of the lake's folder"):
        Tables(lake).append("t", pl.DataFrame({"id": [1]}))


def test_a_full_disk_is_told_and_leaves_the_last_version(lake: Lake) -> None:
    Tables(lake).append("t", pl.DataFrame({"id": [1.0]}))
    code = """
import random, resource, sys
import polars as pl
from loopline.errors import Fault
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
lake = Lake(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (lambda: Tables(lake).append("t", pl.DataFrame({"id": [random.random() for _ in range(50_000)]})), lambda: Blobs(lake).put(b"x" * 200_000)):
    try:
        write()
    except Fault as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, lake.url], capture_output=True, text=True)
    assert [line.partition(": ")[2] for line in done.stdout.splitlines()] == [
        "a file grew over the limit of this system; raise the limit (ulimit -f) and run the command again"
    ] * 2
    sweep(lake, older_than=NOW)
    assert Tables(lake).read("t").collect()["id"].to_list() == [1.0]
    assert len(list(lake.folder.rglob("*.parquet"))) == 1 and not list((lake.folder / "blobs").rglob("*.staged"))
