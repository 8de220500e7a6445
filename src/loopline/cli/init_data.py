"""The first look at data, and the part of a first ``loopline.yaml`` that it fills: the source and its contract."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress
from loopline.data.listing import PACKED, listing
from loopline.data.proposals.written import column, word
from loopline.data.spec import RESERVED, SourceSpec
from loopline.errors import Mistake

if TYPE_CHECKING:
    import polars as pl

    from loopline.data.proposals.infer import Draft

_LOOK_ROWS = 500_000


def read(data: Path, folder: Path, progress: LiveProgress) -> tuple[SourceSpec, pl.DataFrame]:
    """The source as far as its files tell it, and its first rows as they stand there."""
    import polars as pl

    from loopline.data.formats.opening import open_reading
    from loopline.data.formats.reading import whole

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
    return source, pl.concat(parts, how="diagonal_relaxed")


def declared(source: SourceSpec, found: Draft) -> SourceSpec:
    """The source with what its rows tell of it."""
    nulls = (*source.nulls, *found.nulls)
    return source.model_copy(update={"key": found.key, "time": found.time, "ordered": found.ordered, "nulls": nulls})


def table_of(data: Path) -> str:
    """A name for the table that a file becomes."""
    table = re.sub(r"[^A-Za-z0-9_]+", "_", stem(data)).strip("_") or "rows"
    return f"{table}_rows" if table in RESERVED else table


def stem(data: Path) -> str:
    """The name of a file without its endings."""
    name = data.absolute().name
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name if data.is_dir() else name.split(".")[0]


def title_of(name: str) -> str:
    """A project's name from a folder's or a file's.

    Raises
    ------
    Mistake
        When nothing of it can be one.
    """
    title = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if not title:
        raise Mistake(f"{name!r} cannot be a project's name", where="--name", remedy="use letters, digits, - and _")
    return title


def section(table: str, source: SourceSpec, draft: Draft) -> list[str]:
    """The lines under ``data:``."""
    return [
        "data:",
        "  sources:",
        f"    {word(table)}: {{{', '.join(_source(source))}}}",
        *(["    # ordered: rows stand in the order of time although no column says when; the newest are kept for the test"] if source.ordered else []),
        "  # Types and keys refuse a row; ranges and values, which are those seen so far, only warn. severity: refuse makes them strict.",
        "  # use: false keeps a column from the model, for the reason that why gives; take both out where it is wrong.",
        "  contract:",
        *(f"    {column(name, spec)}" for name, spec in draft.columns.items()),
    ]


def summary(file: Path, title: str, table: str, source: SourceSpec, draft: Draft) -> dict[str, Any]:
    """What was inferred, as plain values."""
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


def found_lines(file: Path, draft: Draft) -> list[str]:
    """What was inferred, for a person."""
    target = draft.target
    classes = f", positive: {target.positive}" if target.positive is not None else f", {len(target.classes)} classes" if target.classes else ""
    order = f"by {draft.time}" if draft.time else "rows stand in the order of time" if draft.ordered else "none found"
    return [
        f"{file}: predict {target.name} ({target.task}{classes}) from {draft.rows:,} rows",
        f"  time: {order}; key: {', '.join(draft.key) or 'none'}",
        *(f"  {click.style('left out', fg='yellow')} {finding.column} ({finding.kind}): {finding.why}" for finding in draft.left_out),
        *(f"  {count:,} rows would be refused: {reason}" for reason, count in draft.refused.items()),
        *(f"  note: {note}" for note in draft.notes),
    ]


def _address(data: Path, folder: Path) -> str:
    """The path as the declaration says it: relative, unless the two have nothing but the root in common."""
    apart = os.path.commonpath([data, folder]) == folder.anchor
    return data.as_posix() if apart else Path(os.path.relpath(data, folder)).as_posix()


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
