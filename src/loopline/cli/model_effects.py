"""``loopline model effects``, ``refuse`` and ``accept``: the subject-matter expert's hand on what a model makes of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import Person, nearest_role, person, speak_for
from loopline.charter.spec import ROLES
from loopline.cli.model_explain import explained
from loopline.cli.options import by_option, why_option
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.model.constraints import Constraint
    from loopline.model.effects import Effect

EXPERT = "expert"
as_option = click.option("--as", "role", metavar="ROLE", default=EXPERT, show_default=True, help="The role that you speak for; effects are the expert's.")


@click.command()
@click.argument("column", required=False)
@click.option("--package", "digest", metavar="DIGEST", help="The package, by the beginning of its digest; the newest by default.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Draw them: .html for all, .png or .svg for that of one COLUMN."
)
@folder_option
@json_option
def effects(column: str | None, digest: str | None, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show how the score moves with each COLUMN, for the person who knows whether that can be right, and what is refused.

    The score is that of the test part's rows with the column's value moved and all else kept. What cannot be right is refused with loopline
    model refuse; the next search holds to it.
    """
    from loopline.model.background import Background
    from loopline.model.constraints import held as held_of
    from loopline.model.effects import Effect
    from loopline.model.predictor import BACKGROUND

    if output is not None and picture_form(output) != ".html" and column is None:
        raise Mistake(f"a {output.suffix} file holds one picture", where="--output", remedy="name a column, or let the file end with .html")
    with open_loop(folder) as loop:
        package, said = explained(loop, digest, instead="loopline model effects --package")
        found = [Effect.of_json(one) for one in said["effects"] if column in (None, one["column"])]
        held = held_of(loop.project.declaration.model.monotone, loop.state().constraints.values())
    if not found:
        there = ", ".join(one["column"] for one in said["effects"])
        raise Mistake(f"the package shows no effect of a column {column!r}", remedy=f"it shows: {there}")
    units = Background.of_json(package.parsed(BACKGROUND)).units if BACKGROUND in package.contents else {}
    if output is not None:
        _draw(output, str(package.manifest["project"]), found, held, units)
    data = {
        "package": package.digest,
        "effects": [{**one.as_json(), "held": held[one.column].as_json() if one.column in held else None} for one in found],
        "constraints": [one.as_json() for one in held.values()],
        "output": None if output is None else str(output),
    }
    after = "loopline run" if held else "loopline model refuse COLUMN --may-only rise --why '...'"
    emit(data, lambda: _shown(package.digest, found, held, units, output) + hint(after), as_json)


@click.command()
@click.argument("column")
@as_option
@by_option
@why_option
@click.option("--may-only", "direction", type=click.Choice(["rise", "fall"]), help="Keep the column, and let the score only rise, or only fall, with it.")
@click.option("--exclude", is_flag=True, help="Keep the column from the model; so it is where no direction is said.")
@folder_option
@json_option
def refuse(column: str, role: str, by: str | None, why: str, direction: str | None, exclude: bool, folder: Path | None, as_json: bool) -> None:
    """Refuse what the model makes of COLUMN: from the next search on it holds a direction, or does without the column."""
    from loopline.model.refusing import refused

    if direction is not None and exclude:
        raise Mistake("a column that is kept from the model has no direction", where="--may-only, --exclude", remedy="give one of them")
    hold: Any = direction or "exclude"
    with open_loop(folder) as loop:
        who, note = _expert(loop, role, by)
        said = loop.project.declaration
        draft = refused(column, hold=hold, by=who.name, why=why, state=loop.state(), charter=said.charter, data=said.data)
        (entry,) = loop.workspace.ledger.append(draft)
    says = f"{column} is kept from the next search" if hold == "exclude" else f"from the next search on the score may only {hold} with {column}"
    _emit(column, hold, who, entry.id, note, why, says, as_json)


@click.command()
@click.argument("column")
@as_option
@by_option
@why_option
@folder_option
@json_option
def accept(column: str, role: str, by: str | None, why: str, folder: Path | None, as_json: bool) -> None:
    """Withdraw the refusal of COLUMN: the next search is free with it again."""
    from loopline.model.constraints import withdrawal

    with open_loop(folder) as loop:
        who, note = _expert(loop, role, by)
        (entry,) = loop.workspace.ledger.append(withdrawal(column, by=who.name, why=why, newest=loop.state().constraints))
    _emit(column, None, who, entry.id, note, why, f"the next search is free with {column} again", as_json)


def _emit(column: str, hold: str | None, who: Person, entry: str, note: str, why: str, says: str, as_json: bool) -> None:
    following = "loopline run"
    data = {"column": column, "hold": hold, "by": who.name, "why": why.strip(), "entry": entry, "note": note, "next": following}
    lines = [f"{who}: {why.strip()}", says, *([note] if note else [])]
    emit(data, "\n".join(lines) + hint(following), as_json)


def _expert(loop: Loop, role: str, by: str | None) -> tuple[Person, str]:
    """Who speaks as the expert, and what is to be said about their right to."""
    if nearest_role(role, ROLES) != EXPERT:
        raise Mistake(f"an effect is not judged as {role}", where="--as", remedy="it is the expert's: --as expert")
    who = person(by, folder=loop.project.folder)
    return who, speak_for(who, EXPERT, {str(one): people for one, people in loop.project.declaration.charter.stakeholders.items()})


def _draw(file: Path, project: str, found: list[Effect], held: Mapping[str, Constraint], units: Mapping[str, str]) -> None:
    from loopline.model.explain_pictures import effect_picture

    parts = []
    for one in found:
        said = held[one.column].says if one.column in held else ""
        picture = effect_picture(one, unit=units.get(one.column, ""), held=said if picture_form(file) != ".html" else "")
        parts.append((one.name, said, picture))
    says = "How the score moves with each column, all else kept. What cannot be right is refused: loopline model refuse COLUMN --why '...'"
    write_picture(file, f"{project}: effects", parts, says=says)


def _shown(package: str, found: list[Effect], held: Mapping[str, Constraint], units: Mapping[str, str], output: Path | None) -> str:
    rows = [(f"{one.name}{f', {units[one.column]}' if one.column in units else ''}", one.shape, one.reach, one.says) for one in found]
    lines = [f"package {package[:12]}: how the score moves with each column", table(("column", "shape", "reach", "says"), rows, right=(2,))]
    lines += [f"{one.column}: {one.says}" for one in held.values()]
    if output is not None:
        lines.append(f"drawn: {output}")
    return "\n".join(lines)
