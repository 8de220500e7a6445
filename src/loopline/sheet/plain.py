"""A document as Markdown; what comes from names and values is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loopline.sheet.document import Document, Part, Table

# What stands within a word or before a space is read as it is: the review is read on a terminal, too.
_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w)|<(?=\S)|&(?=[\w#])|^[>#])")


def markdown(document: Document) -> str:
    """The document as Markdown: what to decide from first, then the detail."""
    lines = [f"# {_md(document.project)}: {_md(document.verdict.lower())}", "", f"{document.kind[:1].upper()}{document.kind[1:]} of {document.made}.", ""]
    lines += [_md(document.says), "", *(f"> {_md(note)}\n" for note in document.notes)]
    if document.figures:
        lines += ["| what | how much | range | held against |", "| --- | ---: | --- | --- |"]
        lines += [*_piped([(one.name, one.value, one.between, one.note) for one in document.figures]), ""]
    lines += [_md(document.scope), ""] if document.scope else []
    for answer in document.answers:
        lines += [f"**{_md(answer.asked)}.** {_md(' '.join(answer.says))}", ""]
    lines += [f"Next: `{document.next}`", ""] if document.next else []
    for part in document.parts:
        lines += _part(part)
    return "\n".join(lines)


def _part(part: Part) -> Iterator[str]:
    if not (part.says or part.lists or part.table or part.quotes):
        return
    yield from (f"## {_md(part.name)}", "")
    for line in part.says:
        yield from (_md(line), "")
    for heading, lines in part.lists:
        yield from (*([f"**{_md(heading)}**", ""] if heading else []), *(f"- {_md(line)}" for line in lines), "")
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
