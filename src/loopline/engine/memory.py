"""The most memory that work held at once: of this process and its children together, as far as the system tells. Light.

What can be known. The system keeps the highest memory of a process (Linux: ``VmHWM``), so the peak of this process is exact where it was its highest so
far. Else, and for the children, memory is looked at now and then: a peak between two looks is missed. What processes share (libraries, files that are
mapped) is counted once, for this process. What a child holds is counted while it is there, and only where the system lists children. So the figure is at
most what was held, and near it for work that lasts longer than a few looks.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

EVERY_S = 0.1
"""Seconds between two looks: each reads a file for every thread, which takes about a thousandth of this."""


class Peak:
    """Watches memory from entering it to leaving it.

    Parameters
    ----------
    every_s
        Seconds between two looks.
    with_children
        Whether the memory of the processes that this one has started is added.
    """

    def __init__(self, *, every_s: float = EVERY_S, with_children: bool = True) -> None:
        self._every_s, self._with_children = every_s, with_children
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._highest = highest()
        self.before = self._seen = self._look()

    def __enter__(self) -> Self:
        if self.before is not None:
            self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._seen = self.bytes
        self._done.set()
        if self.before is not None:
            self._watcher.join()

    @property
    def bytes(self) -> int | None:
        """The most that was held until now; None where the system does not tell."""
        if self._seen is None or self._done.is_set():
            return self._seen
        top = highest()
        grown = top if top is not None and self._highest is not None and top > self._highest else 0
        return max(self._seen, self._look() or 0, grown)

    def _look(self) -> int | None:
        own = _pages("self")
        if own is None:
            return None
        size, resident, _ = own
        children = [_pages(child) for child in _children("self")] if self._with_children else []
        # A child that has not begun its own program yet has the very memory of its parent.
        pages = resident + sum(held - shared for whole, held, shared in filter(None, children) if whole != size)
        return pages * mmap.PAGESIZE

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            found = self._look() or 0
            self._seen = max(self._seen or 0, found)


def highest() -> int | None:
    """The most bytes that this process alone has held since it began; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _pages(process: str) -> tuple[int, int, int] | None:
    """The pages of a process: of its address space, those that it holds, and those of them that come from files."""
    try:
        size, resident, shared = Path("/proc", process, "statm").read_text().split()[:3]
        return int(size), int(resident), int(shared)
    except (OSError, ValueError):
        return None


def _children(process: str) -> Iterator[str]:
    """The processes that a process has started, and those that they have."""
    try:
        threads = [entry.path for entry in os.scandir(f"/proc/{process}/task")]
    except OSError:
        return
    for thread in threads:
        try:
            found = Path(thread, "children").read_text().split()
        except OSError:
            continue
        for child in found:
            yield child
            yield from _children(child)
