"""``loopline tick``: one turn for a scheduler."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, json_option
from loopline.cli.status import show
from loopline.loop import open_loop


@click.command()
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path | None, as_json: bool) -> None:
    """One turn for cron, systemd or an orchestrator: take in what has come, and say where the loop stands.

    New files, predictions and outcomes are taken in, windows and alerts brought up to date, and what has become stale is
    computed. The exit code is that of `loopline run`.
    """
    with open_loop(folder) as loop:
        status = loop.run()
    emit(status.as_json(), lambda: show(status), as_json)
    if status.error is not None:
        click.echo(f"loopline: {status.error}", err=True)
    ctx.exit(status.exit_code)
