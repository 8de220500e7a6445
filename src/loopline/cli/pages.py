"""``loopline pages``: what every stakeholder sees, in a browser."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, json_option

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from loopline.access.spec import PagesSpec
    from loopline.web.app import Site

Said = dict[str, Any]
_ASKED = {"local": "", "sign-in": ", where people sign in"}


@click.command()
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A project's folder; may be given again; found from here upwards by default.",
)
@click.option("--host", metavar="ADDRESS", help="The address to listen at; pages.host by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen at; 0 takes any free one; pages.port by default.")
@click.option("--open", "in_browser", is_flag=True, help="Open them in a browser.")
@json_option
def command(folders: tuple[Path, ...], host: str | None, port: int | None, in_browser: bool, as_json: bool) -> None:
    """Serve the pages of one project or of several, until it is stopped; `loopline up` serves them beside all else.

    They show the loop to everybody who has a stake in it, and what waits for whom. Of several projects the first page is an overview, the most urgent first.
    """
    from loopline.project import find_folder
    from loopline.serve.server import bind
    from loopline.web.server import opened, prepare, run

    site = opened([folder.resolve() for folder in folders] or [find_folder(Path.cwd())], host)
    try:
        listener = bind(*place_of(site, host, port))
    except BaseException:
        site.close()
        raise
    with listener:
        prepare(site)
        said = told(site, listener)
        emit(said, lambda: f"{say(said)}; stop them with Ctrl-C", as_json)
        if in_browser:
            webbrowser.open(said["url"])
        run(site, listener)


def place_of(site: Site, host: str | None, port: int | None) -> tuple[str, int]:
    """Where the pages listen: as the options say, else as the first project declares."""
    declared = site.spec
    return declared.host if host is None else host, declared.port if port is None else port


def told(site: Site, listener: socket.socket) -> Said:
    """Where which projects are shown; of several, and of one among others, the address is that of the overview."""
    from loopline.serve.server import callable_at, url_of
    from loopline.web.current import base_of

    names = [*site.projects, *site.closed]
    door = site.door
    address = door.rules.public_url or callable_at(url_of(listener))
    url = f"{address}{base_of(names[0])}/" if len(names) == 1 else f"{address}/"
    wrong = [f"{name} cannot be opened yet: {one.error}" for name, one in site.closed.items()]
    remark = "; ".join(part for part in (door.remark, *wrong) if part)
    return {"url": url, "projects": names, "access": "local" if door.rules.is_local else "sign-in", "remark": remark}


def say(said: Mapping[str, Any]) -> str:
    """Where the pages are, who is asked who they are, and what is to be said of that."""
    return f"pages at {said['url']}{_ASKED[said['access']]}" + (f"; {said['remark']}" if said["remark"] else "")


def serve_beside(folders: Sequence[Path], spec: PagesSpec, listener: socket.socket, parent: Connection) -> None:
    """One of the parts of ``loopline up``: a process of its own that serves the pages, and ends with its parent."""
    from loopline.engine.kept import failed, ready
    from loopline.errors import LooplineError
    from loopline.web.server import opened, prepare, run

    try:
        site = opened(folders, listener.getsockname()[0], spec=spec)
    except LooplineError as error:
        failed(parent, str(error))
        return
    prepare(site)
    ready(parent, told(site, listener))
    run(site, listener)
