"""``loopline value review`` and ``show``: the newest review, as a page or in figures."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, minute, table
from loopline.declaration import figure
from loopline.errors import Fault, Mistake
from loopline.loop import open_loop
from loopline.sheet.document import Document
from loopline.value.newest import document_of, kept, made_in_words, newer, newest, windows_of

WINDOWS_SHOWN = 14
_HOLDS = {True: "holds", False: "does not hold", None: "cannot be told"}
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
        state = loop.state()
        facts, lake = newest(state), loop.workspace.lake
        made, come = state.latest["value", "review"].time, newer((one.stage, one.state, one.why) for one in loop.status().stages)
        if in_browser and out is None:
            out, form = loop.project.folder / ".loopline" / "review.html", "html"
    text = kept(lake, facts["markdown"]) if form == "markdown" else _page(document_of(lake, facts))
    if out is not None:
        _write(out, text)
    if in_browser and out is not None:
        webbrowser.open(out.resolve().as_uri())
    data = {**facts, "made": made.isoformat(), "newer": come, "out": None if out is None else str(out)}
    said = [text if out is None else f"{facts['says']}\nwritten to {out}", made_in_words(facts["made_from"], made)]
    said += [f"something newer has come, which it does not know: {'; '.join(come)}; take it in: loopline tick" if come else "nothing newer has come"]
    emit(data, lambda: "\n".join(said) + hint("loopline tick" if come else facts["next"]), as_json)


@click.command()
@folder_option
@json_option
def show(folder: Path | None, as_json: bool) -> None:
    """Show the recommendation with its reasons, what was realised, and the worth of each window against the target."""
    with open_loop(folder) as loop:
        facts = newest(loop.state())
        windows = windows_of(loop.workspace.lake, facts)
    emit({**facts, "windows": windows}, lambda: _shown(facts, windows) + hint(facts["next"]), as_json)


def _form(out: Path) -> str:
    if out.suffix.lower() not in _FORMS:
        raise Mistake(f"a report is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html or .md")
    return _FORMS[out.suffix.lower()]


def _page(document: Document | None) -> str:
    # Its pictures take a second to draw: only who looks at them waits for it.
    from loopline.sheet.html import html

    if document is None:
        raise Mistake("the newest review was made by an earlier Loopline", remedy="loopline run")
    return html(document)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Fault(f"the report cannot be written ({error.strerror})", where=str(out), remedy="give a file in a folder that can be written to") from None


def _shown(facts: Mapping[str, Any], windows: Sequence[Mapping[str, Any]]) -> str:
    lines = [facts["says"], *(f"  {reason['recommendation'].replace('_', ' ')}: {reason['says']}" for reason in facts["reasons"])]
    realised, currency = facts["realised"], facts["currency"]
    if realised is not None:
        lines.append(
            f"realised {figure(realised['total'])} {currency} with {realised['outcomes']:,} decisions: {figure(realised['per_decision'])} each{_span(realised)}"
        )
        yearly = realised["added"]["per_year"]
        lines.append(
            f"without a model {figure(facts['baseline'])} each" + (f"; added per year at this rate {figure(yearly)} {currency}" if yearly is not None else "")
        )
    lines += [f"criterion {one['id']}: {_HOLDS[one['passed']]} ({one['says']})" for one in facts["criteria"]]
    return "\n".join([*lines, *(["", _windows(windows, currency)] if windows else [])])


def _windows(windows: Sequence[Mapping[str, Any]], currency: str) -> str:
    head = ("window", "decisions", "outcomes", f"earned each ({currency})", "from", "to", "needed for the target", "no model", "perfect", "")
    rows = [
        (
            minute(one["start"]),
            one["rows"],
            one["outcomes"],
            *(one[name] for name in ("per_decision", "low", "high", "target", "baseline", "perfect")),
            "below the target" if one["misses_target"] else "",
        )
        for one in windows[-WINDOWS_SHOWN:]
    ]
    cut = f"\nthe newest {WINDOWS_SHOWN} of {len(windows):,} windows" if len(windows) > WINDOWS_SHOWN else ""
    return table(head, rows, right=range(1, 9)) + cut


def _span(realised: Mapping[str, Any]) -> str:
    return "" if realised["low"] is None else f" ({figure(realised['low'])} to {figure(realised['high'])})"
