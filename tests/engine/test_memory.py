"""The most memory that work held: of this process, and of its children while they are there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopline.engine.memory import EVERY_S, Peak, highest

SIZE = 60 << 20
TOLD = Path("/proc/self/statm").exists()
ON_LINUX = pytest.mark.skipif(not TOLD, reason="only Linux tells the memory of a process")


@ON_LINUX
def test_what_was_held_for_a_while_is_seen_after_it_is_gone() -> None:
    with Peak(every_s=0.01) as peak:
        held = b"x" * SIZE
        time.sleep(0.1)
        del held
    assert peak.before is not None and peak.bytes is not None
    assert 0.9 * SIZE < peak.bytes - peak.before < 2 * SIZE


@ON_LINUX
def test_the_highest_so_far_is_exact_however_short_it_was() -> None:
    top = highest()
    assert top is not None
    with Peak(every_s=60) as peak:
        held = b"x" * (top + SIZE)
        del held
    assert peak.bytes == highest()
    assert peak.bytes is not None and peak.bytes > top + SIZE // 2


@pytest.mark.skipif(not Path("/proc/self/task").exists() or not any(Path("/proc/self/task").glob("*/children")), reason="the system lists no children")
def test_a_child_is_added_while_it_is_there() -> None:
    code = f"import time; held = b'x' * {SIZE}; print('there', flush=True); time.sleep(60)"
    with (
        Peak(every_s=0.01) as together,
        Peak(every_s=0.01, with_children=False) as alone,
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(2 * EVERY_S)
        child.kill()
    assert together.bytes is not None and alone.bytes is not None
    assert together.bytes - alone.bytes > 0.9 * SIZE


def test_without_memory_to_read_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopline.engine.memory._pages", lambda process: None)
    with Peak() as peak:
        pass
    assert (peak.before, peak.bytes) == (None, None)
