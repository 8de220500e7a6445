"""``loopline tick``: one turn for a scheduler, or turn after turn."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, json_option
from loopline.cli.status import show
from loopline.declaration import parse_duration, say_duration
from loopline.errors import Mistake
from loopline.loop import STAGES

_LOOK_S = 0.2


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """A span of time, as in 5s, 15min or 1h."""
    if value is None:
        return None
    try:
        span = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if span <= timedelta(0):
        raise click.BadParameter(f"{value} is no time at all")
    return span


@click.command()
@click.option("--until", metavar="STAGE", help=f"The last stage of a turn: {', '.join(STAGES)}.")
@click.option("--wait", callback=span, metavar="SPAN", help="Where a turn is running, wait so long for its end; else it is refused.")
@click.option("--keep", is_flag=True, help="Stay, and take a turn whenever a schedule is due or a watched folder has new files.")
@click.option("--poll", callback=span, metavar="SPAN", help="With --keep: how often to look; 5s by default.")
@click.option("--every", callback=span, metavar="SPAN", help="With --keep: take a turn after so long, whatever has come; 1h by default.")
@click.option("--turns", type=click.IntRange(min=1), metavar="N", help="With --keep: end after N turns.")
@folder_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    until: str | None,
    wait: timedelta | None,
    keep: bool,
    poll: timedelta | None,
    every: timedelta | None,
    turns: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """One turn for cron, systemd or an orchestrator: take in what has come, and say where the loop stands.

    New files, predictions and outcomes are taken in, windows and alerts brought up to date, and what has become stale is
    computed. The exit code is that of `loopline run`. While `loopline up` or another tick stays, this takes a turn between two of its own.

    With --keep it stays: a turn is taken when a source's schedule is due, when new files in a watched folder have settled, when
    the declaration changes, when somebody has given a word that it waited for or has changed the data, and every so often. Each turn is one line (with
    --json one JSON object). A turn that fails is said and tried again, later each time. SIGINT or SIGTERM end it after the turn
    that is running; a second one ends it at once.
    """
    if keep:
        if wait is not None:
            raise Mistake("--wait is of a single turn; with --keep one that is refused is tried again", remedy="leave out one of the two")
        ctx.exit(_keep(folder, until, poll or timedelta(seconds=5), every or timedelta(hours=1), turns, as_json))
    if poll is not None or every is not None or turns is not None:
        raise Mistake("--poll, --every and --turns belong to --keep", remedy="add --keep, or leave them out")
    from loopline.cli.turns import take

    if wait is not None:
        _await(folder, wait)
    status = take(folder, until)
    emit(status.as_json(), lambda: show(status), as_json)
    if status.error is not None:
        click.echo(f"loopline: {status.error}", err=True)
    ctx.exit(status.exit_code)


def _await(folder: Path | None, longest: timedelta) -> None:
    """Wait until nobody takes the project round, but no longer than so."""
    from loopline.loop import open_loop

    until = time.monotonic() + longest.total_seconds()
    with open_loop(folder) as loop:
        while loop.workspace.ledger.holder() and time.monotonic() < until:
            time.sleep(_LOOK_S)


def _keep(folder: Path | None, until: str | None, poll: timedelta, every: timedelta, limit: int | None, as_json: bool) -> int:
    """Take turns until the limit or a signal; the exit code of the last turn, or 0 where a signal ended it."""
    from loopline.cli.turns import Turns
    from loopline.engine.kept import stopping
    from loopline.project import find_folder

    taking = Turns(Path(folder).resolve() if folder is not None else find_folder(Path.cwd()), every=every, until=until)
    if not as_json:
        click.echo(say_rhythm(poll, every, taking.watches), err=True)
    with stopping() as stop:
        for turn in taking.keep(stop, poll):
            click.echo(json.dumps(turn.as_json(), ensure_ascii=False) if as_json else turn.as_text())
            if limit is not None and turn.number >= limit:
                return turn.error.exit_code if turn.error is not None else 0
    return 0


def say_rhythm(poll: timedelta, every: timedelta, watches: Sequence[str]) -> str:
    """When turns are taken, in one line."""
    waits = "; ".join(watches) or "no source has a schedule or a folder to watch"
    return f"looking every {say_duration(poll)}, a turn at least every {say_duration(every)}; {waits}"
