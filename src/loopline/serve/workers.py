"""Several server processes on one port: a parent starts them, starts anew what dies, and ends them in order.

Each worker listens at a socket of its own that the parent holds as well. The kernel shares connections out between the sockets, and those that wait for a
worker that died wait for the one that takes its place; but for a worker that dies again and again, whose socket is closed until it is started anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

from loopline.errors import Fault, LooplineError
from loopline.serve.server import bind

Work = Callable[[socket.socket, Connection], None]
"""What a worker does with its socket; it tells once that it is ready, with `ready`, or why it is not, with `failed`."""

LONG_S = 10.0
"""A worker that has lived so long is started anew at once."""
LONGEST_PAUSE_S = 10.0
MOST_DEATHS = 3
"""A worker that has died so often soon after its start takes its socket with it: the kernel gives its share of the connections to the others."""
START_S = 60.0
END_S = 30.0
_LOOK_S = 0.2
_said = logging.getLogger("loopline.serve")


def pause_s(deaths: int) -> float:
    """How long to wait before a worker is started anew that has died so often soon after its start.

    >>> [pause_s(deaths) for deaths in (0, 1, 2, 20)]
    [0.0, 0.1, 0.2, 10.0]
    """
    return min(0.1 * 2 ** (deaths - 1), LONGEST_PAUSE_S) if deaths else 0.0


def ready(tell: Connection, said: Any) -> None:
    """Tell the parent that this worker is ready; when the parent is gone, this worker ends in order."""
    with contextlib.suppress(OSError):
        tell.send(("ready", said))
    threading.Thread(target=_end_with_parent, args=(tell,), name="parent", daemon=True).start()


def failed(tell: Connection, what: str) -> None:
    """Tell the parent why this worker cannot start."""
    tell.send(("failed", what))


def _end_with_parent(tell: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        tell.recv()
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def listeners(host: str, port: int, count: int) -> Iterator[list[socket.socket]]:
    """Listening sockets that share a port; port 0 takes any free one.

    Raises
    ------
    Mistake
        When there is no such address on this machine.
    Fault
        When the port is in use.
    """
    # Sockets that share a port would share it with another server, too: the first must find it free.
    with bind(host, port) as first:
        found = first.getsockname()[1]
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(bind(host, found, shares=True)) for _ in range(count)]


@dataclass
class _Worker:
    listener: socket.socket
    process: SpawnProcess
    pipe: Connection
    since_s: float
    deaths: int = 0
    due_s: float | None = None


class Workers:
    """The processes of one server.

    Parameters
    ----------
    work
        What each does; it is pickled by its name.
    """

    def __init__(self, work: Work, sockets: Sequence[socket.socket]) -> None:
        self._work = work
        self._stopping = threading.Event()
        self._address = sockets[0].getsockname()[:2]
        self._workers = [_Worker(listener, *self._started(listener), time.monotonic()) for listener in sockets]

    @property
    def pids(self) -> list[int]:
        """The processes' numbers."""
        return [worker.process.pid or 0 for worker in self._workers]

    def wait_ready(self) -> Any:
        """What the first worker told when it was ready, once all are.

        Raises
        ------
        Fault
            When one cannot start; says why. The others are ended.
        """
        told = []
        for worker in self._workers:
            try:
                kind, said = worker.pipe.recv() if worker.pipe.poll(START_S) else ("failed", "a worker was not ready in time")
            except EOFError:
                kind, said = "failed", "a worker ended before it was ready"
            if kind == "failed":
                self.end()
                raise Fault(said)
            told.append(said)
        return told[0]

    def keep(self) -> None:
        """Start anew what dies, until this process is told to stop; then end all in order."""
        before = {number: signal.signal(number, lambda *_: self._stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._stopping.is_set():
                wait([worker.process.sentinel for worker in self._workers if worker.due_s is None], timeout=_LOOK_S)
                for worker in self._workers:
                    self._look(worker)
        finally:
            self.end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def end(self) -> None:
        """End all in order: requests under way are answered."""
        for worker in self._workers:
            worker.process.terminate()
        until = time.monotonic() + END_S
        for worker in self._workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
            worker.listener.close()

    def _look(self, worker: _Worker) -> None:
        now = time.monotonic()
        if worker.due_s is None and not worker.process.is_alive() and not self._stopping.is_set():
            worker.deaths = 0 if now - worker.since_s >= LONG_S else worker.deaths + 1
            worker.due_s = now + pause_s(worker.deaths)
            _said.error("worker %s ended with %s and is started anew", worker.process.pid, worker.process.exitcode)
            _forget_gauges(worker.process.pid or 0)
            if worker.deaths >= MOST_DEATHS:
                worker.listener.close()
        if worker.due_s is not None and now >= worker.due_s:
            worker.pipe.close()
            try:
                if worker.listener.fileno() < 0:
                    worker.listener = bind(*self._address, shares=True)
                worker.process, worker.pipe = self._started(worker.listener)
            except (OSError, LooplineError) as error:
                # The others go on; a machine without room for a process may have it a little later.
                _said.error("a worker could not be started: %s", error)
                worker.deaths += 1
                worker.due_s = now + pause_s(worker.deaths)
                return
            worker.since_s, worker.due_s = now, None

    def _started(self, listener: socket.socket) -> tuple[SpawnProcess, Connection]:
        # Spawned, not forked: a fork would take over the parent's database connections.
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=self._work, args=(listener, theirs), daemon=False)
        process.start()
        theirs.close()
        return process, ours


def _forget_gauges(pid: int) -> None:
    """What a dead worker said of itself no longer holds; what it counted does."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def shared_counters() -> Iterator[None]:
    """A folder in which the workers count, so that each can tell the counts of all."""
    with tempfile.TemporaryDirectory(prefix="loopline-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]
