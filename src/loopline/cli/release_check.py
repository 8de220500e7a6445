"""``loopline release check``: what was asked of a package and what was found, for people, for a customer's report and for tools that run tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table, write_whole
from loopline.declaration import figure
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import open_loop
from loopline.model.packages import newest
from loopline.release.judgement import Gate, found, judgement, outcome

package_option = click.option("--package", metavar="DIGEST", help="The package, by the beginning of its digest; the newest by default.")
_MARKS = {"passed": "passed", "failed": "FAILED", "waived": "waived", "not asked": "not asked"}
# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@click.command()
@package_option
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdicts to this file as JUnit XML.")
@click.option("--markdown", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to this file, the acceptance criteria first.")
@folder_option
@json_option
@click.pass_context
def check(ctx: click.Context, package: str | None, junit: Path | None, report: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what each gate asked and found; exit code 1 when one failed and nobody waived it."""
    with open_loop(folder) as loop:
        state = loop.state()
        seen = judgement(loop.project.declaration.release, loop.project.declaration.charter, state, package)
        entry, facts, criteria, project = seen.entry, seen.facts, seen.criteria, loop.project.name
    if junit is not None:
        write_whole(junit, as_junit(project, entry, facts))
    if report is not None:
        write_whole(report, as_markdown(project, entry, facts, criteria))
    written = {"junit": str(junit) if junit else None, "markdown": str(report) if report else None}
    emit({**facts, "criteria": criteria, **written, "next": seen.next}, lambda: _text(state, facts, criteria) + hint(seen.next), as_json)
    ctx.exit(0 if facts["passed"] else 1)


def _text(state: State, facts: Mapping[str, Any], criteria: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"package {facts['package'][:12]}", table(("", "gate", "asked", "found"), [gate_row(gate) for gate in facts["gates"]])]
    if criteria:
        lines += ["", table(("criterion", "asked by the business", "check", "now", "before, oldest first"), [_traced(one) for one in criteria], right=(3,))]
    made = newest(state)
    if made is not None and made != facts["package"]:
        lines.append(f"the model stage's newest package is {made[:12]}")
    return "\n".join(lines)


def gate_row(gate: Gate) -> tuple[str, str, str, str]:
    """A gate as a row: verdict, name, what was asked, what was found."""
    return _MARKS[outcome(gate)], gate["name"], gate.get("asked") or "-", found(gate)


def _traced(one: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    before = one["history"][:-1] if one["passed"] is not None else one["history"]
    return one["id"], one["says"] or "-", one["check"] or "-", _value(one), ", ".join(f"{_value(past)} ({past['package'][:8]})" for past in before) or "-"


def _value(of: Mapping[str, Any]) -> str:
    """The number; where the check is about several or none, whether it held."""
    if of["value"] is not None:
        return figure(of["value"])
    return "not judged" if of["passed"] is None else "holds" if of["passed"] else "does not hold"


def as_markdown(project: str, entry: Entry, facts: Mapping[str, Any], criteria: Sequence[Mapping[str, Any]]) -> str:
    """The report: what the business owner asked for in their own words first, then every gate."""
    verdict = "It may be released." if facts["passed"] else "It may not be released."
    lines = [f"# {project}: package {facts['package'][:12]}", "", f"Checked on {entry.time:%Y-%m-%d %H:%M} UTC. **{verdict}**", ""]
    if criteria:
        lines += [
            "## What the business asked for",
            "",
            *markdown_table(("asked for", "check", "verdict", "now", "before, oldest first"), map(_promised, criteria)),
        ]
    lines += ["## Every gate", "", *markdown_table(("verdict", "gate", "asked", "found"), map(gate_row, facts["gates"]))]
    return "\n".join(lines)


def _promised(one: Mapping[str, Any]) -> tuple[str, ...]:
    name, says, check, now, before = _traced(one)
    verdict = "not judged" if one["passed"] is None else "passed" if one["passed"] else "FAILED"
    return name if says == "-" else f"{says} ({name})", checked(one["check"]), verdict, now, before


def checked(check: str | None) -> str:
    """A check in Markdown; what is checked by nothing says so."""
    return "nothing yet" if check is None else f"`{check}`"


def markdown_table(head: Sequence[str], rows: Any) -> list[str]:
    """A table in Markdown, and an empty line."""
    lines = (f"| {' | '.join(' '.join(str(cell).split()).replace('|', chr(92) + '|') for cell in row)} |" for row in (head, *rows))
    first, *others = lines
    return [first, f"|{' --- |' * len(head)}", *others, ""]


def as_junit(project: str, entry: Entry, facts: Mapping[str, Any]) -> str:
    """The verdicts as JUnit XML: a case for each gate; one that was waived or not asked is skipped, with the reason.

    References
    ----------
    The schema that Jenkins' JUnit and xUnit plugins publish (`junit-10.xsd`).
    """
    outcomes = [outcome(gate) for gate in facts["gates"]]
    totals = {"tests": str(len(outcomes)), "failures": str(outcomes.count("failed")), "errors": "0", "time": "0"}
    root = Xml.Element("testsuites", {"name": _clean(f"{project} release"), **totals})
    skipped = str(outcomes.count("waived") + outcomes.count("not asked"))
    suite = Xml.SubElement(root, "testsuite", {"name": f"package {facts['package'][:12]}", **totals, "skipped": skipped})
    suite.set("timestamp", entry.time.strftime("%Y-%m-%dT%H:%M:%S"))
    for gate, became in zip(facts["gates"], outcomes, strict=True):
        case = Xml.SubElement(suite, "testcase", {"classname": _clean(f"{project}.release"), "name": _clean(gate["name"]), "time": "0"})
        says = _clean(found(gate))
        if became == "failed":
            Xml.SubElement(case, "failure", {"type": "gate", "message": says}).text = _clean(f"asked: {gate.get('asked', '')}\nfound: {gate['says']}")
        elif became == "passed":
            Xml.SubElement(case, "system-out").text = says
        else:
            Xml.SubElement(case, "skipped", {"message": says})
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _clean(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
