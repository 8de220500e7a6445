"""A server of two workers, of which one answers and the other dies each time it is started: python -m tests.serve.dying FOLDER."""

import os
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from loopline.engine.kept import ready
from loopline.serve.workers import Workers, listeners, shared_counters

FOLDER = "DYING_FOLDER"


def work(listener: socket.socket, tell: Connection) -> None:
    """Answer with a word for ever, in the process that comes first; any other ends once it was ready."""
    ready(tell, listener.getsockname()[1])
    try:
        os.close(os.open(Path(os.environ[FOLDER]) / "first", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        os._exit(1)
    listener.setblocking(True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"here")


if __name__ == "__main__":
    os.environ[FOLDER] = sys.argv[1]
    with listeners("127.0.0.1", 0, 2) as sockets, shared_counters():
        workers = Workers(work, sockets)
        print(workers.wait_ready(), flush=True)
        workers.keep()
