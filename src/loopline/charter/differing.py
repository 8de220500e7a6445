"""What one charter says and another does not, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from loopline.charter.ranges import Ranged, in_words
from loopline.charter.spec import CharterSpec, Criterion
from loopline.declaration import Rate, Spec, say_duration


def differing(one: CharterSpec, other: CharterSpec) -> list[dict[str, str | None]]:
    """The fields that differ, by name, with what each charter says; None where a charter leaves the field to its default.

    Examples
    --------
    >>> differing(CharterSpec(predict="late"), CharterSpec(predict="late", volume="700..1100 per day"))
    [{'field': 'volume', 'one': None, 'other': '700..1100 per day'}]
    """
    first, second = dict(_said(one)), dict(_said(other))
    names = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    return [{"field": name, "one": first.get(name), "other": second.get(name)} for name in names]


def _said(spec: Spec, above: str = "") -> Iterator[tuple[str, str]]:
    """Each field that is said, by its dotted name; a criterion goes by its id."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if value == type(spec).model_fields[name].default and not isinstance(value, Ranged):
            continue
        if isinstance(value, Spec) and type(value).__str__ is Spec.__str__:
            yield from _said(value, f"{above}{name}.")
        elif isinstance(value, dict):
            yield from ((f"{above}{name}.{part}", _words(said)) for part, said in value.items() if said)
        elif name == "acceptance":
            yield from ((f"{above}{name}.{one.id}", _words(one)) for one in value)
        else:
            yield f"{above}{name}", _words(value)


def _words(value: Any) -> str:
    match value:
        case Criterion():
            return f"{value.check} ({value.says})" if value.says else value.check
        case Rate(amount=Ranged()):
            return f"{in_words(value.amount)} per {value.period}"
        case float():
            return in_words(value)
        case timedelta():
            return say_duration(value)
        case tuple() | list():
            return ", ".join(map(_words, value))
    return str(value)
