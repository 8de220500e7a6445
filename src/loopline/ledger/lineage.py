"""Lineage: what an entry follows from, what follows from it, and the charter under which it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from loopline.ledger.entry import Entry
from loopline.ledger.state import State, fold
from loopline.ledger.store import Ledger

_CHARTER = "charter"


def charters(ledger: Ledger) -> State:
    """The state as far as charters go."""
    return fold(ledger.read(kinds=(_CHARTER,)))


def charter_of(charters: State, entry: Entry) -> str | None:
    """The id of the charter under which an entry was made; None where none had been entered, or in another project's ledger."""
    held = charters.charter_at(entry.seq)
    return None if held is None or held.project != entry.project else held.id


def parents(ledger: Ledger, entry: Entry) -> list[Entry]:
    """What an entry follows from, newest first; in a shared ledger that may be another project's."""
    return ledger.read(ids=entry.parents, newest_first=True, all_projects=True) if entry.parents else []


def ancestry(ledger: Ledger, entry: Entry) -> Iterator[tuple[int, Entry]]:
    """An entry and its ancestors, each once, with how far away they are."""
    seen: set[str] = set()
    waiting = [(0, entry)]
    while waiting:
        depth, entry = waiting.pop()
        if entry.id in seen:
            continue
        seen.add(entry.id)
        yield depth, entry
        waiting += [(depth + 1, parent) for parent in parents(ledger, entry)]


def nearest(entry: Entry, beyond: Callable[[Entry], Sequence[Entry]], *, depth: int, most: int) -> list[tuple[int, Entry, str]]:
    """The entries nearest to one, each once: how far away it is, the entry, and the id of the one by which it was found; the entry itself is not among them.

    Parameters
    ----------
    beyond
        The parents of an entry, or its children.
    depth, most
        So far away at most, and so many in all.
    """
    found: list[tuple[int, Entry, str]] = []
    seen, layer = {entry.id}, [entry]
    for away in range(1, depth + 1):
        further: list[Entry] = []
        for near in layer:
            for one in beyond(near):
                if one.id in seen:
                    continue
                if len(found) == most:
                    return found
                seen.add(one.id)
                further.append(one)
                found.append((away, one, near.id))
        layer = further
    return found
