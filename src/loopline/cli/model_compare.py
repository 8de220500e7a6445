"""``loopline model compare``: two packages on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.model_explain import facts_of, named
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.model.candidates import Judge
    from loopline.model.evidence import Kept
    from loopline.model.predictor import Predictor


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

    if output is not None:
        from loopline.cli.pictures import picture_form

        picture_form(output)
    with open_loop(folder) as loop:
        state = loop.state()
        first, second = _both(state, one, other)
        found = compared(*loaded(loop, first, second))
    if output is not None:
        from loopline.cli.pictures import write_picture

        drawn = picture(found, (first.subject[:8], second.subject[:8]))
        if drawn is None:
            raise Mistake("only packages that decide whether to act have worth curves", where=str(output), remedy="leave --output out")
        write_picture(output, "Two packages", [("What each earns", "", drawn)], says=str(found.said["says"]))
    emit(dict(found.said), lambda: _shown(found.said) + hint("loopline model show"), as_json)


def _both(state: State, one: str | None, other: str | None) -> tuple[Entry, Entry]:
    first = named(state, one)
    if other is not None:
        return first, named(state, other)
    rest = sorted((entry for entry in state.packages.values() if entry.subject != first.subject), key=lambda entry: -entry.seq)
    if not rest:
        raise Mistake("there is one package only, and nothing to compare it with", remedy="make another: loopline run --fresh model, or loopline model import")
    return first, next((entry for entry in rest if entry.subject == state.champion), rest[0])


def loaded(loop: Loop, first: Entry, second: Entry) -> tuple[Predictor, Predictor, Kept, Judge]:
    """The two predictors, the kept rows of the newer package, with the columns that criteria slice them by, and who judges."""
    from loopline.charter.metrics import slice_columns
    from loopline.charter.worth import Worth
    from loopline.lake.blobs import Blobs
    from loopline.model.candidates import Judge
    from loopline.model.evidence import Kept
    from loopline.model.policy import columns_of
    from loopline.model.predictor import Predictor
    from loopline.model.signing import Trust

    blobs, trust = Blobs(loop.workspace.lake), Trust.of(loop.workspace.ledger)
    one, other = (Predictor.load(blobs, entry.subject, trust) for entry in (first, second))
    newer = max((first, second), key=lambda entry: entry.seq)
    said = loop.project.declaration.charter
    judge = Judge(one.task, one.classes, Worth.of(said.worth, one.task))
    columns = judge.worth.columns | slice_columns(said.acceptance) | {*columns_of(one.policy)} | {*columns_of(other.policy)}
    return one, other, Kept.of(blobs.get(_evidence(loop, newer.subject)), one.task, columns), judge


def _evidence(loop: Loop, package: str) -> str:
    """The blob with a package's test part, from the step that made it."""
    facts = facts_of(loop, package)
    if "evidence" not in facts:
        raise Mistake(f"the test part of package {package[:12]} is no longer kept", remedy="make it anew: loopline run --fresh model")
    return str(facts["evidence"])


def _shown(said: Mapping[str, Any]) -> str:
    one, other = said["packages"]["one"], said["packages"]["other"]
    names = (one["package"][:8], other["package"][:8])
    rows = []
    for name, gap in said["differences"].items():
        span = (None, None) if gap is None else (gap["low"], gap["high"])
        rows.append((name, one["metrics"][name], other["metrics"][name], None if gap is None else gap["value"], *span))
    parts = [str(said["says"]), table(("", *names, "difference", "from", "to"), rows, right=(1, 2, 3, 4, 5))]
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
