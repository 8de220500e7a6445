"""``loopline status``: the loop, stage by stage."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.loop import LoopStatus, open_loop

_COLOURS = {"done": "green", "stale": "yellow", "waiting": "cyan", "failed": "red"}


@click.command()
@folder_option
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Show the loop, stage by stage: done, stale (and why), waiting (and for whom) or failed. Nothing is computed."""
    with open_loop(folder) as loop:
        status = loop.status()
    emit(status.as_json(), lambda: show(status), as_json)


def waiting(status: LoopStatus) -> str:
    """Whom the loop waits for; empty where it waits for nobody."""
    return f"waiting for {' and '.join((status.waiting_for, *status.besides))}" if status.waiting_for else ""


def show(status: LoopStatus) -> str:
    """A status as text: a line for each stage, the champion, and what to do next."""
    lines = []
    for stage in status.stages:
        spent = f"{stage.seconds:6.1f} s" if not stage.cached and stage.state == "done" else " cached " if stage.state == "done" else "        "
        lines.append(f"{stage.stage:<8} {click.style(f'{stage.state:<8}', fg=_COLOURS[stage.state])}{spent}  {stage.why}")
    if status.champion:
        lines.append(f"champion {status.champion[:12]}")
    if status.waiting_for:
        lines.append(waiting(status))
    return "\n".join(lines) + hint(status.next)
