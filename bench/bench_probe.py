"""The storage probe beside `fio` (a Debian package) on one file: same block size, depth and size, past the system's cache, taking turns.

Depth is threads with one request each on both sides. A pair is one second of ours and one of fio's, and gives ours as a share of fio's. The ratio is the
median of these shares, or one over it where it is above 1, so that both too slow and too quick count against us. (The smaller rate over the greater pair by
pair would count the disk's own unsteadiness against us as well.)
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loopline.data.probe.disk import measure, open_existing
from loopline.data.probe.probe import DEPTH, LARGE_BYTES, MIB, SMALL_BYTES, Access, Operation, say_size

PAIRS = 5
SECONDS = 1
SIZE_BYTES = 256 * MIB
CASES: tuple[tuple[Operation, Access, int, int], ...] = (
    ("read", "random", SMALL_BYTES, 1),
    ("read", "random", SMALL_BYTES, DEPTH),
    ("write", "random", SMALL_BYTES, 1),
    ("read", "sequential", LARGE_BYTES, 1),
    ("write", "sequential", LARGE_BYTES, 1),
)
_WORDS = {("read", "random"): "randread", ("write", "random"): "randwrite", ("read", "sequential"): "read", ("write", "sequential"): "write"}


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one: name, value, unit, baseline, ratio, goal."""
    if shutil.which("fio") is None:
        yield {"name": "probe: skipped, for there is no fio (apt-get install fio)", "value": 0, "unit": "", "baseline": None, "ratio": None, "goal": None}
        return
    # Here, because a temporary folder may lie in memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-probe-") as folder:
        file = Path(folder) / "file"
        with file.open("wb") as made:
            for _ in range(SIZE_BYTES // MIB):
                made.write(os.urandom(MIB))
            os.fsync(made.fileno())
        for operation, access, block_bytes, depth in CASES:
            yield _row(file, operation, access, block_bytes, depth)


def _row(file: Path, operation: Operation, access: Access, block_bytes: int, depth: int) -> dict[str, Any]:
    ours, theirs = [], []
    for pair in range(PAIRS):
        for turn in (pair, pair + 1):
            if turn % 2:
                ours.append(_ours(file, operation, access, block_bytes, depth))
            else:
                theirs.append(_fio(file, operation, access, block_bytes, depth))
    share = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    name = f"probe: {access} {operation}, {say_size(block_bytes)}, depth {depth}; ours is {share:.2f} of fio's (that, or one over it)"
    figures = {"value": statistics.median(ours), "unit": "requests/s", "baseline": statistics.median(theirs)}
    return {"name": name, **figures, "ratio": min(share, 1 / share), "goal": ">= 0.8"}


def _ours(file: Path, operation: Operation, access: Access, block_bytes: int, depth: int) -> float:
    opened = open_existing(file, SIZE_BYTES, writable=operation != "read")
    try:
        return measure(opened, operation, access, block_bytes=block_bytes, depth=depth, seconds=SECONDS).per_s
    finally:
        os.close(opened.descriptor)


def _fio(file: Path, operation: Operation, access: Access, block_bytes: int, depth: int) -> float:
    """Requests per second as fio counts them."""
    asked = [f"--filename={file}", f"--size={SIZE_BYTES}", f"--rw={_WORDS[operation, access]}", f"--bs={block_bytes}", f"--numjobs={depth}"]
    how = ["--direct=1", "--ioengine=psync", "--iodepth=1", "--thread", "--group_reporting", "--time_based", f"--runtime={SECONDS}"]
    command = ["fio", "--name=probe", "--output-format=json", *asked, *how]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=file.parent).stdout)
    return float(said["jobs"][0][operation]["iops"])
