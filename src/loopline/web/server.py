"""The process that serves the pages: its address is taken before it starts, and it ends by letting its readers go."""

from __future__ import annotations

import gc
import logging
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import uvicorn
from pydantic import ValidationError

from loopline.access.spec import PagesSpec
from loopline.errors import LooplineError, Mistake
from loopline.project import FILE
from loopline.serve.server import orderly_end
from loopline.web import warming
from loopline.web.app import Site, build
from loopline.web.closed import Closed, said_in
from loopline.web.current import Followed
from loopline.web.signed_in import open_door

_GRACE_S = 10
_READY_S = 20.0
"""What starts the pages beside other parts waits a minute for all of them."""
_said = logging.getLogger("loopline")
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


def opened(folders: Sequence[Path], host: str | None = None, *, spec: PagesSpec | None = None) -> Site:
    """The site of the projects in some folders; the first one says who is asked who they are.

    One that cannot be opened is shown with its mistake, and opened once it can be.

    Parameters
    ----------
    host
        The address at which it will be served; ``pages.host`` by default.
    spec
        How it is served, where that is known already: then nothing that is wrong with a declaration is in its way.

    Raises
    ------
    Mistake
        When there is no project in one, two have the same name, the first one is so wrong that nobody knows who may come in, or others could reach the
        site and nobody could sign in.
    """
    with ExitStack() as held:
        found: dict[str, Followed] = {}
        closed: dict[str, Closed] = {}
        for folder in folders:
            try:
                followed = _followed(folder)
            except LooplineError as error:
                if spec is None and not (folder / FILE).is_file():
                    raise
                _said.error("the project in %s cannot be opened yet: %s", folder, error)
                one = Closed(folder, error, taken={*found, *closed})
                closed[one.name] = one
                continue
            held.callback(followed.close)
            if followed.name in found:
                where = f"{found[followed.name].folder} and {folder}"
                raise Mistake(f"two projects are named {followed.name!r}", where=where, remedy="leave one out, or give it another name")
            found[followed.name] = followed
        spec = spec or _spec_of(folders[0], [*found.values()], [*closed.values()])
        site = Site(found, door=open_door(spec, spec.host if host is None else host, folders[0]), closed=closed, spec=spec, follow=_followed)
        held.pop_all()
    return site


def _followed(folder: Path) -> Followed:
    """The project in a folder, whose long work that was killed with its pages has an end."""
    followed = Followed(folder)
    try:
        followed.works.settle()
    except BaseException:
        followed.close()
        raise
    return followed


def _spec_of(folder: Path, found: Sequence[Followed], closed: Sequence[Closed]) -> PagesSpec:
    """How the first project's pages are served, which may be right where the rest of its declaration is wrong.

    Raises
    ------
    LooplineError
        When that cannot be told: who is let in is never guessed.
    """
    for one in found:
        if one.folder == folder:
            return one.project.declaration.pages
    (first,) = (one for one in closed if one.folder == folder)
    said = said_in(folder)
    if not said:
        raise first.error
    try:
        return PagesSpec.model_validate(said.get("pages") or {})
    except ValidationError:
        raise first.error from None


def prepare(site: Site) -> None:
    """Do what the first reader would wait for, before anybody is told where the pages are; a ledger that takes longer to read is not waited for."""
    # The renderer of pictures takes a core of its own meanwhile.
    preparing = [Thread(target=work, args=given, name="preparing", daemon=True) for work, given in ((_first, (site,)), (warming.draw, ()))]
    for one in preparing:
        one.start()
    until = time.monotonic() + _READY_S
    for one in preparing:
        one.join(max(0.0, until - time.monotonic()))


def _first(site: Site) -> None:
    _set_apart(site)
    warming.warm(site, warming.FIRST)


def run(site: Site, listener: socket.socket) -> None:
    """Serve until the process is told to stop; long work that runs is then stopped in order."""
    server = Server(site)
    warming.begin(site)
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
