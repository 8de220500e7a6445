"""``loopline model explain``: what a package does with its columns, and why one row gets its score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop
from loopline.model.packages import EXPLANATION, named, require

if TYPE_CHECKING:
    from loopline.model.package import Package

_SHOWN = 20
_INSTEAD = "loopline model explain"


@click.command()
@click.argument("digest", required=False)
@click.option("--row", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Tell why this row, a JSON object, would get its score.")
@click.option("--id", "prediction", metavar="ID", help="Tell why a prediction that was answered got its score, by its id.")
@click.option("--reasons", metavar="N", default=5, show_default=True, type=click.IntRange(1, 100), help="How many reasons to tell of a row.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Draw the whole picture: .html, .png or .svg.")
@folder_option
@json_option
def explain(digest: str | None, row: Path | None, prediction: str | None, reasons: int, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show which columns a package leans on, or why one row gets its score; DIGEST may be cut short, and is the newest package's by default.

    A column's weight is what shuffling it costs on the test part, in the metric and in money. A row's reasons add up to its score.
    """
    if row is not None and prediction is not None:
        raise Mistake("a row and a prediction are asked for at once", where="--row, --id", remedy="give one of them")
    if digest is not None and prediction is not None:
        raise Mistake("a prediction is explained by the package that made it", where="--id", remedy="leave the digest out")
    if output is not None:
        picture_form(output)
        if row is not None or prediction is not None:
            raise Mistake("the reasons of one row are not drawn", where="--output", remedy="leave out --row and --id, or --output")
    with open_loop(folder) as loop:
        if row is not None or prediction is not None:
            data = _one(loop, digest, row, prediction, reasons)
            emit(data, lambda: _said(data), as_json)
            return
        package, said = explained(loop, digest, instead=_INSTEAD)
    if output is not None:
        from loopline.model.explain_pictures import pictures

        write_picture(output, _title(package), [(head, "", drawn) for head, drawn in pictures(said).items()])
    data = {"package": package.digest, **said, "output": None if output is None else str(output)}
    emit(data, lambda: _shown(package.digest, said, output) + hint("loopline model effects"), as_json)


def explained(loop: Loop, digest: str | None, *, instead: str) -> tuple[Package, Mapping[str, Any]]:
    """A package with its files, and what it says of itself.

    Parameters
    ----------
    digest
        The beginning of its digest; the newest by default.
    instead
        The command that asks another package the same, to which its digest is added.

    Raises
    ------
    Mistake
        When it does not say what it does with its columns.
    """
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load
    from loopline.model.signing import Trust

    entry = named(loop.state(), digest)
    require(loop.state(), loop.workspace.ledger, entry, EXPLANATION, lack="does not say what it does with its columns", instead=instead)
    package = load(Blobs(loop.workspace.lake), entry.subject, Trust.of(loop.workspace.ledger))
    return package, package.parsed(EXPLANATION)


def _title(package: Package) -> str:
    return f"{package.manifest['project']}: what package {package.digest[:12]} does with its columns"


def _one(loop: Loop, digest: str | None, file: Path | None, prediction: str | None, count: int) -> dict[str, Any]:
    from loopline.lake.blobs import Blobs
    from loopline.model.predictor import BACKGROUND
    from loopline.model.signing import Trust
    from loopline.serve.explained import NO_REASONS, told, typed
    from loopline.serve.recall import recall
    from loopline.serve.scorer import load

    lake, ledger, state = loop.workspace.lake, loop.workspace.ledger, loop.state()
    made = None if prediction is None else recall(lake, prediction)
    package = named(state, digest if made is None else made.package)
    require(state, ledger, package, BACKGROUND, lack=NO_REASONS, instead=_INSTEAD)
    scorer = load(Blobs(lake), package.subject, Trust.of(ledger))
    if made is not None:
        columns = scorer.typed(made.row)
    else:
        assert file is not None
        columns = typed(scorer, lake, _row(file), where=str(file))
    return told(scorer, scorer.reasons(columns), count, id=prediction)


def _row(file: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(file), remedy="write the row as a JSON object of columns and values") from None
    except (OSError, ValueError):
        raise Mistake("the file cannot be read as JSON", where=str(file), remedy="write the row as a JSON object of columns and values") from None
    if not isinstance(said, dict):
        raise Mistake("the file holds no JSON object", where=str(file), remedy="write one row as an object of columns and values")
    return said


def _said(data: Mapping[str, Any]) -> str:
    rows = [(f"{reason['effect']:+.4g}", reason["says"]) for reason in data["reasons"]]
    rest = [(f"{data['rest']:+.4g}", "all other columns")] if abs(data["rest"]) > 1e-12 else []
    head = f"package {data['package'][:12]}: the score is {figure(data['score'])}; of usual rows it is {figure(data['base'])} in the mean"
    return "\n".join([head, table(("effect", "because"), [*rows, *rest], right=(0,))])


def _shown(package: str, said: Mapping[str, Any], output: Path | None) -> str:
    means = {one["column"]: one for one in said["summary"]}
    rows = [
        (
            one["column"],
            *(one["loss"][name] for name in ("mean", "low", "high")),
            one["money"]["mean"],
            means[one["column"]]["mean"],
            _way(means[one["column"]]["direction"]),
            "" if one["matters"] else "hardly needed",
        )
        for one in said["importance"][:_SHOWN]
    ]
    loss = said["loss"].replace("_", " ")
    head = ("column", f"more {loss}", "from", "to", f"{said['currency']} per decision", "moves the score by", "high values", "")
    lines = [f"package {package[:12]}: what shuffling each column costs, on {said['rows']:,} rows of the test part", table(head, rows, right=(1, 2, 3, 4, 5))]
    if said["pair"] is not None:
        lines.append(f"{' and '.join(said['pair']['columns'])} hang together most: {said['pair']['strength']:.0%} of what they do comes from both")
    if output is not None:
        lines.append(f"drawn: {output}")
    return "\n".join(lines)


def _way(direction: float | None) -> str:
    return "" if direction is None or abs(direction) < 0.3 else "raise" if direction > 0 else "lower"
