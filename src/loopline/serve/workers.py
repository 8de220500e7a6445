"""Several server processes on one port: a parent starts them, starts anew what dies, and ends them in order.

Each worker listens at a socket of its own that the parent holds as well. The kernel shares connections out between the sockets, and those that wait for a
worker that died wait for the one that takes its place; but for a worker that dies again and again, whose socket is closed until it is started anew.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

from loopline.engine.kept import Begun, Kept, end, keep, spawned, stopping, wait_ready
from loopline.errors import Fault
from loopline.serve.server import bind

Work = Callable[[socket.socket, Connection], None]
"""What a worker does with its socket; it tells once that it is ready, with `ready`, or why it is not, with `failed` (`loopline.engine.kept`)."""

MOST_DEATHS = 3
"""A worker that has died so often soon after its start takes its socket with it: the kernel gives its share of the connections to the others."""
_COUNTERS = "PROMETHEUS_MULTIPROC_DIR"


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


class _Seat:
    """A worker's socket, and how it is taken: what waits at it is answered by the worker that takes it next."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self._address = listener.getsockname()[:2]

    def begin(self, work: Work) -> Begun:
        """A worker at the socket."""
        if self.listener.fileno() < 0:
            self.listener = bind(*self._address, shares=True)
        return spawned(work, self.listener)

    def gone(self, pid: int, deaths: int) -> None:
        """Take the socket away from a worker that dies again and again."""
        if _COUNTERS in os.environ:
            # What a dead worker said of itself no longer holds; what it counted does.
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        if deaths >= MOST_DEATHS:
            self.listener.close()


class Workers:
    """The processes of one server.

    Parameters
    ----------
    work
        What each does; it is pickled by its name.
    """

    def __init__(self, work: Work, sockets: Sequence[socket.socket]) -> None:
        self._seats = [_Seat(listener) for listener in sockets]
        self.parts = [Kept("worker", partial(seat.begin, work), gone=seat.gone) for seat in self._seats]

    def wait_ready(self) -> Any:
        """What the first worker told when it was ready, once all are.

        Raises
        ------
        Fault
            When one cannot start; says why. The others are ended.
        """
        try:
            return [wait_ready(part) for part in self.parts][0]
        except Fault:
            self.end()
            raise

    def keep(self) -> None:
        """Start anew what dies, until this process is told to stop; then end all in order."""
        with stopping() as stop, self:
            keep(self.parts, stop)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A second signal may come before anybody waits.
        self.end(at_once=kind is KeyboardInterrupt)

    def end(self, *, at_once: bool = False) -> None:
        """End all in order: requests under way are answered. `at_once`, they are broken off."""
        end(self.parts, at_once=at_once)
        for seat in self._seats:
            seat.listener.close()


@contextlib.contextmanager
def shared_counters() -> Iterator[None]:
    """A folder in which the workers count, so that each can tell the counts of all."""
    with tempfile.TemporaryDirectory(prefix="loopline-metrics-") as folder:
        os.environ[_COUNTERS] = folder
        try:
            yield
        finally:
            del os.environ[_COUNTERS]
