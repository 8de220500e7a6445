"""What a step's time went to: measured where the system tells, bounded where it does not, and never more than can be known."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.engine.waiting import Moment, say_waiting, spent, waits_more_than_it_computes

START = Moment(wall_s=10.0, cpu_s=1.0, read_bytes=0, written_bytes=0, delay_s=None, stalled_s=5.0)
SECONDS = st.floats(0, 1000)


def test_computing_is_no_waiting() -> None:
    before, since = Moment.now(), time.process_time()
    while time.process_time() - since < 0.2:
        pass
    io = spent(before, Moment.now()).as_json()
    assert io["cpu_s"] >= 0.19 and (io["waited_s"] or 0) <= max(0.0, io["wall_s"] - io["cpu_s"]) + 1e-3
    assert not waits_more_than_it_computes(io)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the bytes")
def test_the_bytes_of_children_that_have_ended_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "file"
    code = f"import os; f = open({str(file)!r}, 'wb'); f.write(os.urandom(3 << 20)); f.flush(); os.fsync(f.fileno())"
    before = Moment.now()
    subprocess.run([sys.executable, "-c", code], check=True)
    io = spent(before, Moment.now())
    assert io.written_bytes is not None and (io.written_bytes >= 3 << 20 or os.stat(tmp_path).st_dev == os.stat("/dev/shm").st_dev)
    assert io.cpu_s > 0


@pytest.mark.parametrize(
    ("changed", "waited_s", "how"),
    [
        ({"stalled_s": 12.0}, 7.0, "pressure"),
        ({"stalled_s": 99.0}, 8.0, "pressure"),
        ({"delay_s": 3.0}, 3.0, "delays"),
        ({"stalled_s": None}, 8.0, "bound"),
        ({"read_bytes": 0, "stalled_s": 12.0}, 0.0, "bound"),
        ({"read_bytes": None, "written_bytes": None, "stalled_s": None}, None, "unknown"),
    ],
)
def test_the_wait_is_the_best_that_the_system_tells(changed: dict[str, float | None], waited_s: float | None, how: str) -> None:
    before = replace(START, **{name: None if value is None else getattr(START, name) or 0.0 for name, value in changed.items()})
    after = replace(replace(before, wall_s=20.0, cpu_s=3.0, read_bytes=9 << 20), **changed)
    told = spent(before, after)
    assert (told.waited_s, told.how) == (waited_s, how)


def test_over_the_network_no_device_counts() -> None:
    io = spent(START, replace(START, wall_s=20.0, cpu_s=2.0), is_remote=True).as_json()
    assert (io["waited_s"], io["how"]) == (9.0, "remote")
    assert waits_more_than_it_computes(io) and say_waiting(io) == "it waited for storage up to 9.0 s and computed 1.0 s"


@pytest.mark.parametrize(
    ("cpu_s", "waited_s", "moved", "told"), [(1, 2, 1 << 20, True), (1, 2, 1000, False), (2, 1.9, 1 << 30, False), (0.1, 0.9, 1 << 30, False)]
)
def test_a_warning_needs_a_second_a_megabyte_and_more_waiting_than_computing(cpu_s: float, waited_s: float, moved: int, told: bool) -> None:
    io = {"wall_s": 5.0, "cpu_s": cpu_s, "waited_s": waited_s, "read_bytes": moved, "written_bytes": 0, "how": "pressure"}
    assert waits_more_than_it_computes(io) is told


@given(SECONDS, SECONDS, SECONDS, st.booleans())
def test_no_bound_exceeds_the_time_that_was_not_computing(wall_s: float, cpu_s: float, stalled_s: float, is_remote: bool) -> None:
    after = replace(START, wall_s=10.0 + wall_s, cpu_s=1.0 + cpu_s, read_bytes=1, stalled_s=5.0 + stalled_s)
    told = spent(START, after, is_remote=is_remote)
    assert told.waited_s is not None and 0 <= told.waited_s <= max(0.0, told.wall_s - told.cpu_s)
