"""A package's evaluation as a document: what it earns first, then where it fails, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.model.assessment.pictures import draw, heading
from loopline.model.card import verdict
from loopline.sheet.document import Document, Figure, Part, Picture, Tone


def document(project: str, package: Mapping[str, Any]) -> Document:
    """The evaluation of a package, which is told as ``loopline model show --json`` has it.

    Raises
    ------
    Mistake
        When it has none.
    """
    evaluation, worth, currency = package["evaluation"], package["worth"], package["currency"] or ""
    name = f"{package['family']} {package['package'][:12]}"
    if evaluation is None:
        raise Mistake(
            f"package {package['package'][:12]} has no evaluation", where="the evaluation", remedy="it was judged on the same rows: loopline model show"
        )
    pictures = [_picture(evaluation, one) for one in draw(evaluation)]
    gain, tone = worth["gain"], _tone(worth["gain"])
    return Document(
        title=f"{project}: {name}",
        project=project,
        kind="evaluation of a package",
        made=package["made"][:10],
        label=f"Package {name}",
        verdict=verdict(worth, currency),
        says=str(evaluation["worth"].get("says", "")),
        tone=tone,
        next="",
        figures=(
            _figure("It earns", worth["per_decision"], worth["low"], worth["high"], f"{currency} per decision, on the test part".strip()),
            _figure("More than today's way", gain["mean"], gain["low"], gain["high"], str(worth["rule"])),
            Figure("Perfect foresight", figure(worth["perfect"]), "", "the most that anybody could earn"),
        ),
        first=pictures[0] if pictures else None,
        parts=tuple(Part(name=picture.name, picture=picture) for picture in pictures[1:]),
    )


def _tone(gain: Mapping[str, float]) -> Tone:
    return "yes" if gain["low"] > 0 else "no" if gain["high"] < 0 else "wait"


def _picture(evaluation: Mapping[str, Any], name: str) -> Picture:
    return Picture(heading(name), lambda width: draw(evaluation, width=width)[name])


def _figure(name: str, value: float, low: float, high: float, note: str) -> Figure:
    return Figure(name, figure(value), f"{figure(low)} to {figure(high)}", note)
