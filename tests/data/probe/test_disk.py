"""A folder's storage is measured past the cache, and nothing of the probe is left, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.data.probe.disk import Opened, filesystem_of, measure, open_existing, probe_file, probe_folder
from loopline.data.probe.probe import MIB, SMALL_BYTES
from loopline.errors import Fault, Mistake

BRIEF = 0.15


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB in memory; skips where none may be mounted."""
    place = tmp_path / "mounted"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_folder_is_measured_in_every_way_and_left_empty(tmp_path: Path) -> None:
    found = probe_folder(tmp_path, roles=["lake"], size_bytes=4 * MIB, seconds=BRIEF, depth=3)
    assert os.listdir(tmp_path) == []
    names = [one.name for one in found.measures]
    ways = [f"{access}, {size}, depth {depth}" for access, size in (("sequential {}", "1 MiB"), ("random {}", "4 KiB")) for depth in (1, 3)]
    assert names == [*(way.format("read") for way in ways), *(way.format("write") for way in ways), "durable write, 4 KiB, depth 1"]
    assert all(one.requests >= one.depth and one.p99_us >= one.p50_us > 0 and one.mb_per_s > 0 for one in found.measures)
    assert (found.place, found.roles, found.size_bytes) == (str(tmp_path), ("lake",), 4 * MIB)
    assert found.bypassed in ("direct", "dropped")


def test_depth_1_is_measured_once(tmp_path: Path) -> None:
    assert len(probe_folder(tmp_path, size_bytes=MIB, seconds=BRIEF, depth=1).measures) == 5


def test_where_the_cache_cannot_be_passed_by_it_is_dropped_and_writes_are_flushed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(MIB))
    descriptor = os.open(file, os.O_RDWR)
    opened = Opened(descriptor, MIB, "dropped", True)
    for operation in ("read", "write"):
        one = measure(opened, operation, "random", block_bytes=SMALL_BYTES, depth=2, seconds=0.02)
        assert one.requests >= 2
    os.close(descriptor)


def test_a_folder_that_cannot_be_written_is_read(mounted: Path) -> None:
    (mounted / "data.csv").write_bytes(os.urandom(300_000))
    (mounted / "small.csv").write_bytes(b"1")
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    found = probe_folder(mounted, seconds=BRIEF)
    assert {one.operation for one in found.measures} == {"read"}
    assert found.size_bytes == 300_000 // SMALL_BYTES * SMALL_BYTES
    assert "only reading was measured" in found.notes[0] and "in memory" in found.notes[1]
    with pytest.raises(Mistake, match="smaller than one block"):
        probe_folder(mounted, files=[mounted / "small.csv"], seconds=BRIEF)


def test_a_folder_that_cannot_be_written_and_holds_nothing_is_told(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    with pytest.raises(Mistake, match="cannot be written, and holds no file"):
        probe_folder(mounted, seconds=BRIEF)


def test_a_full_disk_is_told_and_given_back(mounted: Path) -> None:
    with pytest.raises(Fault, match="the disk is full; free some space, or probe with a smaller --size"):
        probe_folder(mounted, size_bytes=64 * MIB, seconds=5)
    assert os.listdir(mounted) == []
    assert os.statvfs(mounted).f_bfree == os.statvfs(mounted).f_blocks


def test_a_limit_on_files_is_told(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from loopline.data.probe.disk import probe_folder
from loopline.errors import Fault
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
try:
    probe_folder(Path(sys.argv[1]))
except Fault as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    assert "a file grew over the limit of this system; raise the limit" in said and os.listdir(tmp_path) == []


def test_killed_it_leaves_nothing(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from loopline.data.probe.disk import probe_folder
print(flush=True)
probe_folder(Path(sys.argv[1]), seconds=60)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    time.sleep(0.2)
    process.kill()
    process.communicate()
    assert os.listdir(tmp_path) == []


def test_a_file_is_read_and_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file.parquet"
    file.write_bytes(b"x" * (2 * MIB + 17))
    found = probe_file(file, seconds=BRIEF)
    assert found.size_bytes == 2 * MIB and len(found.measures) == 4
    assert file.read_bytes() == b"x" * (2 * MIB + 17)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no such folder"):
        probe_folder(tmp_path / "none")
    with pytest.raises(Mistake, match="there is no such file"):
        open_existing(tmp_path / "none", MIB)
    with pytest.raises(Fault, match="cannot be used"):
        open_existing(tmp_path, MIB, writable=True)


def test_the_file_system_is_named() -> None:
    assert filesystem_of(Path("/nowhere/at/all")) is None
    assert filesystem_of(Path("/proc")) in ("proc", None)
