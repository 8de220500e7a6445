"""``loopline init``: a declaration that works at once, from a look at the data or from a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.init_data import declared, found_lines, read, section, stem, summary, table_of, title_of
from loopline.cli.output import LiveProgress, emit, hint, json_option, write_whole
from loopline.data.proposals.written import word
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake
from loopline.project import FILE, parse

if TYPE_CHECKING:
    from loopline.data.proposals.infer import Draft

_WORTH = {
    "binary": ("act_right: 1, act_wrong: -1, miss: 0, rest: 0", "acted and it happened; acted and it did not; did not act and it happened; neither"),
    "multiclass": ("right: 1, wrong: -1", "a right and a wrong class"),
    "regression": ("over: -1, under: -1", "for each unit by which the prediction is too high or too low"),
}


@click.command()
@click.argument("data", type=click.Path(path_type=Path), required=False)
@click.option("--target", metavar="COL", help="The column to predict; a template looks for it by default.")
@click.option("--template", metavar="NAME", help="A charter for a kind of problem, with its questions: churn, credit, demand and others.")
@click.option("--templates", "lists", is_flag=True, help="List the templates, one line each.")
@click.option("--time", metavar="COL", help="The column that says when a row happened; looked for by default.")
@click.option("--key", multiple=True, metavar="COL", help="A column that names the row (may be given several times); looked for by default.")
@click.option("--name", metavar="N", help="The project's name; the folder's name by default.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help=f"Where {FILE} is written; here by default.")
@click.option("--force", is_flag=True, help=f"Overwrite the {FILE} that is there; of one with the same template, the answers are kept.")
@json_option
def command(
    data: Path | None,
    target: str | None,
    template: str | None,
    lists: bool,
    time: str | None,
    key: tuple[str, ...],
    name: str | None,
    folder: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Look at DATA (a CSV or Parquet file, a folder of them, or a pattern) and write a loopline.yaml that works at once.

    Types, contract, key, time and task are inferred. Columns that look like leaks or identifiers are left out, and it says which.

    With a template the charter is that of a kind of problem, filled from the data where they tell it, with a question wherever a person must answer.
    It needs no data: the charter can be studied before there are any.
    """
    from loopline.cli.init_template import list_templates, start

    if lists:
        list_templates(as_json)
        return
    file = folder / FILE
    if template is not None:
        start(template, data, target, time=time, key=key, title=name, file=file, force=force, as_json=as_json)
        return
    if data is None or target is None:
        what = "there is nothing to look at" if data is None else "which column is to be predicted is not said"
        raise Mistake(what, remedy="loopline init DATA --target COLUMN; or begin with a template, with or without data: loopline init --templates")
    if file.exists() and not force:
        raise Mistake(f"there is a {FILE} already", where=str(folder), remedy="overwrite it with --force, or name another --folder")
    with LiveProgress(quiet=as_json) as progress:
        from loopline.data.proposals.infer import draft

        looked, batch = read(data, folder, progress)
        found = draft(batch, target, time=time, key=key, nulls=looked.nulls)
    source = declared(looked, found)
    title, table = title_of(name or folder.resolve().name or stem(data)), table_of(data)
    text = declaration(title, table, source, found)
    parse(text)
    write_whole(file, text, remedy="give a --folder that can be written to")
    emit(summary(file, title, table, source, found), lambda: _says(file, found), as_json)


def declaration(title: str, table: str, source: SourceSpec, draft: Draft) -> str:
    """The text of a commented ``loopline.yaml`` for what was inferred."""
    worth, meaning = _WORTH[draft.target.task]
    lines = [
        "# Written by loopline init from a first look at the data. All of it is yours to change; loopline run takes it from here.",
        f"project: {word(title)}",
        "",
        "charter:",
        '  problem: ""              # what goes wrong today, and for whom',
        '  decision: ""             # what is decided with each prediction',
        f"  predict: {word(draft.target.name)}",
        f"  task: {draft.target.task}",
        *([f"  positive: {word(draft.target.positive)}    # the class that acting is right for"] if draft.target.positive is not None else []),
        "  # The charter has no prices yet: these are points. Put in what a decision earns or costs, and the currency;",
        "  # an expression may use the row's columns, such as amount * 0.1.",
        f"  worth: {{currency: points, {worth}}}    # {meaning}",
        "  # volume: 900 per day                  # how many decisions; it turns worth per decision into worth per year",
        "  # target: 100000 per year              # what the model must earn",
        "",
        *section(table, source, draft),
        "",
        "model: {search: {trials: 20}}             # more trials find a little more; the search ends by their number",
        "# release: {approvals: {business: 1}}      # who must say yes before a package decides",
        "",
    ]
    return "\n".join(lines)


def _says(file: Path, draft: Draft) -> str:
    folder = "" if file.parent == Path(".") else f" --folder {file.parent}"
    return "\n".join([*found_lines(file, draft), "  the charter has no prices yet: worth is counted in points"]) + hint(f"loopline run{folder}")
