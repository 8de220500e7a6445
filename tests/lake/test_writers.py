"""A writer's mark: it goes with its writer, and tells of a death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from loopline.errors import Fault, Mistake
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.lake.writers import writing

DIES = """
import os, signal, sys
import polars as pl
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.lake.writers import writing
lake = Lake(sys.argv[1], project=sys.argv[2])
with writing(lake):
    for name in ("old", "new"):
        staged = Tables(lake).stage(name)
        staged.add(pl.DataFrame({"id": [1, 2]}))
        staged.flush()
    (lake.folder / "blobs" / "ab").mkdir(parents=True, exist_ok=True)
    (lake.folder / "blobs" / "ab" / ".x.1.staged").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def lake(tmp_path):
    made = Lake(str(tmp_path / "lake"), project="shop")
    Tables(made).append("old", pl.DataFrame({"id": [7]}))
    return made


def die(lake, project="shop"):
    assert subprocess.run([sys.executable, "-c", DIES, lake.url, project], env=dict(os.environ), timeout=60).returncode == -signal.SIGKILL


def marks(lake):
    return list((lake.folder / "writers").iterdir())


def left(lake):
    return sorted(path.parent.name for path in lake.folder.rglob("*") if path.suffix in (".parquet", ".staged"))


def test_what_a_dead_writer_left_is_swept_before_the_next_one_writes(lake):
    die(lake)
    assert len(marks(lake)) == 1
    assert left(lake) == ["ab", "new", "old", "old"]
    with writing(lake):
        assert left(lake) == ["old"]
    assert marks(lake) == []
    assert Tables(lake).read("old").collect()["id"].to_list() == [7]


def test_another_project_does_not_sweep_our_tables_nor_a_living_writers_blobs(lake):
    other = Lake(lake.url, project="other")
    with writing(other):
        die(lake)
        with writing(other):
            assert left(lake) == ["ab", "new", "old", "old"]
        with writing(lake):
            # The blob could be one that the living writer of the other project is about to put in its place.
            assert left(lake) == ["ab", "old"]
    assert marks(lake) == []


def test_a_writer_within_a_writer_sweeps_nothing_of_the_outer_one(lake):
    with writing(lake):
        staged = Tables(lake).stage("old")
        staged.add(pl.DataFrame({"id": [1]}))
        staged.flush()
        with writing(lake):
            assert left(lake) == ["old", "old"]
        Tables(lake).add_staged("old", staged)
    assert Tables(lake).read("old").collect()["id"].sort().to_list() == [1, 7]


@pytest.mark.parametrize(("error", "stays"), [(Mistake("x"), 0), (Fault("x"), 1), (KeyboardInterrupt(), 1)])
def test_an_end_in_the_middle_leaves_the_mark_and_a_mistake_does_not(lake, error, stays):
    with pytest.raises(type(error)), writing(lake):
        raise error
    assert len(marks(lake)) == stays
    with writing(lake):
        pass
    assert marks(lake) == []


def test_many_at_once_do_not_trip_over_each_others_marks(lake):
    failed = []

    def work(project):
        try:
            for _ in range(30):
                with writing(Lake(lake.url, project=project)):
                    pass
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and marks(lake) == []


def test_a_place_that_cannot_be_written_is_told_in_a_line(tmp_path):
    (tmp_path / "lake").write_text("in the way")
    with pytest.raises(Fault, match="a file is in the way"), writing(Lake(str(tmp_path / "lake"))):
        pass
    assert Path(tmp_path / "lake").read_text() == "in the way"


def test_an_object_store_has_no_marks():
    with writing(Lake("s3://bucket/lake")):
        pass
