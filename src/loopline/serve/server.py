"""A server process: its address is taken before anything starts, and it ends by keeping all that it answered."""

from __future__ import annotations

import contextlib
import errno
import math
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from loopline.errors import Fault, Mistake
from loopline.serve.connections import Connection
from loopline.serve.spec import Limits

_BACKLOG = 2048


def bind(host: str, port: int, *, shares: bool = False) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Parameters
    ----------
    shares
        Whether other sockets that share may listen at the same port.

    Raises
    ------
    Mistake
        When there is no such address on this machine.
    Fault
        When the port is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise Mistake(f"there is no host {host!r}", where="serve.host", remedy="use 127.0.0.1") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shares:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _taken(error, host, port) from None
    listener.setblocking(False)
    return listener


def _taken(error: OSError, host: str, port: int) -> Fault | Mistake:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return Fault("the port is in use", where=where, remedy="choose another with --port, or stop the program that listens there", retry=True)
    if error.errno == errno.EACCES:
        return Fault("the port may not be used", where=where, remedy="choose one above 1023 with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return Mistake("this machine has no such address", where=where, remedy="use 127.0.0.1, or an address of this machine, with --host")
    return Fault(f"the server cannot listen here ({error.strerror})", where=where, remedy="choose another address with --host and --port")


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def callable_at(url: str) -> str:
    """The URL by which this machine calls a server; of one that listens at every address, which is none to call, the loopback's.

    Examples
    --------
    >>> callable_at("http://0.0.0.0:8378"), callable_at("http://[::]:8378"), callable_at("http://10.0.0.7:8378")
    ('http://127.0.0.1:8378', 'http://[::1]:8378', 'http://10.0.0.7:8378')
    """
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def run(app: ASGIApp, listener: socket.socket, limits: Limits) -> None:
    """Serve until the process is told to stop; then requests under way are answered, within their limits, and the app's lifespan ends."""

    class Limited(Connection):
        def __init__(self, **said: Any) -> None:
            super().__init__(limits, **said)

    longest = limits.body_within + limits.answer_within
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Limited,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=math.ceil(longest.total_seconds()) + 1,
    )
    server = uvicorn.Server(config)
    with orderly_end(server):
        server.run(sockets=[listener])


@contextlib.contextmanager
def orderly_end(server: uvicorn.Server) -> Iterator[None]:
    """Within it, being told to stop is a success: uvicorn, when it has ended, raises the signal again, and that is then let pass."""

    def let_pass(number: int, frame: FrameType | None) -> None:
        # Before uvicorn has handlers of its own this is the only one that hears of it.
        server.should_exit = True

    asked = (signal.SIGINT, signal.SIGTERM)
    before: list[Callable[[int, FrameType | None], object] | int | None] = [signal.signal(number, let_pass) for number in asked]
    try:
        yield
    finally:
        for number, handler in zip(asked, before, strict=True):
            signal.signal(number, handler)
