"""``loopline charter criteria``: what the customer asked for, what shows it, and whether it holds, as text or as a page."""

from __future__ import annotations

import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.charter.spec import CharterSpec
from loopline.charter.statement import stated
from loopline.cli.output import emit, folder_option, hint, json_option, write_whole
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import Loop, open_loop

if TYPE_CHECKING:
    from loopline.ledger.state import State
    from loopline.value.requirements.requirements import Known, Requirement

_FORMS = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown"}
_ALERT = ("state", "since", "says")


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it: .html or .md.")
@folder_option
@json_option
def criteria(in_browser: bool, out: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what the customer asked for: what it means, what it needs, what holds it, whether it holds, and how that came."""
    from loopline.sheet.html import html
    from loopline.sheet.plain import markdown
    from loopline.value.requirements.report import report
    from loopline.value.requirements.requirements import requirements, summary

    if out is not None and out.suffix.lower() not in _FORMS:
        raise Mistake(f"a page is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html or .md")
    with open_loop(folder) as loop:
        declared, project, home = loop.project.declaration, loop.project.name, loop.project.folder / ".loopline"
        found = requirements(declared.charter, known(loop, loop.state()))
    following = _following(found)
    document = report(project, declared.charter, found, made=f"{now():%Y-%m-%d}", window=declared.watch.window, next=following)
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
        "next": following,
    }
    emit(data, lambda: (markdown(document) if out is None else f"{summary(found)}\nwritten to {out}") + hint(following), as_json)


def _following(found: list[Requirement]) -> str:
    if not found:
        return "say in charter.acceptance what the customer asks for; then: loopline charter criteria"
    if unchecked := next((one for one in found if one.write), None):
        return f"{unchecked.write}; then: loopline run"
    return "loopline run" if any(one.standing == "not known yet" for one in found) else "loopline value review"


def known(loop: Loop, state: State) -> Known:
    """What the ledger knows of the criteria."""
    from loopline.release.approvals import judged, settled_today
    from loopline.value.requirements.requirements import Known

    declared, ledger = loop.project.declaration, loop.workspace.ledger
    data = state.facts("data", "join") or state.facts("data", "ingest") or {}
    open_now = [entry for entry in state.open_alerts() if entry.body["monitor"] == "criterion"]
    return Known(
        task=data.get("task"),
        columns=frozenset(column["name"] for column in data["columns"]) if "columns" in data else None,
        champion=state.champion,
        judged=[(entry.time, settled_today(declared.release, declared.charter, state, entry.body["facts"])) for entry in judged(state)],
        reviews=[(at, {"criteria": criteria or ()}) for at, criteria in ledger.parts("criteria", kinds=("review",))],
        charters=_charters(loop),
        windows=_windows(loop, state),
        priced_since=_priced_since(state, declared.charter),
        alerts={entry.body["feature"]: {"id": entry.subject, **{name: entry.body[name] for name in _ALERT}} for entry in open_now},
    )


def _priced_since(state: State, charter: CharterSpec) -> datetime | None:
    """Since when the prices hold that are declared now; None where the ledger knows no others."""
    worth, since = stated(charter).get("worth"), now()
    for entry in reversed(state.charters):
        if entry.body["charter"].get("worth") != worth:
            return since
        since = entry.time
    return None


def _charters(loop: Loop) -> list[tuple[datetime, list[dict[str, Any]]]]:
    return [(entry.time, entry.body["charter"].get("acceptance", [])) for entry in loop.workspace.ledger.read(kinds=("charter",))]


def _windows(loop: Loop, state: State) -> list[dict[str, Any]]:
    from loopline.lake.blobs import Blobs
    from loopline.watch.summary import bodies

    facts = state.facts("watch", "windows")
    if facts is None or state.champion is None:
        return []
    return bodies(Blobs(loop.workspace.lake), facts["summary"], package=state.champion)
