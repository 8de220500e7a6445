"""``loopline value lift``: what the model really causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.pictures import picture_form, write_picture
from loopline.errors import Mistake
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.value.lift import Reading


@click.command("lift")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw the lift over time into this file: .html, .png or .svg.")
@folder_option
@json_option
def command(output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what the model causes, per decision and per year: against what was held out from it, else as an estimate with what must be true for it.

    The bounds of the lift hold however often one looks.
    """
    from dataclasses import asdict

    from loopline.value.caused import lines, readings
    from loopline.value.lift import in_words

    if output is not None:
        picture_form(output)
    with open_loop(folder) as loop:
        facts, declared = loop.state().facts("value", "lift"), loop.project.declaration
        if facts is None or "target" not in facts:
            raise Mistake("it has not been looked at yet", remedy="loopline run")
        over_time = readings(loop.workspace.lake, facts)
    told = in_words(over_time, facts["currency"], target=facts["target"])
    if output is not None:
        _draw(output, loop.project.name, facts, over_time, told)
    following = "loopline tick" if facts["lift"] is not None or declared.value.holdout is not None else "loopline value review"
    shown = {name: value for name, value in facts.items() if name != "readings"}
    data = {**shown, "windows": [asdict(one) for one in over_time], "over_time": told, "output": None if output is None else str(output), "next": following}
    said = [*lines(facts), *([f"over time: {'; '.join(told)}"] if told else []), *([] if output is None else [f"written to {output}"])]
    emit(data, lambda: "\n".join(said) + hint(following), as_json)


def _draw(file: Path, project: str, facts: Mapping[str, Any], over_time: Sequence[Reading], told: Sequence[str]) -> None:
    from loopline.value.lift_picture import picture

    if facts["lift"] is None:
        raise Mistake("nothing is held out that tells, so there is no lift to draw", where="--output", remedy="declare value.holdout, such as 5%")
    drawn = picture(over_time, facts["currency"], confidence=facts["lift"]["confidence"], target=facts["target"])
    write_picture(file, f"{project}: what the model causes", [("Over time", "; ".join(told), drawn)], says=facts["says"])
