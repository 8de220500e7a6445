"""``loopline up``: the server, the scheduler, the monitors and the pages in one command."""

from __future__ import annotations

import json
import os
import signal
import socket
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import folder_option
from loopline.cli.pages import say as say_pages
from loopline.cli.pages import serve_beside
from loopline.cli.tick import say_rhythm, span
from loopline.errors import Fault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from loopline.cli.serve import Place
    from loopline.engine.kept import Kept
    from loopline.project import Project

TURNS, PAGES = "turns", "pages"
"""The parts that take the turns and serve the pages; the others are workers of the server."""
LONG_S = 3600.0
"""Where the turns' process has lived so long, its death is no sign that the next turn kills it too."""
Said = Mapping[str, Any]


@click.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen at; serve.host by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen at; 0 takes any free one; serve.port by default.")
@click.option("--workers", type=click.IntRange(1, 64), help="So many processes share the port; serve.workers by default.")
@click.option("--insecure", is_flag=True, help="Listen at an address that other machines can reach, although callers are not asked who they are.")
@click.option("--poll", callback=span, default="5s", show_default=True, metavar="SPAN", help="How often to look whether a turn is due.")
@click.option("--every", callback=span, default="1h", show_default=True, metavar="SPAN", help="Take a turn after so long, whatever has come.")
@click.option("--pages/--no-pages", "with_pages", default=True, help="Serve the pages, too; they are by default.")
@click.option("--pages-port", type=click.IntRange(0, 65535), help="The port of the pages; 0 takes any free one; pages.port by default.")
@click.option("--open", "in_browser", is_flag=True, help="Open the pages in a browser.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each thing that happens.")
def command(
    host: str | None,
    port: int | None,
    workers: int | None,
    insecure: bool,
    poll: timedelta,
    every: timedelta,
    with_pages: bool,
    pages_port: int | None,
    in_browser: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Run the whole loop by itself: the server, the scheduler, the monitors and the pages, until it is stopped.

    The server is that of `loopline serve`. Turns are taken as by `loopline tick --keep`: when a schedule is due, when new files
    have settled in a watched folder, when the declaration changes, when somebody has given a word that it waited for or has changed the data, and
    every so often; a moment that was missed while the machine slept is made up for once. The pages are those of `loopline pages`. Each is a
    process of its own, and is started anew when it dies.

    A project that has never run can be begun like this: the pages are there at once, and the server answers with 503 until a package decides.

    Ctrl-C or SIGTERM end all in order: the server answers the requests that it has, and the turn that is running is finished
    within half a minute. A second one ends it at once; what was done is kept.
    """
    from loopline.cli.serve import place_of
    from loopline.loop import open_loop

    with open_loop(folder) as loop:
        place, project = place_of(loop, host, port, workers, insecure), loop.project
        places = {"ledger": loop.workspace.ledger.url, "lake": loop.workspace.lake.url}
    rhythm = Rhythm(poll, every)
    with ExitStack() as held:
        shown = held.enter_context(_listener(project, pages_port)) if with_pages else None
        _run(project, place, shown, rhythm, places, in_browser=in_browser, as_json=as_json)


@dataclass(frozen=True)
class Rhythm:
    """How often it is looked whether a turn is due, and after how long one is taken whatever has come."""

    poll: timedelta
    every: timedelta


def _run(project: Project, place: Place, shown: socket.socket | None, rhythm: Rhythm, places: Said, *, in_browser: bool, as_json: bool) -> None:
    """Start all parts, say where they are, and keep them until this process is told to stop."""
    from loopline.cli.serve import work
    from loopline.engine.kept import Kept, end, keep, spawned, stopping, wait_ready
    from loopline.serve.workers import Workers, listeners, shared_counters

    tell, parts = partial(_tell, as_json), list[Kept]()
    with stopping() as stop, listeners(place.host, place.port, place.workers) as sockets, ExitStack() as held:
        # A second signal may come before anybody waits.
        held.push(lambda kind, *_: end(parts, at_once=kind is KeyboardInterrupt))
        if shown is not None:
            parts.append(Kept(PAGES, partial(spawned, serve_beside, (project.folder,), project.declaration.pages, shown)))
        if place.workers > 1:
            held.enter_context(shared_counters())
        server = held.enter_context(Workers(partial(work, project.folder, place.asks, place.workers), sockets))
        pages = None if shown is None else wait_ready(parts[0])
        pids: dict[str, Any] = {"up": os.getpid(), "server": [part.pid for part in server.parts], PAGES: None if shown is None else parts[0].pid}
        served = {**server.wait_ready(), "workers": place.workers}
        turns = Kept(TURNS, partial(spawned, take_turns, project.folder, rhythm, as_json), long_s=LONG_S, pause=_pause_s)
        parts += [*server.parts, turns]
        tell(*_begun(served, pages, project, rhythm, places, {**pids, TURNS: turns.pid}))
        if in_browser and pages is not None:
            webbrowser.open(pages["url"])
        keep(parts, stop, partial(_anew, tell))
        tell({"event": "ending"}, "ending: the requests and the turn that are under way are finished; Ctrl-C once more ends at once")
    tell({"event": "ended"}, "ended")


def _listener(project: Project, port: int | None) -> socket.socket:
    """The socket of the pages, whose port is told apart from the server's where it is taken."""
    from loopline.serve.server import bind
    from loopline.web.signed_in import open_door

    declared = project.declaration.pages
    # Said now, and not by the part that would serve them.
    open_door(declared, declared.host).close()
    try:
        return bind(declared.host, declared.port if port is None else port)
    except Fault as error:
        remedy = "choose another one with --pages-port, leave the pages out with --no-pages, or stop the program that listens there"
        raise Fault(f"of the pages, {error.what}", where=error.where, remedy=remedy, retry=error.retry) from None


def take_turns(folder: Path, rhythm: Rhythm, as_json: bool, parent: Connection) -> None:
    """One of the parts: a process of its own that takes the turns, and ends with its parent."""
    from loopline.access.keys import PAGES_VARIABLE
    from loopline.cli.memory import keep_freed
    from loopline.cli.turns import Turns
    from loopline.engine.kept import ready, stopping

    keep_freed()
    # The project's own code runs here, and has no business with the key by which the pages vouch.
    os.environ.pop(PAGES_VARIABLE, None)
    with stopping() as stop:
        # A terminal sends Ctrl-C to all; the parent says when this part is to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ready(parent, None)
        try:
            for turn in Turns(folder, every=rhythm.every).keep(stop, rhythm.poll):
                _tell(as_json, {"event": "turn", **turn.as_json()}, turn.as_text())
        except KeyboardInterrupt:
            # The turn is given up where it is: the next one goes on from there.
            return


def _pause_s(deaths: int) -> float:
    """A first death costs nothing; a turn that kills its process, for want of memory perhaps, is tried again as one that fails."""
    from loopline.cli.turns import retry_s

    return retry_s(deaths - 1) if deaths > 1 else 0.0


def _begun(served: dict[str, Any], pages: Said | None, project: Project, rhythm: Rhythm, places: Said, pids: Said) -> tuple[Said, str]:
    """What runs where, as plain values and in words."""
    from loopline.access.secrets import masked
    from loopline.cli.serve import say
    from loopline.cli.turns import watches

    heartbeat, waits = project.declaration.watch.heartbeat, watches(project.declaration)
    beats = "no heartbeat is declared (watch.heartbeat)" if heartbeat is None else f"a heartbeat to {masked(heartbeat)} after each turn that went well"
    server = {name: value for name, value in served.items() if name != "example"}
    told = {
        "poll_s": rhythm.poll.total_seconds(),
        "every_s": rhythm.every.total_seconds(),
        "watches": waits,
        "heartbeat": None if heartbeat is None else masked(heartbeat),
    }
    several = "es" if len(pids["server"]) > 1 else ""
    rows = {
        **({} if pages is None else {PAGES: f"at {pages['url']}; process {pids[PAGES]}"}),
        "server": f"at {served['url']}; process{several} {', '.join(map(str, pids['server']))}",
        TURNS: f"{say_rhythm(rhythm.poll, rhythm.every, waits)}; {beats}; process {pids[TURNS]}",
        **places,
    }
    first = [] if pages is None else [say_pages(pages)]
    lines = [*first, say(served), "", *(f"{name:<8} {what}" for name, what in rows.items())]
    return {"event": "up", "server": server, PAGES: pages, TURNS: told, **places, "pids": pids}, "\n".join(lines)


def _anew(tell: Callable[[Said, str], None], part: Kept, pid: int, code: int | None) -> None:
    said = {"event": "died", "part": part.name, "pid": pid, "code": code, **({"why": part.why} if part.why else {})}
    tell(said, f"{part.name} {pid} ended with {code}{f' ({part.why})' if part.why else ''} and is started anew")


def _tell(as_json: bool, said: Said, text: str) -> None:
    click.echo(json.dumps(said, ensure_ascii=False) if as_json else text)
