"""What a customer is asked to sign, on their own page: what was asked for as it stands, in plain words, and what changed since they signed last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any

from loopline.access.people import same
from loopline.charter.meaning import meaning
from loopline.charter.prices import of_charter
from loopline.charter.spec import CharterSpec
from loopline.charter.statement import NOT_SIGNED, changed, leaves, of_statement, statement
from loopline.ledger.entry import Entry
from loopline.release.chartered import MOVE, signed_subject
from loopline.release.words import YES
from loopline.web.asked import CUSTOMER, Asked
from loopline.web.current import Current
from loopline.web.hand import unsigned
from loopline.web.pages.charter.page import signing
from loopline.web.pages.charter.signing import of_signature

_TEXTS = {"problem": "The problem", "decision": "What is decided", "predict": "What is foretold"}
_CRITERIA = "acceptance."


@dataclass(frozen=True, kw_only=True)
class Signing:
    """What a customer is asked to sign.

    Parameters
    ----------
    version
        How many charters that ask for something else there were, this one counted.
    since
        Since when it is in force; None before a run has put it in force.
    last
        Their newest word on any version as a customer: when, whether it was a yes, and whether it was on this one; None where they said none.
    changes
        What is different from the version that they signed last, in words.
    unsigned
        Why they cannot sign here, and what to do; empty where they can.
    seen
        What a signature is of.
    """

    version: int
    since: datetime | None
    last: tuple[datetime, bool, bool] | None
    changes: tuple[str, ...]
    unsigned: str
    seen: str

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        last = None if self.last is None else {"at": self.last[0].isoformat(), "yes": self.last[1], "this_version": self.last[2]}
        return {"version": self.version, "since": None if self.since is None else self.since.isoformat(), "last": last, "changes": list(self.changes)}


def signing_of(current: Current, asked: Asked) -> Signing | None:
    """What the reader is asked to sign as a customer; None where the charter does not ask them, and for who comes by a link, of whom nobody knows who it is."""
    spec, state = current.project.declaration.charter, current.state
    if asked.reader.link or CUSTOMER not in signing(spec, asked):
        return None
    book = of_charter(spec, current.project.folder)
    subject, spells = signed_subject(spec, book), [list(spell) for _, spell in groupby(state.charters, key=lambda entry: entry.subject)]
    is_in_force = bool(spells) and spells[-1][0].subject == subject
    words = sorted(_words(state.approvals.values(), asked.reader.name), key=lambda entry: entry.seq)
    agreed = [entry for entry in words if entry.body["verdict"] == YES]
    return Signing(
        version=len(spells) + (not is_in_force),
        since=spells[-1][0].time if is_in_force else None,
        last=(words[-1].time, words[-1].body["verdict"] == YES, words[-1].subject == subject) if words else None,
        changes=tuple(_changes(agreed[-1].body["charter"], statement(spec, book), spec)) if agreed else (),
        unsigned=_unsigned(current, asked),
        seen=of_signature(current),
    )


def _unsigned(current: Current, asked: Asked) -> str:
    """Why they cannot sign, as a customer reads it: what is to be declared is for whoever runs the pages, who read it on the charter's."""
    why = unsigned(current, asked)
    return "these pages may not sign for you yet; ask who sent you here to let them" if why and not asked.reader.is_local else why


def _words(said: Any, name: str) -> Iterator[Entry]:
    """What a person said of any charter as a customer."""
    for entry in chain.from_iterable(said):
        if entry.body.get("move") == MOVE and entry.body["role"] == CUSTOMER and same(entry.actor) == same(name):
            yield entry


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], spec: CharterSpec) -> Iterator[str]:
    """What differs between two statements, as a customer reads it: of money and of insides only that they differ."""
    was, now, others = leaves(before), leaves(after), False
    old = of_statement({name: said for name, said in before.items() if name in CharterSpec.model_fields}, where="the charter that you signed")
    for field in changed(before, after):
        if field.startswith(_CRITERIA):
            yield _criterion(was.get(field), now.get(field), old, spec)
        elif field in _TEXTS:
            yield f"{_TEXTS[field]} was: {was.get(field) or 'not said'}. It is now: {now.get(field) or 'not said'}."
        elif field.partition(".")[0] not in NOT_SIGNED:
            others = True
    if others:
        yield "Terms that are no business of this page have changed, too, such as prices, volumes or dates: whoever sent you here tells you which."


def _criterion(was: Any, now: Any, old: CharterSpec, new: CharterSpec) -> str:
    if was is None:
        return f"New: {_in_words(now, new)}"
    return f"No longer asked for: {_in_words(was, old)}" if now is None else f"Was: {_in_words(was, old)} Is now: {_in_words(now, new)}"


def _in_words(said: Mapping[str, Any], charter: CharterSpec) -> str:
    check = said.get("check")
    means = meaning(check, charter) if check else "nothing measures it"
    return f"{said.get('says') or 'a criterion'} ({means})."
