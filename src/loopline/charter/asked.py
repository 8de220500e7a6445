"""What a project's template asks, and how each of its questions stands: read from its files, and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopline.charter.prices import load
from loopline.charter.questions import Standing, standings
from loopline.charter.spec import CharterSpec
from loopline.charter.template import Template, template


def asked_of(charter: CharterSpec, folder: Path, text: str) -> tuple[Template, tuple[Standing, ...]]:
    """The template that a charter names, and how each of its questions stands.

    Parameters
    ----------
    folder
        Where its price book lies.
    text
        The declaration.

    Raises
    ------
    Mistake
        When the price book is not understood.
    """
    kind = template(charter.template or "")
    prices = folder / (charter.prices or "")
    book = ""
    if charter.prices is not None and prices.is_file():
        load(charter.prices, folder)
        book = prices.read_text(encoding="utf-8")
    return kind, standings(kind, text, book)


def questions_as_json(standing: Sequence[Standing]) -> dict[str, Any]:
    """The questions as plain values, the open ones apart from the answered ones."""
    shown = [
        {
            "field": one.entry.field,
            "role": one.entry.question.role,
            "question": one.entry.question.asks,
            "why": one.entry.question.why,
            "wrong": one.entry.question.wrong,
            "value": one.said,
            "from": one.origin,
            "open": one.is_open,
        }
        for one in standing
        if one.entry.question is not None
    ]
    return {"questions": [one for one in shown if one["open"]], "answered": [one for one in shown if not one["open"]]}
