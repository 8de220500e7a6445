"""``loopline model show``: what a package is, earns, and where it fails, for whoever must judge it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.model_report import report
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.cli.pictures import picture_form, write_picture
from loopline.errors import Mistake
from loopline.loop import open_loop
from loopline.model.packages import EVALUATION, named, require


@click.command()
@click.argument("digest", required=False)
@click.option("--card", "as_card", is_flag=True, help="Print the card for a business reader instead.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the evaluation: .html for all, .png or .svg for the first picture.",
)
@folder_option
@json_option
def show(digest: str | None, as_card: bool, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what a package is, earns, and where it fails; DIGEST may be cut short, and is the newest package's by default.

    Its evaluation tells the worst slices, calibration, stability, robustness and learning curve, each in a few lines.
    """
    from loopline.model.described import opened

    if output is not None:
        picture_form(output)
        if as_card:
            raise Mistake("the card is not drawn", where="--card, --output", remedy="loopline model card --output FILE")
    with open_loop(folder) as loop:
        entry = named(loop.state(), digest)
        if output is not None:
            require(loop.state(), loop.workspace.ledger, entry, EVALUATION, lack="has no evaluation to draw", instead="loopline model show")
        data = opened(loop.workspace, loop.state(), entry)
    if output is not None:
        _draw(output, str(entry.body["manifest"]["project"]), data["evaluation"])
    data["output"] = None if output is None else str(output)
    drawn = "" if output is None else f"\ndrawn: {output}"
    following = drawn + hint("loopline release history" if data["is_champion"] else "loopline run")
    emit(data, lambda: (str(data["card"]).rstrip() if as_card else report(data)) + following, as_json)


def _draw(file: Path, project: str, evaluation: Mapping[str, Any]) -> None:
    from loopline.model.assessment.pictures import draw, heading

    drawn = draw(evaluation)
    if not drawn:
        raise Mistake("the evaluation measured nothing that can be drawn", where=str(file), remedy="leave --output out")
    headed = [(heading(name), "", picture) for name, picture in drawn.items()]
    write_picture(file, f"{project}: the evaluation", headed, says=str(evaluation["worth"]["says"]))
