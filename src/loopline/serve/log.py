"""The prediction log's writer: what has been answered is on the disk before the answer leaves."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType

from loopline.errors import Fault
from loopline.serve.segments import KINDS, Kind, Mode

_said = logging.getLogger("loopline.serve")
ROLL_BYTES = 64 << 20
MOST_RECORDS = 1_000
MOST_MS = 200
"""With ``async``: so many records, and those of so many milliseconds, may be answered and not yet durable; beyond that answers wait."""
AGAIN_S = 0.2
"""So long after a failure what has been answered is written again."""
GATHER_S = 0.005
"""With ``async`` so long is waited before a sync, which then does for more records."""
# A record's size is part of the file's data for fdatasync; only the file's times are left for later.
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def promise(mode: Mode) -> str:
    """What a log of a mode promises, in a sentence."""
    if mode == "durable":
        return "each answer is durable in the prediction log before it leaves"
    return f"answers leave before they are durable in the prediction log: a crash loses at most {MOST_RECORDS:,} records of {MOST_MS} ms for each worker"


class _OpenSegment:
    """A segment that this process alone appends to; `size_bytes` is what is known to be durable."""

    def __init__(self, path: Path, day: str) -> None:
        self.path = path
        self.day = day
        self.size_bytes = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            _sync_folder(path.parent)
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Everything is on the disk, or OSError and the segment may end with a part of it."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
        _sync(self._descriptor)
        self.size_bytes += len(data)

    def abandon(self) -> None:
        """Cut what is not durable as far as the disk allows, and close; nothing is appended to it any more."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self.size_bytes)
        self.close()

    def close(self) -> None:
        """Close the file; once, for its number may be another file's afterwards."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)


class _Request:
    __slots__ = ("data", "done", "is_durable", "is_owed", "kind", "since_s")

    def __init__(self, kind: Kind, data: bytes) -> None:
        self.kind = kind
        self.data = data
        self.done: Future[None] = Future()
        self.since_s = time.monotonic()
        self.is_owed = False
        self.is_durable = False


class _Owed:
    """What has been answered and is not yet durable, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[_Request] = deque()
        self._records = 0

    def takes(self, request: _Request) -> bool:
        """Whether the bound lets a request be answered before it is durable; it is then among them."""
        count = request.data.count(b"\n")
        is_late = bool(self._requests) and request.since_s - self._requests[0].since_s > MOST_MS / 1000
        if is_late or self._records + count > MOST_RECORDS:
            return False
        request.is_owed = True
        self._requests.append(request)
        self._records += count
        return True

    def forget_durable(self) -> None:
        """Drop those that have become durable."""
        while self._requests and self._requests[0].is_durable:
            self._records -= self._requests.popleft().data.count(b"\n")


class Log:
    """Appends records durably; those that come at the same time share one sync (group commit).

    Every process has a server id of its own and so segments of its own: writers never meet, and a segment that a killed
    process left with a torn last line is never appended to again.

    Parameters
    ----------
    folder
        The log's folder, with one folder in it for each kind of record.
    server
        The id of this process in the segments' names.
    roll_bytes
        A segment that has grown past this size is closed and the next one begun.
    clock
        Tells the day that a segment is named by.
    mode
        ``durable``, or ``async``: a record may be answered for before it is durable, within the bound of `MOST_RECORDS` and `MOST_MS`.
        What cannot be written is then kept and written again, and nothing more is taken until it is.

    Raises
    ------
    Fault
        When the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        server: str = "",
        roll_bytes: int = ROLL_BYTES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        mode: Mode = "durable",
    ) -> None:
        self.folder = folder
        self.mode = mode
        self.server = server or secrets.token_hex(4)
        self._roll_bytes = roll_bytes
        self._clock = clock
        self._open: dict[Kind, _OpenSegment] = {}
        self._made = 0
        self._closed = False
        self._owed = _Owed()
        self._kept: list[_Request] = []
        self._trouble: Fault | None = None
        self._door = Lock()
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        _check_writable(folder)
        self._thread = Thread(target=self._work, name="prediction log", daemon=True)
        self._thread.start()

    def append(self, kind: Kind, data: bytes) -> Future[None]:
        """A future that is done once the lines are durable, or are owed within the bound, and fails with a Fault where they cannot be written.

        Parameters
        ----------
        data
            Whole JSON lines, each with its newline.
        """
        request = _Request(kind, data)
        with self._door:
            if self._closed:
                request.done.set_exception(Fault("the prediction log is closed", remedy="try again at another server", retry=True))
            elif self._trouble is not None:
                request.done.set_exception(self._trouble)
            else:
                if self.mode == "async" and self._owed.takes(request):
                    request.done.set_result(None)
                self._queue.put(request)
        return request.done

    def close(self) -> None:
        """Everything that was handed over is durable or has failed, and the files are closed."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _work(self) -> None:
        stopping = False
        while not stopping:
            requests, stopping = self._waiting()
            again, self._kept = self._kept, []
            for kind in KINDS:
                self._commit(kind, [request for request in (*again, *requests) if request.kind == kind])
            with self._door:
                self._owed.forget_durable()
                if not self._kept:
                    self._trouble = None
        if self._kept:
            _said.error("%d answered records could not be written before the end", sum(request.data.count(b"\n") for request in self._kept))
        for segment in self._open.values():
            segment.close()

    def _waiting(self) -> tuple[list[_Request], bool]:
        """All that has come since the last sync, and whether the end was among it; waits for the first, unless something is to be written again."""
        found: list[_Request | None] = []
        with contextlib.suppress(Empty):
            found.append(self._queue.get(timeout=AGAIN_S if self._kept else None))
            if self.mode == "async" and found != [None]:
                time.sleep(GATHER_S)
            while True:
                found.append(self._queue.get_nowait())
        # A client that has gone has cancelled its future; its record is then not needed, for nothing will be answered.
        return [one for one in found if one is not None and (one.is_owed or one.done.set_running_or_notify_cancel())], None in found

    def _commit(self, kind: Kind, requests: list[_Request]) -> None:
        if not requests:
            return
        try:
            self._segment(kind).append(b"".join(request.data for request in requests))
        except Exception as error:  # the worker's door: no request may wait for ever
            # After a failed sync the pages' state is unknown, and a reader may be past the end: never append here again.
            if broken := self._open.pop(kind, None):
                broken.abandon()
            self._failed(requests, _unwritable(self.folder / kind, error))
            return
        for request in requests:
            request.is_durable = True
            if not request.is_owed:
                request.done.set_result(None)

    def _failed(self, requests: list[_Request], fault: Fault) -> None:
        """Tell those that wait; what has been answered is kept, and nothing is taken until it is written."""
        kept = [request for request in requests if request.is_owed]
        with self._door:
            self._kept += kept
            self._trouble = fault if self._kept else None
        for request in requests:
            if not request.is_owed:
                request.done.set_exception(fault)

    def _segment(self, kind: Kind) -> _OpenSegment:
        day = self._clock().strftime("%Y%m%d")
        segment = self._open.get(kind)
        if segment is None or segment.day != day or segment.size_bytes >= self._roll_bytes:
            if segment is not None:
                # Out of reach before it is closed: where the next one cannot be opened, its descriptor is somebody else's by then.
                self._open.pop(kind).close()
            self._made += 1
            segment = self._open[kind] = _OpenSegment(self.folder / kind / f"{day}-{self.server}-{self._made:06}.jsonl", day)
        return segment


def _unwritable(folder: Path, error: Exception) -> Fault:
    why = getattr(error, "strerror", None) or repr(error)
    return Fault(f"the prediction log cannot be written ({why})", where=str(folder), remedy="free space or mend its permissions", retry=True)


def _check_writable(folder: Path) -> None:
    """The kinds' folders exist and take files; said now rather than at the first prediction."""
    for kind in KINDS:
        place = folder / kind
        probe = place / f".probe-{secrets.token_hex(8)}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise _unwritable(place, error) from None
