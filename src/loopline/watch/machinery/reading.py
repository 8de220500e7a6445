"""The machine at one moment: its memory, and the room on the disk that holds the lake. Light."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine at one moment; None where it does not tell.

    Parameters
    ----------
    memory_bytes
        What processes may hold here: the machine's memory, or less where the group of processes has a limit.
    free_bytes, disk_bytes
        Of the disk that holds the lake; None of an object store.
    """

    time: datetime
    host: str
    memory_bytes: int | None
    free_bytes: int | None
    disk_bytes: int | None

    @classmethod
    def now(cls, lake: Path | None, moment: datetime) -> Reading:
        """This machine at this moment; `lake` is None where it is no folder."""
        disk = None
        if lake is not None:
            try:
                disk = shutil.disk_usage(lake)
            except OSError:
                disk = None
        return cls(moment, socket.gethostname(), _memory(), None if disk is None else disk.free, None if disk is None else disk.total)

    def as_json(self) -> dict[str, Any]:
        """The reading as plain values."""
        return {**asdict(self), "time": self.time.isoformat()}

    @classmethod
    def of_json(cls, said: dict[str, Any]) -> Reading:
        """The inverse of `as_json`."""
        return cls(**{**said, "time": datetime.fromisoformat(said["time"])})


def _memory() -> int | None:
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    try:
        limit = _LIMIT.read_text().strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdecimal() else whole
