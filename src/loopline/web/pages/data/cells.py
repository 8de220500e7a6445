"""Values from data as pages show them: whatever they hold is told as text, control characters are visible, and nothing is endless."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LISTED, WHOLE = 160, 20_000
"""So many characters of a cell stand in a list, and where it is shown by itself."""


@dataclass(frozen=True)
class Cell:
    """A value as a page shows it.

    Parameters
    ----------
    text
        What is shown.
    left
        How many characters of it are not.
    is_missing
        Whether there is no value.
    is_number
        Whether it stands at the right.
    """

    text: str
    left: int = 0
    is_missing: bool = False
    is_number: bool = False


def cell(value: Any, most: int = LISTED) -> Cell:
    """A value as a page shows it.

    >>> cell("a\\tb"), cell(None).is_missing, cell("x" * 9, 4)
    (Cell(text='a\\\\tb', left=0, is_missing=False, is_number=False), True, Cell(text='xxxx', left=5, is_missing=False, is_number=False))
    """
    if value is None:
        return Cell("", is_missing=True)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    said = _said(value)
    return Cell(visible(said[:most]), max(0, len(said) - most), is_number=is_number)


def cells(values: Iterable[Any], most: int = LISTED) -> tuple[Cell, ...]:
    """Values as a page shows them."""
    return tuple(cell(value, most) for value in values)


def plain(value: Any, most: int = LISTED) -> Any:
    """A value as JSON gives it: what is no number there is null, and a long text ends in a mark."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    said = _said(value)
    return said if len(said) <= most else f"{said[:most]}…"


def visible(text: str) -> str:
    """A text in which every letter can be seen: control characters, and those that turn the direction of others, are told by their numbers.

    >>> visible("a\\x00b\\u202ec\\n")
    'a\\\\x00b\\\\u202ec\\\\n'
    """
    return text if text.isprintable() else "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
