"""``loopline charter criteria``: what the customer asked for, what shows it, and whether it holds, as text or as a page."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, hint, json_option, write_whole
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop

_FORMS = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown"}


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it: .html or .md.")
@folder_option
@json_option
def criteria(in_browser: bool, out: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what the customer asked for: what it means, what it needs, what holds it, whether it holds, and how that came."""
    from loopline.sheet.html import html
    from loopline.sheet.plain import markdown
    from loopline.value.requirements.known import known
    from loopline.value.requirements.report import report
    from loopline.value.requirements.requirements import following, requirements, summary

    if out is not None and out.suffix.lower() not in _FORMS:
        raise Mistake(f"a page is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html or .md")
    with open_loop(folder) as loop:
        declared, project, home = loop.project.declaration, loop.project.name, loop.project.folder / ".loopline"
        found = requirements(declared.charter, known(loop.workspace, declared.charter, declared.release, loop.state()))
    after = following(found)
    document = report(project, declared.charter, found, made=f"{now():%Y-%m-%d}", window=declared.watch.window, next=after)
    if in_browser and out is None:
        out = home / "criteria.html"
    if out is not None:
        write_whole(out, (html if _FORMS[out.suffix.lower()] == "html" else markdown)(document))
    if in_browser and out is not None:
        webbrowser.open(out.resolve().as_uri())
    data = {
        "says": summary(found),
        "holds": sum(one.standing == "holds" for one in found),
        "criteria": [one.as_json() for one in found],
        "out": None if out is None else str(out),
        "next": after,
    }
    emit(data, lambda: (markdown(document) if out is None else f"{summary(found)}\nwritten to {out}") + hint(after), as_json)
