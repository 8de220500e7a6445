"""``loopline value cost``: what a month costs, where it is cheaper, and what is left of the worth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from loopline.charter.prices import Prices, of_charter, require_currency
from loopline.charter.prices import load as read
from loopline.charter.quantities import Paced
from loopline.charter.spec import CharterSpec
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.cli.pictures import picture_form, write_picture
from loopline.declaration import Rate, figure
from loopline.errors import Mistake
from loopline.ledger.entry import now
from loopline.loop import open_loop

_TIMES = re.compile(r"\s*(\d+(?:\.\d+)?)\s*x?\s*")
_MOST = 1e6
_RATE: TypeAdapter[Rate] = TypeAdapter(Paced)


@click.command()
@click.option("--load", "times", metavar="TIMES", default="1x", show_default=True, help="So many times the present load, such as 2x.")
@click.option("--volume", metavar="RATE", help="How many decisions come, such as '900 per day'; else charter.volume, or as many as came.")
@click.option("--trainings", metavar="RATE", help="How often it is trained, such as '2 per month'; else as often as it was.")
@click.option("--prices", metavar="FILE", help="Another price book than that of the charter; relative to the project's folder.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Draw it into this file: .html, .png or .svg.")
@folder_option
@json_option
def cost(times: str, volume: str | None, trainings: str | None, prices: str | None, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show what a month costs, on own machines and in the cloud, now and as the load grows, and what is left of the worth.

    What the project took is read from its ledger, and priced by the book that the charter names.
    """
    from loopline.value.cost.measuring import analyse
    from loopline.value.cost.view import view_of

    if output is not None:
        picture_form(output)
    load, comes, trains = _times(times), _rate(volume, "--volume"), _rate(trainings, "--trainings")
    with open_loop(folder) as loop:
        declared = loop.project.declaration
        book = _book(declared.charter, prices, loop.project.folder)
        asked: dict[str, Any] = {"load": load, "volume": comes, "trainings": trains, "is_charters": prices is None}
        costs = analyse(loop.workspace, declared.charter, declared.value, book, moment=now(), **asked)
        name = loop.project.name
    view = view_of(costs)
    if output is not None:
        _draw(output, name, view)
    data = {**view, "output": None if output is None else str(output), "next": "loopline value review"}
    emit(data, lambda: "\n".join(_lines(data)) + hint(data["next"]), as_json)


def _times(text: str) -> float:
    match = _TIMES.fullmatch(text)
    if match is None or float(match[1]) > _MOST:
        raise Mistake(f"{text!r} is no load", where="--load", remedy=f"write so many times the present one, such as 2x, and at most {_MOST:,.0f}x")
    return float(match[1])


def _rate(text: str | None, option: str) -> Rate | None:
    if text is None:
        return None
    try:
        rate = _RATE.validate_python(text)
    except ValidationError as error:
        what = str(error.errors()[0]["msg"]).removeprefix("Value error, ").partition("; ")[0]
        raise Mistake(what, where=option, remedy="write it as '900 per day'") from None
    if rate.amount < 0:
        raise Mistake(f"{text!r} is less than nothing", where=option, remedy="write it as '900 per day'")
    return rate


def _book(charter: CharterSpec, name: str | None, folder: Path) -> Prices:
    if name is not None:
        book = read(name, folder, where=f"--prices: {name}")
        require_currency(book, charter, where=f"--prices: {name}")
        return book
    found = of_charter(charter, folder)
    if found is None:
        remedy = "write prices.yaml with, for instance, machine: 0.10 per hour and cloud: 0.25 per hour, and in the charter: prices: prices.yaml"
        raise Mistake("the charter names no prices, so that nothing has a cost", where="charter.prices", remedy=remedy)
    return found


def _draw(output: Path, project: str, view: Mapping[str, Any]) -> None:
    from loopline.value.cost.picture import by_item, by_load

    parts = [("A month as the load grows", "", by_load(view)), ("What it is made of", "", by_item(view))]
    write_picture(output, f"{project}: cost", parts, says=view["says"])


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    currency, at = data["currency"], data["now"]
    yield data["says"]
    yield from (f"warning: {line}" for line in data["warnings"])
    for place, bill in at["bills"].items():
        yield f"\n{place}: {figure(bill['per_month'])} {currency} a month, {bill['machines']} x {bill['kind']}"
        rows = [(item["name"], float(item["per_month"]), item["says"]) for item in sorted(bill["items"], key=lambda one: -one["per_month"])]
        yield table(("item", f"{currency} a month", "how"), rows, right=(1,))
    yield from (f"\n{place}: no bill; {why}" for place, why in at["absent"].items())
    if at["bills"]:
        yield "\nas the load grows"
        yield _grown(data, currency)
    yield f"\nwhere: {data['break_even_says']}"
    yield from (f"return: {line}" for line in data["profit"]["says"])
    for head, lines in (("assumed", data["assumptions"]), ("not said", data["unsaid"]), ("not measured, and counted as nothing", data["unmeasured"])):
        if lines:
            yield f"\n{head}"
            yield from (f"- {line}" for line in lines)
    book = data["book"]
    if book["dated"] is not None:
        yield f"\nprices of {book['dated']}" + (f": {'; '.join(book['sources'])}" if book["sources"] else "")


def _grown(data: Mapping[str, Any], currency: str) -> str:
    places = list(data["now"]["bills"])
    head = ["load", "decisions a month", *(name for place in places for name in (f"{currency} {place}", "per 1,000")), "cheaper"]
    rows = []
    for one in data["loads"]:
        cells: list[object] = [f"{one['load']:g}x", None if one["decisions"] is None else float(one["decisions"])]
        for place in places:
            bill = one["bills"][place]
            cells += [float(bill["per_month"]), bill["per_thousand"]]
        rows.append((*cells, one["cheaper"]))
    return table(head, rows, right=range(len(head) - 1))
