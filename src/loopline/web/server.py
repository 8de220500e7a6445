"""The process that serves the pages: its address is taken before it starts, and it ends by letting its readers go."""

from __future__ import annotations

import gc
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import uvicorn

from loopline.errors import LooplineError, Mistake
from loopline.serve.server import orderly_end
from loopline.web.app import Site, build
from loopline.web.current import Followed
from loopline.web.signed_in import open_door

_GRACE_S = 10
_HEADER_BYTES = 65_536
_AT_ONCE = 2_000
"""So many connections at most: every page that stands open holds one."""


class Server(uvicorn.Server):
    """A server that ends the streams of its readers before it waits for their connections."""

    def __init__(self, site: Site) -> None:
        super().__init__(
            uvicorn.Config(
                build(site),
                # It bounds what one request may say before anybody has signed in; httptools reads headers without an end.
                http="h11",
                h11_max_incomplete_event_size=_HEADER_BYTES,
                limit_concurrency=_AT_ONCE,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                # Whoever stands before it is declared, not believed.
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._site = site

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the readers go, then end as any server."""
        self._site.end()
        await super().shutdown(sockets)


def opened(folders: Sequence[Path], host: str | None = None) -> Site:
    """The site of the projects in some folders; the first one says who is asked who they are.

    Parameters
    ----------
    host
        The address at which it will be served; ``pages.host`` by default.

    Raises
    ------
    Mistake
        When there is no project in one, its declaration is wrong, two have the same name, or others could reach the site and nobody could sign in.
    """
    with ExitStack() as held:
        found: dict[str, Followed] = {}
        for folder in folders:
            followed = Followed(folder)
            held.callback(followed.close)
            if followed.name in found:
                where = f"{found[followed.name].folder} and {folder}"
                raise Mistake(f"two projects are named {followed.name!r}", where=where, remedy="leave one out, or give it another name")
            found[followed.name] = followed
        first = next(iter(found.values()))
        spec = first.project.declaration.pages
        site = Site(found, door=open_door(spec, spec.host if host is None else host, first.folder))
        held.pop_all()
    return site


def run(site: Site, listener: socket.socket) -> None:
    """Serve until the process is told to stop; long work that runs is then stopped in order."""
    server = Server(site)
    _set_apart(site)
    try:
        with orderly_end(server):
            server.run(sockets=[listener])
    finally:
        site.close()


def _set_apart(site: Site) -> None:
    """Leave what lasts out of the collection of garbage.

    A million entries fold into as many objects: looking through them stops every page for 0.2 s, and because there are so many it comes so seldom that
    two gigabytes of garbage gather.
    """
    for followed in site.projects.values():
        with suppress(LooplineError):
            followed.current()
    gc.collect()
    gc.freeze()
