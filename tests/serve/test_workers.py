"""A worker that dies again and again costs nobody more than a broken connection: none waits for it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from loopline.engine.kept import END_S, ready
from loopline.errors import Fault
from loopline.serve.workers import Workers, listeners
from tests.conftest import REPOSITORY


def test_a_worker_that_never_comes_back_gives_up_its_share(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.serve.dying", str(tmp_path)]
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            until, answered = time.monotonic() + 60, 0
            while answered < 40 and time.monotonic() < until:
                answered = answered + 1 if _is_answered(port) else 0
            assert answered == 40
        finally:
            server.send_signal(signal.SIGTERM)
            said = server.communicate(timeout=60)[1]
    assert "is started anew" in said


def _is_answered(port: int) -> bool:
    """Whether a connection brings the word; one that is broken off does not, and none may wait for longer than a worker takes to die."""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        return client.recv(4) == b"here"
    return False


def test_a_worker_that_dies_before_it_is_ready_is_said_with_what_to_do() -> None:
    with listeners("127.0.0.1", 0, 1) as sockets:
        workers = Workers(never_ready, sockets)
        with pytest.raises(Fault, match="ended before it was ready.*start it again"):
            workers.wait_ready()


def never_ready(listener: socket.socket, tell: Connection) -> None:
    """Die at once."""
    os._exit(1)


def test_a_second_signal_that_comes_before_anybody_waits_for_the_workers_ends_them_at_once() -> None:
    with listeners("127.0.0.1", 0, 1) as sockets:
        workers = Workers(stubborn, sockets)
        assert workers.wait_ready() == "deaf"
        since = time.monotonic()
        with pytest.raises(KeyboardInterrupt), workers:
            raise KeyboardInterrupt
    assert workers.parts[0].process.exitcode == -signal.SIGKILL and time.monotonic() - since < END_S


def stubborn(listener: socket.socket, tell: Connection) -> None:
    """Work that is never told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready(tell, "deaf")
    time.sleep(120)
