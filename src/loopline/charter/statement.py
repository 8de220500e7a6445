"""The charter as the ledger keeps it: plain values that come back exactly, what differs between two, and its entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from loopline.charter.prices import Prices
from loopline.charter.ranges import Ranged, parse_range
from loopline.charter.spec import CharterSpec
from loopline.declaration import Moment, Rate, Spec, say_duration
from loopline.errors import Fault
from loopline.ledger.entry import Draft, Entry, digest
from loopline.ledger.store import Ledger

KIND = "charter"
NOT_SIGNED = ("stakeholders", "approvals", "template")
"""What may change without a new signature: who is asked, at which address, and from which template the questions came is no part of what they say yes to. The
people who hold a role are looked up in the charter that holds when a word is counted, so that a name that is struck out counts no more. All else is read by the
study, the gates or the review."""
BOOK = "prices"
"""Where an entry has the values of the price book, and a statement has them in place of the file's name: another name for the same prices changes nothing."""


def stated(spec: Spec) -> dict[str, Any]:
    """What a part of the charter says beyond its defaults, as plain values: ranges as texts, and no digit is lost.

    A default is left out, so that a field which a later Loopline adds makes no other charter of it.
    """
    plain = spec.model_dump(mode="json", exclude_defaults=True)
    return {name: _exact(getattr(spec, name), said) for name, said in plain.items()}


def statement(spec: CharterSpec, book: Prices | None) -> dict[str, Any]:
    """What a charter says beyond its defaults, with the values of its price book."""
    said = stated(spec)
    return said if book is None else {**said, BOOK: stated(book)}


def entered(entry: Entry) -> dict[str, Any]:
    """The statement that an entry of the charter makes; one that is older than the keeping of prices has but the name of their file."""
    said: dict[str, Any] = entry.body["charter"]
    book = entry.body.get(BOOK)
    return said if book is None else {**said, BOOK: book}


def of_statement(said: Mapping[str, Any], *, where: str) -> CharterSpec:
    """The charter that was stated; the inverse of `stated`.

    Raises
    ------
    Fault
        When this Loopline does not understand it.
    """
    try:
        return CharterSpec.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"the charter has {'.'.join(map(str, first['loc']))}, which is not understood here"
        raise Fault(what, where=where, remedy="use the Loopline that entered it, or a newer one") from None


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields that differ between two statements, such as ``worth.act_wrong`` or ``acceptance.A1``, in the order of their names."""
    old, new = leaves(before), leaves(after)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def leaves(said: Mapping[str, Any]) -> dict[str, Any]:
    """From each field of a statement, by its dotted name, to what it says; a criterion goes by its id."""
    return dict(_leaves(said))


def signed_digest(said: Mapping[str, Any]) -> str:
    """Names what a signature is of: all that a statement says but for `NOT_SIGNED`."""
    return digest({name: value for name, value in said.items() if name not in NOT_SIGNED})


def enter(ledger: Ledger, spec: CharterSpec, book: Prices | None = None) -> Entry:
    """The ledger's newest entry of the charter and its prices, which is made where they say something else: the charter that a run is under."""
    newest, said = next(iter(ledger.read(kinds=(KIND,), newest_first=True, limit=1)), None), statement(spec, book)
    key = digest(said)
    if newest is not None and newest.key == key:
        return newest
    prices = {} if book is None else {BOOK: said[BOOK]}
    body = {"charter": stated(spec), **prices, "changed": [] if newest is None else changed(entered(newest), said)}
    parents = () if newest is None else (newest.id,)
    return ledger.append(Draft(kind=KIND, subject=signed_digest(said), key=key, body=body, parents=parents))[0]


def _exact(value: Any, said: Any) -> Any:
    """A value as its plain form says it, where that keeps every digit; else in other words for the same."""
    match value:
        case Ranged() if isinstance(said, str):
            return f"{_range(value)} {parse_range(said)[1]}".strip()
        case Ranged():
            return _range(value) if value.low < value.high else float(value)
        case Rate():
            return f"{_range(value.amount)} per {value.period}"
        case timedelta():
            return _span(value)
        case Moment():
            return f"{_span(timedelta(seconds=abs(value.offset_s)))} {'before' if value.offset_s < 0 else 'after'} {value.column}"
        case Spec():
            return {name: _exact(getattr(value, name), part) for name, part in said.items()}
        case Mapping():
            return {name: _exact(value[name], part) for name, part in said.items()}
    return said


def _range(value: float) -> str:
    if not isinstance(value, Ranged) or value.low == value.high:
        return _digits(value)
    ends = (value.low, value.high) if float(value) == Ranged.between(value.low, value.high) else value.ends
    return "..".join(map(_digits, ends))


def _span(span: timedelta) -> str:
    short, seconds = say_duration(span), _digits(span.total_seconds())
    return short if short.removesuffix("s") == seconds or not short.endswith("s") else f"{seconds}s"


def _digits(number: float) -> str:
    """All digits of a number, without an exponent."""
    text = f"{Decimal(repr(float(number))):f}"
    return text.removesuffix(".0")


def _leaves(said: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        elif name == "acceptance":
            yield from ((f"{above}{name}.{one['id']}", one) for one in value)
        else:
            yield f"{above}{name}", value
