"""``loopline init``: a declaration that works at once, from a look at the data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, hint, json_option, write_whole
from loopline.data.listing import PACKED, listing
from loopline.data.proposals.written import column, word
from loopline.data.spec import RESERVED, SourceSpec
from loopline.errors import Mistake
from loopline.project import FILE, parse

if TYPE_CHECKING:
    from loopline.data.proposals.infer import Draft

_LOOK_ROWS = 500_000
_WORTH = {
    "binary": ("act_right: 1, act_wrong: -1, miss: 0, rest: 0", "acted and it happened; acted and it did not; did not act and it happened; neither"),
    "multiclass": ("right: 1, wrong: -1", "a right and a wrong class"),
    "regression": ("over: -1, under: -1", "for each unit by which the prediction is too high or too low"),
}


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--time", metavar="COL", help="The column that says when a row happened; looked for by default.")
@click.option("--key", multiple=True, metavar="COL", help="A column that names the row (may be given several times); looked for by default.")
@click.option("--name", metavar="N", help="The project's name; the folder's name by default.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help=f"Where {FILE} is written; here by default.")
@click.option("--force", is_flag=True, help=f"Overwrite the {FILE} that is there.")
@json_option
def command(data: Path, target: str, time: str | None, key: tuple[str, ...], name: str | None, folder: Path, force: bool, as_json: bool) -> None:
    """Look at DATA (a CSV or Parquet file, a folder of them, or a pattern) and write a loopline.yaml that works at once.

    Types, contract, key, time and task are inferred. Columns that look like leaks or identifiers are left out, and it says which.
    """
    file = folder / FILE
    if file.exists() and not force:
        raise Mistake(f"there is a {FILE} already", where=str(folder), remedy="overwrite it with --force, or name another --folder")
    with LiveProgress(quiet=as_json) as progress:
        source, draft = _look(data, folder, target, time, key, progress)
    title, table = _title(name or folder.resolve().name or _stem(data)), _table(_stem(data))
    text = declaration(title, table, source, draft)
    parse(text)
    write_whole(file, text, remedy="give a --folder that can be written to")
    emit(_summary(file, title, table, source, draft), lambda: _says(file, draft), as_json)


def _look(data: Path, folder: Path, target: str, time: str | None, key: tuple[str, ...], progress: LiveProgress) -> tuple[SourceSpec, Draft]:
    """The source as it is declared, and what its first rows say."""
    import polars as pl

    from loopline.data.formats.opening import open_reading
    from loopline.data.formats.reading import whole
    from loopline.data.proposals.infer import draft

    folder = folder.resolve()
    source = SourceSpec(path=_address(data.parent.resolve() / data.name, folder))
    parts: list[pl.DataFrame] = []
    rows = 0
    for file in listing(source, folder, where=str(data)):
        progress.say(f"reading {file.name}")
        reading = open_reading(file.path, source, where=file.name)
        try:
            parts.append(whole(reading, limit=_LOOK_ROWS - rows).frame)
        finally:
            reading.close()
        rows += parts[-1].height
        if len(parts) == 1 and reading.about["format"] == "csv":
            separator, encoding = reading.about["separator"], reading.about["encoding"]
            found_out = {"separator": separator if separator != "," else None, "encoding": encoding if encoding != "utf-8" else None}
            source = source.model_copy(update=found_out)
        if rows >= _LOOK_ROWS:
            break
    progress.say(f"looking at {rows:,} rows")
    found = draft(pl.concat(parts, how="diagonal_relaxed"), target, time=time, key=key, nulls=source.nulls)
    nulls = (*source.nulls, *found.nulls)
    return source.model_copy(update={"key": found.key, "time": found.time, "ordered": found.ordered, "nulls": nulls}), found


def _address(data: Path, folder: Path) -> str:
    """The path as the declaration says it: relative, unless the two have nothing but the root in common."""
    apart = os.path.commonpath([data, folder]) == folder.anchor
    return data.as_posix() if apart else Path(os.path.relpath(data, folder)).as_posix()


def _stem(data: Path) -> str:
    name = data.absolute().name
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name if data.is_dir() else name.split(".")[0]


def _title(name: str) -> str:
    title = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if not title:
        raise Mistake(f"{name!r} cannot be a project's name", where="--name", remedy="use letters, digits, - and _")
    return title


def _table(name: str) -> str:
    table = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "rows"
    return f"{table}_rows" if table in RESERVED else table


def declaration(title: str, table: str, source: SourceSpec, draft: Draft) -> str:
    """The text of a commented ``loopline.yaml`` for what was inferred."""
    worth, meaning = _WORTH[draft.target.task]
    contract = [f"    {column(name, spec)}" for name, spec in draft.columns.items()]
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
        "data:",
        "  sources:",
        f"    {word(table)}: {{{', '.join(_source(source))}}}",
        *(["    # ordered: rows stand in the order of time although no column says when; the newest are kept for the test"] if source.ordered else []),
        "  # Types and keys refuse a row; ranges and values, which are those seen so far, only warn. severity: refuse makes them strict.",
        "  # use: false keeps a column from the model, for the reason that why gives; take both out where it is wrong.",
        "  contract:",
        *contract,
        "",
        "model: {search: {trials: 20}}             # more trials find a little more; the search ends by their number",
        "# release: {approvals: {business: 1}}      # who must say yes before a package decides",
        "",
    ]
    return "\n".join(lines)


def _source(source: SourceSpec) -> Iterator[str]:
    yield f"path: {word(source.place)}"
    if source.separator:
        yield f"separator: {json.dumps(source.separator)}"
    if source.encoding:
        yield f"encoding: {word(source.encoding)}"
    if source.key:
        yield f"key: [{', '.join(map(word, source.key))}]"
    if source.time:
        yield f"time: {word(source.time)}"
    if source.ordered:
        yield "ordered: true"
    if source.nulls != SourceSpec(path="").nulls:
        yield f"nulls: [{', '.join(json.dumps(text, ensure_ascii=False) for text in source.nulls)}]"


def _summary(file: Path, title: str, table: str, source: SourceSpec, draft: Draft) -> dict[str, Any]:
    return {
        "file": str(file),
        "project": title,
        "table": table,
        "target": draft.target.name,
        "task": draft.target.task,
        "positive": draft.target.positive,
        "classes": list(draft.target.classes),
        "time": draft.time,
        "order": "time" if draft.time else "rows" if source.ordered else None,
        "key": list(draft.key),
        "rows": draft.rows,
        "refused": dict(draft.refused),
        "columns": {name: spec.type for name, spec in draft.columns.items()},
        "left_out": [{"column": finding.column, "kind": finding.kind, "why": finding.why} for finding in draft.left_out],
        "notes": list(draft.notes),
    }


def _says(file: Path, draft: Draft) -> str:
    target = draft.target
    classes = f", positive: {target.positive}" if target.positive is not None else f", {len(target.classes)} classes" if target.classes else ""
    order = f"by {draft.time}" if draft.time else "rows stand in the order of time" if draft.ordered else "none found"
    lines = [
        f"{file}: predict {target.name} ({target.task}{classes}) from {draft.rows:,} rows",
        f"  time: {order}; key: {', '.join(draft.key) or 'none'}",
        *(f"  {click.style('left out', fg='yellow')} {finding.column} ({finding.kind}): {finding.why}" for finding in draft.left_out),
        *(f"  {count:,} rows would be refused: {reason}" for reason, count in draft.refused.items()),
        *(f"  note: {note}" for note in draft.notes),
        "  the charter has no prices yet: worth is counted in points",
    ]
    folder = "" if file.parent == Path(".") else f" --folder {file.parent}"
    return "\n".join(lines) + hint(f"loopline run{folder}")
