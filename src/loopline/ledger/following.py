"""Keeps up with a ledger: the state after its newest entry, of which only what is new is read."""

from __future__ import annotations

import threading
from pathlib import Path

from loopline.ledger.chain import Head
from loopline.ledger.entry import Entry, digest
from loopline.ledger.snapshot import Snapshot, load, save
from loopline.ledger.state import FOLDED, Folding, State
from loopline.ledger.store import Ledger

_PAGE = 20_000
_FEW = 2_000
"""Fewer entries than these, and a twentieth of all, are read again sooner than a snapshot of them is written."""


class Following:
    """What a ledger says now; threads may share it.

    Parameters
    ----------
    ledger
        Whose state is followed.
    folder
        Where a snapshot is kept, so that the next process begins with it; None where none is.
    """

    def __init__(self, ledger: Ledger, folder: Path | None = None) -> None:
        self._ledger = ledger
        self._file = None if folder is None else folder / f"state-{digest([ledger.url, ledger.project])[:12]}.snapshot"
        self._lock = threading.Lock()
        self._folding: Folding | None = None
        self._head = Head()
        self._taken = self._kept = 0

    def state(self) -> State:
        """The state after the newest entry; the same one while there is no newer."""
        with self._lock:
            head = self._ledger.head()
            if self._folding is None or head.seq < self._head.seq:
                self._folding = self._begun(head)
            if head != self._head:
                self._catch_up(self._folding, head)
            return self._folding.state()

    def _begun(self, head: Head) -> Folding:
        """The fold as the snapshot left it; from the beginning where none fits the ledger."""
        known = None if self._file is None else load(self._file)
        if known is None or known.project != self._ledger.project or known.head.seq > head.seq or not self._ledger.holds(known.head):
            self._head, self._taken, self._kept = Head(), 0, 0
            return Folding(self._at)
        self._head, self._taken = known.head, len(known.parts.places)
        self._kept = self._taken
        return Folding(self._at, known.parts)

    def _catch_up(self, folding: Folding, head: Head) -> None:
        for after in range(self._head.seq, head.seq, _PAGE):
            for entry in self._ledger.read(kinds=FOLDED, after=after, before=min(after + _PAGE, head.seq) + 1):
                folding.take(entry)
                self._taken += 1
        self._head = head
        if self._file is not None and self._taken - self._kept > _FEW + self._taken // 20:
            save(Snapshot(self._ledger.project, head, folding.settle()), self._file)
            self._kept = self._taken

    def _at(self, seq: int) -> Entry:
        return self._ledger.get(str(seq))
