"""The report as Markdown; what comes from names and values is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loopline.value.case import Case
from loopline.value.report.answers import answers, method, notes, scope
from loopline.value.report.figures import figures
from loopline.value.report.parts import Part, Table, parts
from loopline.value.rules import Review, advice, following

# What stands within a word or before a space is read as it is: the review is read on a terminal, too.
_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w)|<(?=\S)|&(?=[\w#])|^[>#])")


def markdown(case: Case, review: Review) -> str:
    """The report as Markdown: what to decide from first, then the detail."""
    lines = [f"# {_md(case.project)}: {advice(case, review).lower()}", "", f"Value review of {case.made}.", "", _md(review.reasons[0].says), ""]
    lines += [f"> {_md(note)}\n" for note in notes(case)]
    lines += ["| what | how much | range | held against |", "| --- | ---: | --- | --- |"]
    lines += [*_piped([(one.name, one.value, one.between, one.note) for one in figures(case)]), ""]
    lines += [_md(scope(case)), ""] if scope(case) else []
    for answer in answers(case, review):
        lines += [f"**{answer.asked}.** {_md(' '.join(answer.says))}", ""]
    lines += [f"Next: `{following(case, review)}`", ""]
    lines += [
        "## Every reason that a rule gave",
        "",
        *(f"- {_md(reason.says)} (`{reason.rule}`: {_said(reason.recommendation)})" for reason in review.reasons),
        "",
    ]
    for part in parts(case):
        lines += _part(part)
    lines += ["## How it was computed", "", *(f"- {_md(line)}" for line in method(case)), ""]
    return "\n".join(lines)


def _said(recommendation: str) -> str:
    return recommendation.replace("_", " ")


def _part(part: Part) -> Iterator[str]:
    if not (part.says or part.lists or part.table or part.quotes):
        return
    yield from (f"## {part.name}", "")
    for line in part.says:
        yield from (_md(line), "")
    for heading, lines in part.lists:
        yield from (f"**{_md(heading)}**", "", *(f"- {_md(line)}" for line in lines), "")
    for about, text in part.quotes:
        yield from (f"> {_md(text)} ({_md(about)})", "")
    if part.table is not None:
        yield from (*_table(part.table), "")


def _table(table: Table) -> Iterator[str]:
    rule = ["---" if index < table.words else "---:" for index in range(len(table.head))]
    yield from (*_piped([table.head]), "| " + " | ".join(rule) + " |", *_piped(table.rows))


def _piped(rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(_md(cell) for cell in row) + " |" for row in rows]


def _md(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))
