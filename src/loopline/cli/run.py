"""``loopline run``: take the loop round."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import LiveProgress, emit, folder_option, json_option
from loopline.cli.status import show
from loopline.loop import STAGES, open_loop


@click.command()
@click.option("--until", metavar="STAGE", help=f"The last stage to run: {', '.join(STAGES)}.")
@click.option("--fresh", metavar="STAGE", help="Compute this stage again although nothing has changed.")
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, until: str | None, fresh: str | None, folder: Path | None, as_json: bool) -> None:
    """Take the loop round as far as the evidence allows.

    What has been done already is not done again. It stops with the reason and the next command where a person is needed.
    Killed at any point, the same command goes on from there.
    """
    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        status = loop.run(until=until, fresh=fresh, progress=progress)
    emit(status.as_json(), lambda: show(status), as_json)
    if status.error is not None:
        click.echo(f"loopline: {status.error}", err=True)
    ctx.exit(status.exit_code)
