"""``loopline charter study``: is it worth doing? The alternatives side by side, as text, as a page or as a picture."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, table, write_whole
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import now
from loopline.loop import Loop, LoopStatus, open_loop
from loopline.project import FILE

if TYPE_CHECKING:
    from loopline.charter.standing import Standing
    from loopline.sheet.document import Document

_FORMS = (".html", ".htm", ".md", ".markdown", ".png", ".svg")


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it: .html or .md, or .png or .svg of what moves the decision.")
@click.option("--stated", "only_stated", is_flag=True, help="Do not look at data that have not been read: judge from what the charter states.")
@folder_option
@json_option
def study(in_browser: bool, out: Path | None, only_stated: bool, folder: Path | None, as_json: bool) -> None:
    """Study whether it is worth doing: each alternative with its worth, its costs and its chances; what would flip the decision; what to find out first.

    Data that are there are read, and a quick model and a simple rule are tried on a part of them; before that, it is judged from the ranges that the charter
    states. The exit code is 1 for a no-go that nobody has overridden, and 2 where data are declared that could not be read.
    """
    if out is not None and out.suffix.lower() not in _FORMS:
        raise Mistake(f"a study is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html, .md, .png or .svg")
    with open_loop(folder) as loop:
        with LiveProgress(quiet=as_json) as progress:
            status = loop.run(until="charter", progress=progress) if only_stated else loop.run(until="data", progress=progress, sounding=True)
        charter, project, home = loop.project.declaration.charter, loop.project.name, loop.project.folder / ".loopline"
        found, following = _studied(loop, status, only_stated)
    document = found.document(project, charter, next=following)
    if in_browser and out is None:
        out = home / "study.html"
    if out is not None:
        _write(out, document, found.facts)
    if in_browser and out is not None:
        webbrowser.open(out.resolve().as_uri())
    data = {
        **{name: value for name, value in found.facts.items() if name != "binds"},
        "made": found.made.isoformat(),
        "overridden": found.overridden or None,
        "trouble": found.trouble or None,
        "open_questions": found.open_questions,
        "out": None if out is None else str(out),
        "next": following,
    }
    emit(data, lambda: "\n".join(_lines(document, found, out)) + hint(following), as_json)
    if found.trouble:
        raise SystemExit(2)
    if found.stops:
        raise SystemExit(1)


def _studied(loop: Loop, ran: LoopStatus, only_stated: bool) -> tuple[Standing, str]:
    """The newest study, and the command that follows."""
    from loopline.charter.standing import standing

    declared, status = loop.project.declaration, loop.status()
    # That a charter has no data yet is no trouble: its page says so.
    trouble = next((one.why for one in ran.stages if (one.stage, one.state) == ("data", "failed") and declared.data.sources), "")
    text, has_data = (loop.project.folder / FILE).read_text(encoding="utf-8"), bool(declared.data.sources) and not only_stated
    found = standing(declared.charter, loop.state(), folder=loop.project.folder, text=text, today=now().date(), has_data=has_data, trouble=trouble)
    if found is None:
        raise ran.error if ran.error is not None else Mistake("the charter has not been studied yet", remedy="loopline run --until charter")
    charter = next(stage for stage in status.stages if stage.stage == "charter")
    if charter.state == "stale" or (charter.state == "failed" and ran.error is not None and not isinstance(ran.error, CheckFailed)):
        # The newest study is that of an earlier charter.
        raise ran.error or Mistake("the charter could not be studied", remedy="see why: loopline run --until charter")
    return found, "loopline charter questions" if found.open_questions else status.next or "loopline run"


def _write(out: Path, document: Document, facts: Mapping[str, Any]) -> None:
    from loopline.cli.pictures import write_picture
    from loopline.sheet.html import html
    from loopline.sheet.plain import markdown

    if out.suffix.lower() in (".png", ".svg"):
        from loopline.charter.report.pictures import tornado

        drawn = None if facts["study"] is None else tornado(facts)
        if drawn is None:
            raise Mistake("there is nothing to draw", where=str(out), remedy="; ".join(facts["missing"]) or "give some assumptions a range, such as 700..1100")
        write_picture(out, document.title, [(drawn.name, "", drawn.draw(780))])
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html(document) if out.suffix.lower().startswith(".htm") else markdown(document))


def _lines(document: Document, found: Standing, out: Path | None) -> list[str]:
    """What a terminal shows: the verdict, the choices, and the answers."""
    lines = [f"{document.verdict}: {document.says}", *document.notes, ""]
    lines += [f"{one.name}: {one.value}" + (f" ({one.between})" if one.between else "") + (f"; {one.note}" if one.note else "") for one in document.figures]
    choices = next((part.table for part in document.parts if part.name == "The choices side by side"), None)
    if choices is not None:
        lines += ["", table(choices.head, choices.rows, right=range(1, len(choices.head))), ""]
    lines += [f"{one.asked}: {' '.join(one.says)}" for one in document.answers]
    lines += [f"rule {one['name'].replace('_', ' ')}: does not hold: {one['says']}" for one in found.facts["rules"] if one["passed"] is False]
    lines += [f"not counted: {one}" for one in found.facts["missing"]]
    return [*lines, *([] if out is None else [f"written to {out}"])]
