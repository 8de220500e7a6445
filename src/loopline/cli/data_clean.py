"""``loopline data clean``: what the declared cleaning does, and what a cleaned cell was before."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.loop import open_loop

_WIDTH = 40


@click.command()
@click.argument("name", metavar="[TABLE]", required=False)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Look at this file instead of the source's own.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Look at the first N rows only.")
@click.option("--raw", metavar="BATCH:LINE", help="Show the raw values of this row's cleaned cells; the beginning of the batch's digest is enough.")
@folder_option
@json_option
def clean(name: str | None, file: Path | None, sample: int | None, raw: str | None, folder: Path | None, as_json: bool) -> None:
    """Show what the declared cleaning does to a table's files, before anything is delivered.

    How many cells each step changes, with samples before and after. With --raw: what the cleaned cells of a delivered row were when they came.
    """
    if raw is not None:
        if file is not None or sample is not None:
            raise Mistake("--raw looks at a delivered row, not at files", remedy="leave out --file and --sample")
        _raw(name, raw, folder, as_json)
        return
    from loopline.data.testing.clean_preview import preview

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        data = loop.project.declaration.data
        shown = preview(data, loop.project.folder, progress, table=name, file=file.absolute() if file else None, sample=sample)

    def text() -> str:
        if not shown.steps:
            return f"no cleaning is declared for {shown.table}; say it under clean: of a column or of the source" + hint("loopline run")
        lines = [f"{shown.cells:,} cells of {shown.rows:,} rows change in {shown.table} ({', '.join(shown.files[:3])}{' ...' if len(shown.files) > 3 else ''})"]
        for step in shown.steps:
            if not step.cells:
                continue
            lines.append(f"\n{click.style(f'{step.column}: {step.step}', bold=True)}  {step.cells:,} {'cell' if step.cells == 1 else 'cells'}")
            lines += [f"  line {sample.line:<7} {_short(sample.before):<{_WIDTH}} -> {_short(sample.after)}" for sample in step.samples]
        idle = [f"{step.column}: {step.step}" for step in shown.steps if not step.cells]
        lines += [f"\nchange nothing here: {', '.join(idle)}"] if idle else []
        return "\n".join(lines) + hint("loopline run")

    emit(shown.as_json(), text, as_json)


def _raw(name: str | None, place: str, folder: Path | None, as_json: bool) -> None:
    from loopline.data.cleaning.cleaned import raw_of
    from loopline.lake.tables import Tables

    batch, _, line = place.rpartition(":")
    if not batch or not line.isdecimal():
        raise Mistake(f"{place!r} is no place of a row", where="--raw", remedy="write the batch and the line, as in 3f9a20c1:17")
    with open_loop(folder) as loop:
        named = name or loop.project.declaration.data.main
        if named not in loop.project.declaration.data.sources:
            raise Mistake(f"there is no source {named!r}", remedy=f"the sources are: {', '.join(loop.project.declaration.data.sources)}")
        row = raw_of(Tables(loop.workspace.lake), named, batch, int(line))

    def text() -> str:
        held = "" if row.held else ", which the table does not hold now"
        head = f"{named}: line {row.line} of batch {row.batch[:12]}{held}"
        if not row.cells:
            return f"{head}: no cell was cleaned"
        return head + "\n" + table(("column", "raw", "now"), [(cell.column, _short(cell.raw), _short(cell.now)) for cell in row.cells])

    cells = [{"column": cell.column, "raw": cell.raw, "now": cell.now} for cell in row.cells]
    emit({"table": named, "batch": row.batch, "line": row.line, "held": row.held, "cells": cells}, text, as_json)


def _short(value: str | None) -> str:
    if value is None:
        return "(null)"
    shown = repr(value) if value != value.strip() or not value or not value.isprintable() else value
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 3] + "..."
