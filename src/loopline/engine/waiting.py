"""How a step's time was spent: computing, waiting for storage, or neither, as far as the system tells. Light.

What can be known. The processor's time and the bytes that went to and from devices are counted by the system, for this process and for those of
its children that have ended. How long a process waited for its storage is counted only where delay accounting is on (Linux:
``kernel.task_delayacct``), by thread. Without it there are bounds: while the step ran, it cannot have waited longer than it did not compute,
and hardly longer than anything on this machine was stalled on input and output (Linux: pressure stall information). The wait that is told is
the best of these, and `how` says which.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

How = Literal["delays", "pressure", "bound", "remote", "unknown"]
LEAST_S = 1.0
"""A step that took less is not worth a warning."""
LEAST_BYTES = 1 << 20
"""A step that moved less to and from devices waits for something else."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The system's counters at one moment; None where it does not have one.

    Parameters
    ----------
    cpu_s
        The processor's time of this process and of its children that have ended.
    read_bytes, written_bytes
        Moved from and to devices; what the cache held is not counted.
    delay_s
        What the threads that are there have waited for block devices since they began.
    stalled_s
        How long anything on this machine, or in this group of processes, has been stalled on input and output.
    calls
        Times that something was read or written, whether from devices or from the cache.
    """

    wall_s: float
    cpu_s: float
    read_bytes: int | None
    written_bytes: int | None
    delay_s: float | None
    stalled_s: float | None
    calls: int | None = None

    @classmethod
    def now(cls) -> Moment:
        """The counters now; a few files are read."""
        used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        moved = _moved()
        return cls(
            wall_s=time.monotonic(),
            cpu_s=sum(one.ru_utime + one.ru_stime for one in used),
            read_bytes=moved.get("read_bytes"),
            written_bytes=moved.get("write_bytes"),
            delay_s=_delay_s(),
            stalled_s=_stalled_s(),
            calls=moved["syscr"] + moved["syscw"] if {"syscr", "syscw"} <= moved.keys() else None,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a step's time went to.

    Parameters
    ----------
    waited_s
        Seconds that it waited for storage, as `how` tells: ``delays`` (counted by the system), ``pressure`` (at most so long: neither computing nor
        while nothing was stalled), ``bound`` (at most so long: not computing), ``remote`` (the same, of storage over the network),
        ``unknown`` (None).
    calls
        Times that it read or wrote: at most so many requests reach the storage, the cache answers the rest.
    """

    wall_s: float
    cpu_s: float
    waited_s: float | None
    read_bytes: int | None
    written_bytes: int | None
    how: How
    calls: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        rounded = {name: round(value, 3) for name, value in asdict(self).items() if isinstance(value, float)}
        return {**asdict(self), **rounded}


def spent(before: Moment, after: Moment, *, is_remote: bool = False) -> Spent:
    """What the time between two moments went to.

    Parameters
    ----------
    is_remote
        Whether the step's storage is reached over the network, so that no device of this machine counts its bytes.
    """
    wall_s, cpu_s = after.wall_s - before.wall_s, after.cpu_s - before.cpu_s
    read, written = _grown(before.read_bytes, after.read_bytes), _grown(before.written_bytes, after.written_bytes)
    idle_s = max(0.0, wall_s - cpu_s)
    calls = _grown(before.calls, after.calls)
    delayed, stalled = _grown(before.delay_s, after.delay_s), _grown(before.stalled_s, after.stalled_s)
    if is_remote:
        return Spent(wall_s, cpu_s, idle_s, read, written, "remote", calls)
    if read is not None and written is not None and not read and not written:
        return Spent(wall_s, cpu_s, 0.0, read, written, "bound", calls)
    if delayed is not None:
        return Spent(wall_s, cpu_s, delayed, read, written, "delays", calls)
    if stalled is not None:
        return Spent(wall_s, cpu_s, min(idle_s, stalled), read, written, "pressure", calls)
    if read is None:
        return Spent(wall_s, cpu_s, None, read, written, "unknown", calls)
    return Spent(wall_s, cpu_s, idle_s, read, written, "bound", calls)


def waits_more_than_it_computes(io: Mapping[str, Any]) -> bool:
    """Whether a step, by the figures of `Spent.as_json`, waited longer for storage than it computed: `LEAST_S` or more, and for `LEAST_BYTES` or more.

    Examples
    --------
    >>> waits_more_than_it_computes({"wall_s": 9.0, "cpu_s": 2.0, "waited_s": 6.5, "read_bytes": 10**9, "written_bytes": 0, "how": "pressure"})
    True
    >>> waits_more_than_it_computes({"wall_s": 9.0, "cpu_s": 8.0, "waited_s": 1.0, "read_bytes": 10**9, "written_bytes": 0, "how": "pressure"})
    False
    """
    waited_s = io["waited_s"]
    if waited_s is None or waited_s < LEAST_S or waited_s <= io["cpu_s"]:
        return False
    return io["how"] == "remote" or (io["read_bytes"] or 0) + (io["written_bytes"] or 0) >= LEAST_BYTES


def say_waiting(io: Mapping[str, Any]) -> str:
    """How long a step waited and computed, in words."""
    least = "" if io["how"] == "delays" else "up to "
    return f"it waited for storage {least}{io['waited_s']:.1f} s and computed {io['cpu_s']:.1f} s"


def _grown(before: Any, after: Any) -> Any:
    """How much a counter has grown; less than nothing where a thread has ended with what it had counted."""
    return None if before is None or after is None else max(type(after)(0), after - before)


def _moved() -> dict[str, int]:
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return {}
    return {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}


def _delay_s() -> float | None:
    """The ticks that each thread waited for block devices; None where the system does not count them."""
    try:
        if Path("/proc/sys/kernel/task_delayacct").read_text().strip() != "1":
            return None
        threads = [entry.path for entry in os.scandir("/proc/self/task")]
        ticks = 0
        for thread in threads:
            # The second field, the name in brackets, may hold spaces: the ticks are field 42.
            ticks += int(Path(thread, "stat").read_text().rpartition(")")[2].split()[39])
    except (OSError, ValueError, IndexError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK")


def _stalled_s() -> float | None:
    """How long anything was stalled: in our own group of processes where the system tells it, else on the machine."""
    for place in (*_own_pressure(), Path("/proc/pressure/io")):
        try:
            first = place.read_text().splitlines()[0]
            return int(first.rpartition("total=")[2]) / 1e6
        except (OSError, ValueError, IndexError):
            continue
    return None


def _own_pressure() -> tuple[Path, ...]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ()
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    return () if own is None or own == "/" else (Path(f"/sys/fs/cgroup{own}/io.pressure"),)
