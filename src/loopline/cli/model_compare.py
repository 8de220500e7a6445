"""``loopline model compare``: two packages on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.loop import open_loop


@click.command()
@click.argument("one", required=False)
@click.argument("other", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw both worth curves into this file: .html, .png or .svg.")
@folder_option
@json_option
def compare(one: str | None, other: str | None, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Compare the packages ONE and OTHER on the same rows: the test part of the newer one.

    Their digests may be cut short. By default the newest package stands against the one that decides, or against the one before it.
    """
    from loopline.model.comparing import compare as compared
    from loopline.model.comparing import picture
    from loopline.model.rivals import both, evidence_of, loaded

    if output is not None:
        from loopline.cli.pictures import picture_form

        picture_form(output)
    with open_loop(folder) as loop:
        state = loop.state()
        first, second = both(state, one, other)
        evidence = evidence_of(state, loop.workspace.ledger, first, second)
        found = compared(*loaded(loop.workspace, loop.project.declaration.charter, first.subject, second.subject, evidence))
    if output is not None:
        from loopline.cli.pictures import write_picture

        drawn = picture(found, (first.subject[:8], second.subject[:8]))
        if drawn is None:
            raise Mistake("only packages that decide whether to act have worth curves", where=str(output), remedy="leave --output out")
        write_picture(output, "Two packages", [("What each earns", "", drawn)], says=str(found.said["says"]))
    emit(dict(found.said), lambda: _shown(found.said) + hint("loopline model show"), as_json)


def _shown(said: Mapping[str, Any]) -> str:
    from loopline.model.reported import compared

    one, other = said["packages"]["one"], said["packages"]["other"]
    names = (one["package"][:8], other["package"][:8])
    told = compared(said)
    parts = [str(said["says"]), table(("", *told.head[1:]), told.rows, right=(1, 2, 3, 4, 5))]
    for package in (one, other):
        members = ", ".join(f"{member['family']} {member['weight']:.0%}" for member in package["members"])
        made = f"{package['family']} ({members})" if len(package["members"]) > 1 else package["family"]
        parts.append(f"{package['package'][:8]}: {made}; {package['policy']}; {package['columns']} columns")
        if package["without"]:
            parts.append(f"  it had to do without {', '.join(package['without'])}, which these rows do not have")
    for side, name in (("only_one", names[0]), ("only_other", names[1])):
        if said["columns"][side]:
            parts.append(f"only {name} reads {', '.join(said['columns'][side])}")
    return "\n".join(parts)
