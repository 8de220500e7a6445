"""``loopline charter compare``: two charters, or several projects: where should the team's next month go?"""

from __future__ import annotations

import math
import re
import shlex
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import emit, folder_option, hint, json_option, table, write_whole
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.project import FILE, Project, find_folder, load

if TYPE_CHECKING:
    from loopline.charter.contender import Contender
    from loopline.charter.spec import WorthSpec

_FORMS = (".html", ".htm", ".md", ".markdown")
_RATE = re.compile(r"\s*(\S+?)\s*=\s*(\S+)\s*")


@click.command()
@click.argument("others", nargs=-1, metavar="[OTHER]...", type=click.Path(path_type=Path))
@click.option("--hours", type=float, default=160.0, show_default=True, help="People's work in the month that is to be spent.")
@click.option("--rate", "rates", multiple=True, metavar="EUR=1.08", help="What one of another currency is worth in that of the first charter; may be repeated.")
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it: .html or .md.")
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@folder_option
@json_option
def compare(others: tuple[Path, ...], hours: float, rates: tuple[str, ...], out: Path | None, in_browser: bool, folder: Path | None, as_json: bool) -> None:
    """Compare charters for people's work: where should the next month go?

    Each OTHER is a project's folder, its loopline.yaml, or a file with another charter. The project that the command stands in comes first. Ledgers are
    only read: what has been studied is taken from there, else it is studied in memory.
    """
    if not 0 < hours < math.inf:
        raise Mistake(f"{hours:g} hours are no month of work", where="--hours", remedy="say how many hours people have for it, such as 160")
    if out is not None and out.suffix.lower() not in _FORMS:
        raise Mistake(f"a comparison is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html or .md")
    from loopline.charter.comparison import compared
    from loopline.cli.charter_others import contenders, given

    own = _own(folder)
    if in_browser and out is None:
        if own is None:
            raise Mistake("there is no project to keep the page in", where="--open", remedy="say where to write it: -o compare.html")
        out = own.folder / ".loopline" / "compare.html"
    named, today = given(own, others), now().date()
    exchange = _rates(rates, [one.charter.worth for one in named])
    sides = contenders(named, today=today)
    found = compared(sides, hours=hours, rates=exchange, today=today)
    following = _next(found["choice"], sides, own)
    if out is not None:
        _write(out, own, found, made=str(today), following=following)
        if in_browser:
            webbrowser.open(out.resolve().as_uri())
    data = {**found, "out": None if out is None else str(out), "next": following}
    emit(data, lambda: "\n".join(_lines(found, out)) + hint(following), as_json)


def _own(folder: Path | None) -> Project | None:
    """The project that is named, or that the command stands in; None where it stands in none."""
    if folder is not None:
        return load(folder.resolve())
    try:
        at = find_folder(Path.cwd())
    except Mistake:
        return None
    return load(at)


def _rates(said: Sequence[str], worths: Sequence[WorthSpec]) -> dict[str, float]:
    """What one unit of each other currency is worth."""
    currencies = [worth.currency for worth in worths if worth.is_priced]
    own = next(iter(currencies), None)
    used = set(currencies) - {own}
    found: dict[str, float] = {}
    for text in said:
        match = _RATE.fullmatch(text)
        name, value = (match[1], _number(match[2])) if match else ("", None)
        if value is None:
            raise Mistake(f"{text!r} is no rate", where="--rate", remedy=f"write what one of a currency is worth in {own or 'the first one'}, such as EUR=1.08")
        if name not in used or name in found:
            why = "is said twice" if name in found else "is what is counted in" if name == own else "is the money of no charter here"
            raise Mistake(
                f"{name} {why}",
                where=f"--rate {text}",
                remedy=f"rates are for {', '.join(sorted(used))}" if used else "leave it out: all count in one currency",
            )
        found[name] = value
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def _next(choice: Mapping[str, Any], sides: Sequence[Contender], own: Project | None) -> str:
    """The command that takes what is recommended on; of a charter in a file, the study of the project comes after it has been put in place."""
    chosen = next((one for one in sides if one.name == choice["name"]), None)
    if chosen is None:
        return ""
    place = Path(chosen.told_by)
    if place.name != FILE and not place.is_dir():
        if own is not None and chosen.project == own.name:
            return f"loopline charter revise --charter {shlex.quote(str(place))}"
        return f"put the charter of {place.name} into the {FILE} of a project; then: loopline charter study"
    at = place if place.is_dir() else place.parent
    where = "" if own is not None and at.resolve() == own.folder else f" --folder {shlex.quote(str(at))}"
    return f"loopline {'run' if choice['kind'] == 'build' else 'charter study'}{where}"


def _write(out: Path, own: Project | None, found: Mapping[str, Any], *, made: str, following: str) -> None:
    from loopline.charter.report.comparing import report
    from loopline.sheet.html import html
    from loopline.sheet.plain import markdown

    document = report("charters" if own is None else own.name, found, made=made, next=following)
    write_whole(out, html(document) if out.suffix.lower().startswith(".htm") else markdown(document))


def _lines(found: Mapping[str, Any], out: Path | None) -> list[str]:
    """What a terminal shows: the recommendation, the charters side by side, and what must be known of them."""
    from loopline.charter.report.comparing import HEAD, WORDS, beside, side_by_side, targets
    from loopline.charter.report.recommendation import finding

    choice = found["choice"]
    lines = [choice["says"], *([choice["first"]] if choice["first"] else []), ""]
    lines += [table(HEAD, side_by_side(found), right=range(WORDS, len(HEAD))), ""]
    lines += [*targets(found), *beside(found)]
    lines += [finding(one, found).replace("Find out first, of", "also worth finding out, of") for one in found["finding_out"][1:3]]
    for pair in found["differs"]:
        told = "; ".join(f"{one['field']} {one['one'] or '-'} -> {one['other'] or '-'}" for one in pair["fields"])
        lines.append(f"{pair['other']} says otherwise than {pair['one']}: {told or 'nothing'}")
    lines += [f"not counted of {row['name']}: {one}" for row in found["charters"] for one in row["missing"]]
    lines += [f"note: {note}" for note in found["notes"]]
    return [*lines, *([] if out is None else [f"written to {out}"])]
