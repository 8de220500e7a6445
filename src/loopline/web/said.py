"""What a form or an address says, read as what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from loopline.errors import Mistake

PER_PAGE = 50
"""So much of a list is on one page."""


def day_of(text: str, where: str) -> date | None:
    """The day that a field names; None where it is empty.

    Raises
    ------
    Mistake
        When it is no day.
    """
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Mistake(f"{text[:40]!r} is not a day", where=where, remedy="write it as 2026-01-31") from None


def one_of(numbers: Sequence[int], text: str, otherwise: int) -> int:
    """The number that a text says where it is one of these; else another one."""
    return next((number for number in numbers if str(number) == text), otherwise)


def page_of(query: Mapping[str, str]) -> int:
    """The page of a list that is asked for, from 1; the first where nothing that makes sense is."""
    said = query.get("page", "1")
    return max(1, int(said)) if said.isascii() and said.isdecimal() and len(said) < 8 else 1
