"""``loopline value review`` and ``show``: the newest review, as a page or in figures."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.declaration import figure
from loopline.errors import Fault, Mistake
from loopline.lake.place import Lake
from loopline.ledger.state import State
from loopline.loop import open_loop

_FORMS = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown"}


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write the report: .html or .md.")
@folder_option
@json_option
def review(in_browser: bool, out: Path | None, folder: Path | None, as_json: bool) -> None:
    """The newest review: print it as Markdown, write it as a page, or open that."""
    form = "markdown" if out is None else _form(out)
    with open_loop(folder) as loop:
        facts, lake = _newest(loop.state()), loop.workspace.lake
        if in_browser and out is None:
            out, form = loop.project.folder / ".loopline" / "review.html", "html"
    text = _report(lake, facts[form])
    if out is not None:
        _write(out, text)
    if in_browser and out is not None:
        webbrowser.open(out.resolve().as_uri())
    data = {**facts, "out": None if out is None else str(out)}
    emit(data, lambda: (text if out is None else f"{facts['says']}\nwritten to {out}") + hint(facts["next"]), as_json)


@click.command()
@folder_option
@json_option
def show(folder: Path | None, as_json: bool) -> None:
    """Show the recommendation with its reasons, and what was realised."""
    with open_loop(folder) as loop:
        facts = _newest(loop.state())
    emit(dict(facts), lambda: _shown(facts) + hint(facts["next"]), as_json)


def _newest(state: State) -> Mapping[str, Any]:
    facts = state.facts("value", "review")
    if facts is None:
        raise Mistake("there is no review yet", remedy="loopline run")
    return facts


def _report(lake: Lake, digest: str) -> str:
    from loopline.lake.blobs import Blobs

    return Blobs(lake).get(digest).decode()


def _form(out: Path) -> str:
    if out.suffix.lower() not in _FORMS:
        raise Mistake(f"a report is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html or .md")
    return _FORMS[out.suffix.lower()]


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Fault(f"the report cannot be written ({error.strerror})", where=str(out), remedy="give a file in a folder that can be written to") from None


def _shown(facts: Mapping[str, Any]) -> str:

    lines = [facts["says"], *(f"  {reason['recommendation']}: {reason['says']}" for reason in facts["reasons"])]
    realised, currency = facts["realised"], facts["currency"]
    if realised is not None:
        low, high = realised["low"], realised["high"]
        between = f" ({figure(low)} to {figure(high)})" if low is not None else ""
        each = f"{figure(realised['per_decision'])} each{between}"
        lines.append(f"realised {figure(realised['total'])} {currency} with {realised['outcomes']:,} decisions: {each}")
        yearly = realised["added"]["per_year"]
        lines.append(
            f"without a model {figure(facts['baseline'])} each" + (f"; added per year at this rate {figure(yearly)} {currency}" if yearly is not None else "")
        )
    return "\n".join(lines)
