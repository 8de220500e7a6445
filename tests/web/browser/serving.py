"""The pages of a folder at a port of this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loopline.web.app import Site
from loopline.web.asked import Reader
from loopline.web.current import Followed
from loopline.web.door import Door
from loopline.web.server import Server
from tests.web.world import Stated


@contextmanager
def served(folder: Path, who: Reader | None = None, *, door: Door | None = None, port: int = 0) -> Iterator[str]:
    """The address of the project's first page, while it is served to one reader; to the person of this machine where nobody is stated.

    Parameters
    ----------
    door
        Tells who reads, in place of that.
    """
    followed = Followed(folder)
    with socket.create_server(("127.0.0.1", port)) as listener:
        site = Site({followed.name: followed}, door=door if who is None else Stated(who))
        server = Server(site)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/{followed.name}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            followed.close()
