"""``loopline value lift``: what the model really causes."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.errors import Mistake
from loopline.loop import open_loop


@click.command("lift")
@folder_option
@json_option
def command(folder: Path | None, as_json: bool) -> None:
    """Show what the model causes, per decision and per year: against what was held out from it, else as an estimate with what must be true for it.

    The bounds of the lift hold however often one looks.
    """
    from dataclasses import asdict

    from loopline.value.caused import lines, readings

    with open_loop(folder) as loop:
        facts, declared = loop.state().facts("value", "lift"), loop.project.declaration
        if facts is None:
            raise Mistake("it has not been looked at yet", remedy="loopline run")
        over_time = [asdict(one) for one in readings(loop.workspace.lake, facts)]
    following = "loopline tick" if facts["lift"] is not None or declared.value.holdout is not None else "loopline value review"
    told = {name: value for name, value in facts.items() if name != "readings"}
    emit({**told, "windows": over_time, "next": following}, lambda: "\n".join(lines(facts)) + hint(following), as_json)
