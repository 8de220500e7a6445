"""Which batches a table holds: a fold over the ledger's entries about it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loopline.data.rewind import EDIT, course
from loopline.data.spec import ContractSpec, SourceSpec
from loopline.ledger.entry import Entry, digest

KINDS = ("contract", "begun", "undone", "batch", "held", "admit", EDIT)
"""The kinds of entries that say what a table holds."""


@dataclass(frozen=True)
class Holding:
    """What a table holds.

    Parameters
    ----------
    terms
        The digest of the contract that its rows were checked against; empty before the first one.
    since
        The sequence of the entry that brought that contract.
    held
        From a batch's digest to its entry, in the order of delivery.
    owed
        The batches that were checked against an earlier contract, and not yet against this one.
    left
        From the digest of a batch that was taken out to the sequence of the entry that did so.
    last
        From a file of the source to the batch that it delivered last.
    begun
        The entry of a batch whose rows may be in the table in part: its process ended before the batch's own entry.
    stopped
        The batches that a rule holds back under the present contract, each with the entry that says why.
    admitted
        The batches that somebody lets in whatever the rules over batches say.
    aside
        The batches that a restore put out of the table: their files bring nothing new until their content changes or a person takes them in.
    """

    terms: str = ""
    since: int = 0
    held: Mapping[str, Entry] = field(default_factory=dict)
    owed: Mapping[str, Entry] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, str] = field(default_factory=dict)
    begun: Entry | None = None
    stopped: Mapping[str, Entry] = field(default_factory=dict)
    admitted: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()

    def knows(self, file: str, batch: str, *, replaces: bool) -> bool:
        """Whether a file of the source brings nothing new; one that replaces the table does so once.

        What a restore put aside is nothing new, unless a changed contract wants the file's former content, which is gone.
        """
        if batch in self.aside:
            return not any(entry.body["how"] == "source" and entry.body["raw"] is None and entry.body["file"] == file for entry in self.owed.values())
        return batch in self.held or (replaces and self.last.get(file) == batch and batch not in self.owed)

    def version(self, batch: str) -> int:
        """The version under which the table takes the batch in: it grows whenever the batch has to enter again."""
        return max(self.since, self.left.get(batch, 0))

    def superseded_by(self, file: str, batch: str) -> str | None:
        """The batch that the same file of the source delivered before, when its content was another."""
        for known, entry in {**self.owed, **self.held}.items():
            if known != batch and entry.body["how"] == "source" and entry.body["file"] == file:
                return known
        return None


def holding(entries: Iterable[Entry]) -> Holding:
    """What a table holds after the entries of `KINDS` about it, in the ledger's order."""
    terms, since = "", 0
    held: dict[str, Entry] = {}
    owed: dict[str, Entry] = {}
    left: dict[str, int] = {}
    last: dict[str, str] = {}
    begun: Entry | None = None
    stopped: dict[str, Entry] = {}
    admitted: set[str] = set()
    found = course(entries)
    for entry in found.entries:
        if entry.kind in ("held", "admit"):
            stopped.pop(entry.key, None)
            if entry.kind == "held":
                stopped[entry.key] = entry
            else:
                admitted.add(entry.key)
            continue
        if entry.kind == EDIT:
            continue
        begun = entry if entry.kind == "begun" else None
        if entry.kind == "begun":
            continue
        if entry.kind == "contract":
            terms, since = entry.key, entry.seq
            owed, held = {**held, **owed}, {}
            stopped = {}
            continue
        gone = [name for name in (*held, *owed) if entry.body["mode"] == "replace" and name != entry.key]
        if entry.kind == "undone":
            gone, left[entry.key] = [], entry.seq
        for name in (*gone, entry.body["supersedes"]):
            if name in held or name in owed:
                held.pop(name, None)
                owed.pop(name, None)
                left[name] = entry.seq
        if entry.kind == "undone":
            continue
        owed.pop(entry.key, None)
        stopped.pop(entry.key, None)
        held[entry.key] = entry
        if entry.body["how"] == "source":
            last[entry.body["file"]] = entry.key
    left |= {batch: max(seq, left.get(batch, 0)) for batch, seq in found.aside.items()}
    return Holding(terms, since, held, owed, left, last, begun, stopped, frozenset(admitted), frozenset(found.aside))


def terms_digest(source: SourceSpec, contract: ContractSpec) -> str:
    """The digest of all that decides which rows of a file are accepted, and how they are typed."""
    columns = {name: spec.model_dump(mode="json", exclude={"use", "why"}) for name, spec in contract.columns.items()}
    rows = {"columns": columns, **contract.model_dump(mode="json", include={"unique", "rules", "references"})}
    where = {"path", "watch", "url", "table", "query", "options", "ordered", "schedule", "contract"}
    return digest({"source": source.model_dump(mode="json", exclude=where), "contract": rows})


def merged_counts(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How often each thing was counted in all parts, most often first."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
