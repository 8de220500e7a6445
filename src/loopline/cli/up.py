"""``loopline up``: the server, the scheduler and the monitors in one command."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import folder_option
from loopline.cli.tick import say_rhythm, span

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from loopline.engine.kept import Kept
    from loopline.project import Project

TURNS = "turns"
"""The part that takes the turns; the others are workers of the server."""
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
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each thing that happens.")
def command(
    host: str | None, port: int | None, workers: int | None, insecure: bool, poll: timedelta, every: timedelta, folder: Path | None, as_json: bool
) -> None:
    """Run the whole loop by itself: the server, the scheduler and the monitors, until it is stopped.

    The server is that of `loopline serve`. Turns are taken as by `loopline tick --keep`: when a schedule is due, when new files
    have settled in a watched folder, when the declaration changes, and every so often; a moment that was missed while the
    machine slept is made up for once. Each is a process of its own, and is started anew when it dies.

    Ctrl-C or SIGTERM end all in order: the server answers the requests that it has, and the turn that is running is finished
    within half a minute. A second one ends it at once; what was done is kept.
    """
    from loopline.cli.serve import place_of, work
    from loopline.engine.kept import Kept, end, keep, spawned, stopping
    from loopline.loop import open_loop
    from loopline.serve.workers import Workers, listeners, shared_counters

    with open_loop(folder) as loop:
        place, project = place_of(loop, host, port, workers, insecure), loop.project
        ledger, lake = loop.workspace.ledger.url, loop.workspace.lake.url
    tell = partial(_tell, as_json)
    with stopping() as stop, listeners(place.host, place.port, place.workers) as sockets, ExitStack() as held:
        if place.workers > 1:
            held.enter_context(shared_counters())
        server = Workers(partial(work, project.folder, place.asks, place.workers), sockets)
        held.callback(server.end)
        served = {**server.wait_ready(), "workers": place.workers}
        turns = Kept(TURNS, partial(spawned, take_turns, project.folder, poll, every, as_json), long_s=LONG_S, pause=_pause_s)
        parts = [*server.parts, turns]
        # A second signal may come before anybody waits.
        held.push(lambda kind, *_: end(parts, at_once=kind is KeyboardInterrupt))
        pids = {"up": os.getpid(), "server": [part.pid for part in server.parts], TURNS: turns.pid}
        tell(*_begun(served, project, poll, every, {"ledger": ledger, "lake": lake}, pids))
        keep(parts, stop, partial(_anew, tell))
        tell({"event": "ending"}, "ending: the requests and the turn that are under way are finished; Ctrl-C once more ends at once")
    tell({"event": "ended"}, "ended")


def take_turns(folder: Path, poll: timedelta, every: timedelta, as_json: bool, parent: Connection) -> None:
    """One of the parts: a process of its own that takes the turns, and ends with its parent."""
    from loopline.cli.memory import keep_freed
    from loopline.cli.turns import Turns
    from loopline.engine.kept import ready, stopping

    keep_freed()
    with stopping() as stop:
        # A terminal sends Ctrl-C to all; the parent says when this part is to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ready(parent, None)
        try:
            for turn in Turns(folder, every=every).keep(stop, poll):
                _tell(as_json, {"event": "turn", **turn.as_json()}, turn.as_text())
        except KeyboardInterrupt:
            # The turn is given up where it is: the next one goes on from there.
            return


def _pause_s(deaths: int) -> float:
    """A first death costs nothing; a turn that kills its process, for want of memory perhaps, is tried again as one that fails."""
    from loopline.cli.turns import retry_s

    return retry_s(deaths - 1) if deaths > 1 else 0.0


def _begun(served: dict[str, Any], project: Project, poll: timedelta, every: timedelta, places: Said, pids: Said) -> tuple[Said, str]:
    """What runs where, as plain values and in words."""
    from loopline.access.secrets import masked
    from loopline.cli.serve import say
    from loopline.cli.turns import watches

    heartbeat, waits = project.declaration.watch.heartbeat, watches(project.declaration)
    beats = "no heartbeat is declared (watch.heartbeat)" if heartbeat is None else f"a heartbeat to {masked(heartbeat)} after each turn that went well"
    server = {name: value for name, value in served.items() if name != "example"}
    told = {"poll_s": poll.total_seconds(), "every_s": every.total_seconds(), "watches": waits, "heartbeat": None if heartbeat is None else masked(heartbeat)}
    several = "es" if len(pids["server"]) > 1 else ""
    rows = {
        "server": f"at {served['url']}; process{several} {', '.join(map(str, pids['server']))}",
        TURNS: f"{say_rhythm(poll, every, waits)}; {beats}; process {pids[TURNS]}",
        **places,
    }
    lines = [say(served), "", *(f"{name:<8} {what}" for name, what in rows.items())]
    return {"event": "up", "server": server, TURNS: told, **places, "pids": pids}, "\n".join(lines)


def _anew(tell: Callable[[Said, str], None], part: Kept, pid: int, code: int | None) -> None:
    tell({"event": "died", "part": part.name, "pid": pid, "code": code}, f"{part.name} {pid} ended with {code} and is started anew")


def _tell(as_json: bool, said: Said, text: str) -> None:
    click.echo(json.dumps(said, ensure_ascii=False) if as_json else text)
