"""``loopline status``: the loop, stage by stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.errors import CheckFailed
from loopline.ledger.entry import now
from loopline.loop import LoopStatus, open_loop
from loopline.watch.turns import watched

_COLOURS = {"done": "green", "stale": "yellow", "waiting": "cyan", "failed": "red"}


@click.command()
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path | None, as_json: bool) -> None:
    """Show the loop, stage by stage: done, stale (and why), waiting (and for whom) or failed. Nothing is computed.

    The exit code is 1 where a turn of `loopline up` or `loopline tick` is late, and where an alert reached nobody, so that neither a
    watcher that died nor a channel that is down is silent.
    """
    with open_loop(folder) as loop:
        declared, ledger, status = loop.project.declaration, loop.workspace.ledger, loop.status()
        holder, seen = ledger.holder(), watched(ledger, declared.data, declared.watch, now())
    if holder and status.next == "loopline run":
        # What is stale is at work, or will be refused: two cannot take the loop round at once.
        status = replace(status, next="loopline status")
    running = f"a turn is running ({holder})" if holder else ""
    turns = "; ".join(said for said in (running, seen.says) if said)
    emit({**status.as_json(), **seen.as_json(), "running": holder}, lambda: show(status, turns=turns), as_json)
    failed = [CheckFailed(f"nobody watches: {seen.says}", remedy="start it anew: loopline up; or take one turn: loopline tick")] if seen.is_late else []
    failed += [CheckFailed(status.unheard, remedy="read them: loopline alerts list; and try the channels: loopline alerts try")] if status.unheard else []
    for check in failed:
        click.echo(f"loopline: {check}", err=True)
    ctx.exit(1 if failed else 0)


def show(status: LoopStatus, *, turns: str = "") -> str:
    """A status as text: a line for each stage, the champion, the turns where something is known of them, and what to do next."""
    lines = []
    for stage in status.stages:
        spent = f"{stage.seconds:6.1f} s" if not stage.cached and stage.state == "done" else " cached " if stage.state == "done" else "        "
        lines.append(f"{stage.stage:<8} {click.style(f'{stage.state:<8}', fg=_COLOURS[stage.state])}{spent}  {stage.why}")
    if status.champion:
        lines.append(f"champion {status.champion[:12]}")
    if status.waiting:
        lines.append(status.waiting)
    if turns:
        lines.append(turns)
    if status.unheard:
        lines.append(f"{status.unheard} (loopline alerts list)")
    return "\n".join(lines) + hint(status.next)
