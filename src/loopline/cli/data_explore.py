"""``loopline data explore``: a first look at a table or a file, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table
from loopline.errors import Fault, Mistake

if TYPE_CHECKING:
    from loopline.charter.spec import CharterSpec
    from loopline.data.explore.explore import Exploration
    from loopline.data.explore.rows import Rows
    from loopline.data.explore.survey import Survey
    from loopline.data.outcome import Target
    from loopline.loop import Loop

_QUESTIONS = 8


@click.command()
@click.argument("name", metavar="[TABLE|FILE]", required=False)
@click.option("-o", "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="The page to write; explore-NAME.html here by default.")
@click.option(
    "--sample", "sample_rows", metavar="N", default=100_000, show_default=True, type=click.IntRange(min=100), help="From how many rows the pictures are drawn."
)
@click.option("--target", metavar="COL", help="The column that is to be predicted; the charter's by default.")
@click.option("--time", metavar="COL", help="The column that says when a row happened; the source's, or found, by default.")
@click.option("--key", multiple=True, metavar="COL", help="A column that should name the row (may be given several times); the source's by default.")
@click.option("--null", "nulls", multiple=True, metavar="WORD", help="A word of a bare file that stands for null (may be given several times).")
@folder_option
@json_option
def command(
    name: str | None,
    out: Path | None,
    sample_rows: int,
    target: str | None,
    time: str | None,
    key: tuple[str, ...],
    nulls: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> None:
    """Write a page about a table, or about a bare FILE (no project is needed): distributions, what is missing, what goes together, what to ask.

    The page is one file that needs nothing from elsewhere. Counts are of all rows; pictures and associations of a sample, where the table is
    larger. With --json the findings are printed, and a page is written only where -o names one.
    """
    from loopline.charter.spec import CharterSpec
    from loopline.data.explore.rows import rows_of_file, rows_of_table
    from loopline.loop import open_loop

    with LiveProgress(quiet=as_json) as progress:
        if name is not None and _is_file(name):
            rows = rows_of_file(Path(name), nulls=nulls)
            charter = CharterSpec(predict=target) if target else None
            found = _explored(rows, sample_rows, charter, time, key, progress, must=True)
        else:
            with open_loop(folder) as loop:
                name, time, key = _declared(loop, name, time, key)
                charter = loop.project.declaration.charter if name == loop.project.declaration.data.main else None
                charter = CharterSpec(predict=target) if target else charter
                rows = rows_of_table(loop.workspace, name)
                found = _explored(rows, sample_rows, charter, time, key, progress, must=target is not None)
        page = out or (None if as_json else Path(f"explore-{found.name}.html"))
        if page is not None:
            _write(found, page, progress)
    after = "loopline run" if rows.is_table else f"loopline init {rows.source} --target {target or 'COL'}"
    emit({**found.to_json(), "page": None if page is None else str(page)}, lambda: _says(found, page) + hint(after), as_json)


def _is_file(name: str) -> bool:
    """Whether a file is meant: there is one, or it is written as one."""
    path = Path(name)
    return path.exists() or path.suffix != "" or path.name != name


def _declared(loop: Loop, name: str | None, time: str | None, key: tuple[str, ...]) -> tuple[str, str | None, tuple[str, ...]]:
    """The table, with its time and key as they are declared where nobody says otherwise."""
    data = loop.project.declaration.data
    name = name or data.main
    spec = data.sources.get(name) or data.tables.get(name)
    return (name, time, key) if spec is None else (name, time or spec.time, key or tuple(spec.key))


def _explored(
    rows: Rows, sample_rows: int, charter: CharterSpec | None, time: str | None, key: tuple[str, ...], progress: LiveProgress, *, must: bool
) -> Exploration:
    from loopline.data.explore.explore import explore
    from loopline.data.explore.survey import survey

    progress.say(f"reading {rows.source}")
    surveyed = survey(rows.chunks, sample_rows=sample_rows, key=key, total=rows.total, progress=progress)
    _require(surveyed, time)
    progress.say(f"looking at {surveyed.sample.height:,} rows")
    target, notes = _target(surveyed, charter, must)
    return explore(surveyed, name=rows.name, source=rows.source, notes=(*rows.notes, *notes), target=target, time=time)


def _require(survey: Survey, time: str | None) -> None:
    from loopline.data.contract.contract import nearest

    if time is not None and time not in survey.columns:
        raise Mistake(f"there is no column {time!r}", where="--time", remedy=nearest(time, list(survey.columns)))
    if time is not None and time not in survey.moments:
        raise Mistake(f"column {time!r} holds no dates or times", where="--time", remedy="name a column of dates or times")


def _target(survey: Survey, charter: CharterSpec | None, must: bool) -> tuple[Target | None, tuple[str, ...]]:
    """The target; where the project's own is not fit yet, why."""
    from loopline.data.outcome import target_of

    if charter is None:
        return None, ()
    try:
        return target_of(survey.sample, charter), ()
    except Mistake as error:
        if must:
            raise
        return None, (f"The target is left out: {error.what}.",)


def _write(found: Exploration, page: Path, progress: LiveProgress) -> None:
    from loopline.data.explore.page import html

    progress.say(f"writing {page}")
    try:
        page.write_text(html(found), encoding="utf-8")
    except OSError as error:
        raise Fault(f"the page cannot be written ({error.strerror})", where=str(page), remedy="name a place that can be written to with -o") from None


def _says(found: Exploration, page: Path | None) -> str:
    from loopline.data.explore.associations import TELLING

    survey = found.survey
    lines = [
        f"{found.name}: {survey.rows:,} rows, {len(found.columns)} columns, {found.cells_missing:.1%} of cells missing, {survey.repeats.rows:,} rows repeated"
    ]
    if found.coverage is not None:
        lines.append(f"from {found.coverage.since:%Y-%m-%d} to {found.coverage.until:%Y-%m-%d} by {found.coverage.column}")
    lines += [*found.notes, ""]
    asked = [(question.ask, question.because) for question in found.questions[:_QUESTIONS]]
    if asked:
        lines += ["what to ask:", *(f"  {ask}\n      {because}" for ask, because in asked)]
    if len(found.questions) > _QUESTIONS:
        lines.append(f"  ... {len(found.questions) - _QUESTIONS} more on the page")
    strongest = [
        (pair.one, pair.other, f"{pair.value:+.2f}" if pair.measure == "number" else f"{pair.value:.2f}")
        for pair in found.associations.pairs[:5]
        if abs(pair.value) >= TELLING
    ]
    if strongest:
        lines += ["", table(("column", "and", "go together"), strongest, right=(2,))]
    return "\n".join([*lines, "", f"page: {page}"])
