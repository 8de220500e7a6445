"""``loopline data test``: the contract run as unit tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, write_whole
from loopline.loop import open_loop

if TYPE_CHECKING:
    from loopline.data.testing.testing import Report

_COLOURS = {"pass": "green", "fail": "red", "error": "red", "warn": "yellow", "skipped": "bright_black"}


@click.command()
@click.option("--table", metavar="TABLE", help="Only this table; all that are declared by default.")
@click.option("--sample", "rows", default=100_000, show_default=True, type=click.IntRange(min=1), help="How many rows of each table, drawn at random.")
@click.option("--file", type=click.Path(path_type=Path), help="A file that is not delivered yet, in the place of the table's source.")
@click.option("--lake", is_flag=True, help="The tables as the lake holds them, not what the sources hold now.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file as JUnit XML.")
@click.option("--all", "all_cases", is_flag=True, help="List the tests that pass, too.")
@folder_option
@json_option
def command(table: str | None, rows: int, file: Path | None, lake: bool, junit: Path | None, all_cases: bool, folder: Path | None, as_json: bool) -> None:
    """Run the contract as unit tests: a test for each rule of each column, row rules, keys, references, batch rules and queries.

    Nothing is written to any table. A rule that refuses rows or stops a batch fails its test (exit code 1); one that warns does not.
    """
    from loopline.data.testing.testing import as_json as plain
    from loopline.data.testing.testing import run_tests
    from loopline.lake.tables import Tables

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        project = loop.project
        tables = Tables(loop.workspace.lake)
        asked = run_tests(
            project.declaration.data, project.folder, tables, table=table, rows=rows, file=file.absolute() if file else None, lake=lake, progress=progress
        )
        reports = list(asked)
    if junit is not None:
        from loopline.data.testing.junit import junit as as_xml

        write_whole(junit, as_xml(project.name, reports))
    totals = {outcome: sum(report.count(outcome) for report in reports) for outcome in _COLOURS}
    passed = not totals["fail"] and not totals["error"]
    told = {"passed": passed, "totals": totals, "tables": [plain(report) for report in reports], "junit": str(junit) if junit else None}
    emit(told, lambda: _text(reports, totals, all_cases=all_cases), as_json)
    if not passed:
        click.get_current_context().exit(1)


def _text(reports: Sequence[Report], totals: dict[str, int], *, all_cases: bool) -> str:
    from loopline.data.testing.junit import sample_lines, summary

    lines: list[str] = []
    for report in reports:
        tested = f"{report.tested:,} of {report.read:,} rows" if report.tested < report.read else f"{report.read:,} rows"
        lines.append(click.style(f"{report.table}: {report.origin}, {tested}", bold=True))
        listed = [verdict for verdict in report.verdicts if all_cases or verdict.outcome != "pass"]
        passed = report.count("pass")
        for verdict in listed:
            mark = click.style(verdict.outcome.ljust(7), fg=_COLOURS[verdict.outcome])
            said = summary(verdict)
            lines.append(f"  {mark}  {verdict.name}{f': {said}' if said else ''}")
            lines += [f"           {line}" for line in sample_lines(verdict)]
        if passed and not all_cases:
            lines.append(f"  {click.style('pass', fg='green')}     {passed} more" if listed else f"  {click.style('pass', fg='green')}     all {passed}")
    lines.append(", ".join(f"{count} {_said(outcome)}" for outcome, count in totals.items() if count) or "nothing to test")
    return "\n".join(lines) + hint("loopline data evolve" if totals["fail"] or totals["error"] else "loopline run")


def _said(outcome: str) -> str:
    return {"pass": "passed", "fail": "failed", "error": "in error", "warn": "warned", "skipped": "skipped"}[outcome]
