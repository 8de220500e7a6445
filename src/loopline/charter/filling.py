"""A template filled in: what stands in each field, from the data where they tell it, else as a guess that a person must replace; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from loopline.charter.template import Entry, Template, filled, holes
from loopline.declaration import parse_moment

Origin = Literal["guess", "counted", "found"]

COUNTED = frozenset({"volume", "happens", "spread"})
"""What is counted in the data; that the numbers of the past hold is for a person to say."""
FOUND = frozenset({"target", "positive"})
"""What is found in the data; what it means is for a person to say."""
_LATE = 10
"""The data must span so many times the delay of the outcome, else a gap of it between the parts leaves too little to learn from."""


@dataclass(frozen=True)
class Field:
    """One field as it is written.

    Parameters
    ----------
    value
        A plain value; None where nothing is said yet, for the reason that `why` gives.
    origin
        Where it comes from; None where there is no value.
    """

    entry: Entry
    value: Any
    origin: Origin | None
    why: str = ""


def fill(template: Template, known: Mapping[str, str] | None, *, span: timedelta | None = None) -> tuple[Field, ...]:
    """The template's fields.

    Parameters
    ----------
    known
        What was found in the data, by the names that `Entry.using` leaves open; None before there are data, when columns have their usual names.
    span
        From the first row to the last.
    """
    names: Mapping[str, str] = {str(purpose): columns[0] for purpose, columns in template.columns.items()} if known is None else known
    return tuple(_field(entry, names, span, has_data=known is not None) for entry in template.entries)


def _field(entry: Entry, known: Mapping[str, str], span: timedelta | None, *, has_data: bool) -> Field:
    if not has_data and entry.needs_data:
        return Field(entry, None, None, "said once there are data")
    missing = sorted({*entry.needs, *(entry.holes if entry.guess is None else ())} - set(known))
    if missing:
        return Field(entry, None, None, "" if not has_data else f"no column for {', '.join(missing)} was found")
    if entry.using is not None and entry.holes <= set(known) and (has_data or entry.guess is None):
        value = _identified(entry, filled(entry.using, known))
        late = _late(value, span) if entry.field == "charter.outcome_known" and has_data else ""
        return Field(entry, None, None, late) if late else Field(entry, value, _origin(entry) if has_data else "guess")
    return Field(entry, None, None) if entry.guess is None else Field(entry, _identified(entry, entry.guess), "guess")


def _origin(entry: Entry) -> Origin:
    if not entry.holes <= COUNTED | FOUND:
        return "guess"
    return "counted" if entry.holes & COUNTED else "found"


def _identified(entry: Entry, value: Any) -> Any:
    """A criterion with its id, which is the end of its path."""
    return {"id": entry.field.rpartition(".")[2], **value} if entry.field.startswith("charter.acceptance.") else value


def _late(said: str, span: timedelta | None) -> str:
    """Why a delay of the outcome cannot be held to by these data; empty where it can."""
    moment = parse_moment(said)
    if moment is None or span is None or span.total_seconds() >= _LATE * abs(moment.offset_s):
        return ""
    return f"as in {said}; these data span {span.days:,} days, too few to leave out that long between learning and testing"


def is_guess(template: Template, entry: Entry, value: Any) -> bool:
    """Whether a value is what the template guesses, whatever the columns are called."""
    guesses = [entry.guess, entry.using]
    if entry.is_read_off:
        guesses[1] = next((columns[0] for purpose, columns in template.columns.items() if purpose in entry.holes), None)
    return any(_alike(_identified(entry, guess), value) for guess in guesses if guess is not None)


def _alike(guess: Any, value: Any) -> bool:
    if isinstance(guess, Mapping):
        return isinstance(value, Mapping) and set(guess) == set(value) and all(_alike(part, value[name]) for name, part in guess.items())
    if isinstance(guess, str) and any(holes(guess)):
        pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(guess))
        return isinstance(value, str) and re.fullmatch(pattern, value) is not None
    return str(guess) == str(value)
