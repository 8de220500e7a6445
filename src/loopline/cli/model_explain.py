"""``loopline model explain``: what a package does with its columns, and why one row gets its score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.model_origin import import_of
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.model.package import Package

_SHOWN = 20
EXPLANATION = "explanation.json"
_INSTEAD = "loopline model explain"
_NO_REASONS = "has no rows to tell reasons with"


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
        write_picture(output, _title(package), pictures(said))
    data = {"package": package.digest, **said, "output": None if output is None else str(output)}
    emit(data, lambda: _shown(package.digest, said, output) + hint("loopline model effects"), as_json)


def named(state: State, digest: str | None) -> Entry:
    """The entry of a package, by the beginning of its digest; by default of the newest, whether the search made it or it was imported.

    Raises
    ------
    Mistake
        When there is no such package, or several begin so.
    """
    if not state.packages:
        raise Mistake("no package has been made yet", remedy="loopline run --until model")
    if digest is None:
        return state.packages[_newest(state)]
    found = [entry for name, entry in state.packages.items() if digest and name.startswith(digest)]
    if len(found) != 1:
        what = f"several packages have digests that begin with {digest!r}" if found else f"there is no package {digest!r}"
        raise Mistake(what, remedy="`loopline model list` shows the packages")
    return found[0]


def _newest(state: State) -> str:
    """The package that the model stage made or judged last: a search may come upon an earlier one again, which is entered once."""
    done = [state.latest[step] for step in (("model", "search"), ("model", "import")) if step in state.latest]
    if not done:
        return max(state.packages.values(), key=lambda entry: entry.seq).subject
    return str(max(done, key=lambda entry: entry.seq).body["facts"]["package"])


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
    require(loop, entry, EXPLANATION, lack="does not say what it does with its columns", instead=instead)
    package = load(Blobs(loop.workspace.lake), entry.subject, Trust.of(loop.workspace.ledger))
    return package, package.parsed(EXPLANATION)


def require(loop: Loop, package: Entry, file: str, *, lack: str, instead: str) -> None:
    """A package has a file.

    Parameters
    ----------
    lack
        What it does not do without the file, after "it".
    instead
        The command that asks another package the same, to which its digest is added.

    Raises
    ------
    Mistake
        When it lacks the file; the remedy is that for the way in which it came here.
    """
    if file in package.body["manifest"]["files"]:
        return
    brought = import_of(package, loop.workspace.ledger.read(kinds=("import",)))
    where = f"package {package.subject[:12]}"
    if brought is None:
        raise Mistake(f"it {lack}", where=where, remedy="make it anew: loopline run --fresh model")
    if brought.form == "package":
        remedy = "where it was made: loopline run --fresh model, and then loopline model export again"
        raise Mistake(f"it was imported from {brought.name} and {lack}", where=where, remedy=remedy)
    searched = loop.state().facts("model", "search") or {}
    remedy = f"ask the search's package: {instead} {str(searched.get('package', 'DIGEST'))[:12]}"
    raise Mistake(f"it was imported from {brought.name} and {lack}: a graph is judged, and nothing more", where=where, remedy=remedy)


def facts_of(loop: Loop, package: str) -> Mapping[str, Any]:
    """What the step that made or judged a package last found; empty where no step's facts are kept."""
    for entry in reversed(loop.workspace.ledger.read(kinds=("step",), subject="model")):
        facts: Mapping[str, Any] = entry.body.get("facts") or {}
        if facts.get("package") == package:
            return facts
    return {}


def pictures(said: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The pictures of a package, the most telling first, each with its heading."""
    from loopline.model.explain_pictures import importance_picture, pair_picture, summary_picture

    made = [
        ("In the metric", "", importance_picture(said)),
        ("In money", "", importance_picture(said, money=True)),
        ("Row by row", "", summary_picture(said)),
    ]
    return made if said["pair"] is None else [*made, ("Two columns together", "", pair_picture(said["pair"]))]


def _title(package: Package) -> str:
    return f"{package.manifest['project']}: what package {package.digest[:12]} does with its columns"


def _one(loop: Loop, digest: str | None, file: Path | None, prediction: str | None, count: int) -> dict[str, Any]:
    from loopline.lake.blobs import Blobs
    from loopline.model.predictor import BACKGROUND
    from loopline.model.signing import Trust
    from loopline.serve.explained import explain_row
    from loopline.serve.recall import recall
    from loopline.serve.scorer import load

    lake, trust = loop.workspace.lake, Trust.of(loop.workspace.ledger)
    made = None if prediction is None else recall(lake, prediction)
    package = named(loop.state(), digest if made is None else made.package)
    require(loop, package, BACKGROUND, lack=_NO_REASONS, instead=_INSTEAD)
    scorer = load(Blobs(lake), package.subject, trust)
    if made is not None:
        found = scorer.explain(made.row)
    else:
        assert file is not None
        found = explain_row(scorer, lake, _row(file), where=str(file))
    told = sum(reason.effect for reason in found.reasons[:count])
    return {
        "package": scorer.package,
        "id": prediction,
        "score": found.score,
        "base": found.base,
        "reasons": found.strongest(count),
        "rest": found.score - found.base - told,
    }


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
