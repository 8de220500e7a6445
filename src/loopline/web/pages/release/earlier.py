"""What people said of the packages before the newest one: a word is for one package, and the next turn may make another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopline.declaration import counted
from loopline.ledger.entry import Entry
from loopline.ledger.store import Ledger
from loopline.release.approvals import judged, tally_of
from loopline.release.champion import promotion
from loopline.web.current import Current

_PACKAGES, _STEPS, _MENDS = 5, 60, 200
"""So many packages are looked back, among so many of the newest steps of the model stage, and over so many mends."""
_PARTS: Mapping[str, str] = {"inputs": "data", "reads": "the declaration", "code": "Loopline's own code"}


@dataclass(frozen=True)
class Earlier:
    """A word on a package before the one that is decided on now.

    Parameters
    ----------
    changed
        What has changed between the two packages, in words; empty where that is not known.
    """

    word: Entry
    changed: str

    @property
    def says(self) -> str:
        """It in words.

        A no is told as well: it does not stand against the new package.
        """
        since = f": {self.changed}" if self.changed else ""
        return f"{self.word.actor} said {self.word.body['verdict']} to {self.word.subject[:8]} before{since}"


def earlier(current: Current) -> tuple[Earlier, ...]:
    """The words that stand on packages before the newest one that were never promoted, back to one that was; newest first."""
    said, state = current.project.declaration, current.state
    there = judged(state)
    if not there or promotion(state.champions, _package(there[-1])) is not None:
        return ()
    found: list[Earlier] = []
    for old in reversed(there[-1 - _PACKAGES : -1]):
        if promotion(state.champions, _package(old)) is not None:
            break
        words = [word for role in tally_of(said.release, said.charter, state, _package(old)).roles for word in (*role.approvals, role.refusal) if word]
        if words:
            changed = " and ".join(_changed(current.workspace.ledger, old, there[-1]))
            found += [Earlier(word, changed) for word in sorted(words, key=lambda word: -word.seq)]
    return tuple(found)


def _package(gates: Entry) -> str:
    return str(gates.body["facts"]["package"])


def _changed(ledger: Ledger, old: Entry, new: Entry) -> Iterator[str]:
    """What the newer package was made from that the older one was not, a few words each."""
    made: dict[str, Any] = {}
    for step in ledger.read(kinds=("step",), subject="model", before=new.seq, newest_first=True, limit=_STEPS):
        made.setdefault(str((step.body.get("facts") or {}).get("package")), step.body.get("made_from"))
    before, after = made.get(_package(old)), made.get(_package(new))
    parts = [part for part in _PARTS if before and after and before[part] != after[part]]
    rows = sum(int(mend.body["rows"]) for mend in ledger.read(kinds=("mend",), after=old.seq, before=new.seq, newest_first=True, limit=_MENDS))
    if rows and "inputs" not in parts and not (before and after):
        parts = ["inputs", *parts]
    for part in parts:
        mended = f" ({counted(rows, 'row')} mended)" if part == "inputs" and rows else ""
        yield f"{_PARTS[part]} changed since{mended}"
