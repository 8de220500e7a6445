"""A document as plain values that are kept, with its pictures as they are drawn at each width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from loopline import charts
from loopline.sheet.document import Answer, Document, Figure, Part, Picture, Table

_WIDTHS = (charts.NARROW, charts.HALF, charts.WIDE)


def plain(document: Document) -> dict[str, Any]:
    """The document as plain values."""
    bare = asdict(replace(document, first=None, parts=tuple(replace(part, picture=None, table=None) for part in document.parts)))
    parts = [{**said, "picture": _drawn(part.picture), "table": _tabled(part.table)} for said, part in zip(bare["parts"], document.parts, strict=True)]
    return {**bare, "first": _drawn(document.first), "parts": parts}


def _drawn(picture: Picture | None) -> dict[str, Any] | None:
    return None if picture is None else {"name": picture.name, "at": {str(width): picture.draw(width) for width in _WIDTHS}}


def _tabled(table: Table | None) -> dict[str, Any] | None:
    return None if table is None else {**asdict(table), "unbroken": sorted(table.unbroken)}


def of_plain(said: Mapping[str, Any]) -> Document:
    """The document that was kept; the inverse of `plain`."""
    return Document(
        **{
            **said,
            "notes": tuple(said["notes"]),
            "figures": tuple(Figure(**one) for one in said["figures"]),
            "answers": tuple(Answer(one["asked"], tuple(one["says"])) for one in said["answers"]),
            "first": _picture(said["first"]),
            "parts": tuple(_part(one) for one in said["parts"]),
        }
    )


def _part(said: Mapping[str, Any]) -> Part:
    return Part(
        name=said["name"],
        says=tuple(said["says"]),
        lists=tuple((heading, tuple(lines)) for heading, lines in said["lists"]),
        picture=_picture(said["picture"]),
        table=_table(said["table"]),
        quotes=tuple((about, text) for about, text in said["quotes"]),
    )


def _picture(said: Mapping[str, Any] | None) -> Picture | None:
    if said is None:
        return None
    drawn: dict[int, charts.Spec] = {int(width): spec for width, spec in said["at"].items()}
    return Picture(said["name"], lambda width: drawn[min(drawn, key=lambda one: abs(one - width))])


def _table(said: Mapping[str, Any] | None) -> Table | None:
    if said is None:
        return None
    rows = tuple(tuple(row) for row in said["rows"])
    return Table(tuple(said["head"]), rows, words=said["words"], widest=said["widest"], unbroken=frozenset(said["unbroken"]))
