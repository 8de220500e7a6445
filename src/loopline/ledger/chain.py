"""The chain of hashes: drafts are sealed into rows, rows are opened into entries, and a chain is inspected. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from loopline.ledger.entry import GENESIS, Draft, Entry, hash_fields, id_of, listed, parse, plain


class Row(NamedTuple):
    """An entry as it is stored: texts only, but for its place."""

    seq: int
    project: str
    kind: str
    subject: str
    key: str
    body: str
    actor: str
    time: str
    parents: str
    prev_hash: str
    hash: str


Stored = tuple[int, str, str, str, str, str, str, str, str, str, str]
"""A row without names: making a thousand named ones takes as long as writing them."""


class Head(NamedTuple):
    """The place and hash of the newest entry."""

    seq: int = 0
    hash: str = GENESIS


Written = tuple[str, str, str, str, str, str, Mapping[str, Any], tuple[str, ...]]
"""A draft as the texts that will be stored (kind, subject, key, body, actor, parents), and body and parents as they will be read back."""


@dataclass(frozen=True)
class Verdict:
    """What an inspection of the ledger found.

    Parameters
    ----------
    entries
        How many entries were read.
    intact
        Whether every entry is as it was written, and none is missing.
    first_bad
        The place of the first entry that was tampered with.
    first_bad_id
        Its id, as its place and hash stand there now; None where it is missing.
    why
        What is wrong with it; empty where the ledger is intact.
    head
        The hash of the newest entry: kept elsewhere, it shows later that nothing before it was changed or cut off.
    """

    entries: int
    intact: bool
    first_bad: int | None = None
    why: str = ""
    first_bad_id: str | None = None
    head: str = GENESIS


def write(draft: Draft) -> Written:
    """The draft as the texts that will be stored.

    Raises
    ------
    ValueError, TypeError
        Where the body is not plain JSON, or a name has a NUL, which Postgres cannot store.
    """
    body, back = plain(draft.body)
    kind, subject, key, actor, parents = draft.kind, draft.subject, draft.key, draft.actor, draft.parents
    if "\0" in kind + subject + key + actor:
        raise ValueError("a NUL character cannot be stored")
    return kind, subject, key, body, actor, listed(parents) if parents else "[]", back, tuple(parents)


def seal(drafts: Iterable[Written], *, head: Head, project: str, time: datetime) -> tuple[list[Stored], list[Entry]]:
    """The rows that continue the chain after `head`, and the entries that they hold.

    Raises
    ------
    UnicodeEncodeError
        Where a text is not Unicode (half a surrogate pair).
    """
    moment = time.astimezone(UTC)
    stamp = moment.isoformat(timespec="microseconds")
    rows: list[Stored] = []
    entries: list[Entry] = []
    seq, previous = head
    for kind, subject, key, body, actor, parents, plain_body, plain_parents in drafts:
        seq += 1
        fields = (seq, project, kind, subject, key, body, actor, stamp, parents, previous)
        digest = hash_fields(fields)
        rows.append((*fields, digest))
        entries.append(
            Entry(
                kind=kind,
                subject=subject,
                key=key,
                body=plain_body,
                parents=plain_parents,
                actor=actor,
                seq=seq,
                id=id_of(seq, digest),
                project=project,
                time=moment,
                prev_hash=previous,
                hash=digest,
            )
        )
        previous = digest
    return rows, entries


def read(row: Row) -> Entry:
    """The entry that a row holds.

    Raises
    ------
    ValueError, TypeError
        Where the row's texts are not what a ledger writes.
    """
    return Entry(
        kind=row.kind,
        subject=row.subject,
        key=row.key,
        body=parse(row.body),
        parents=tuple(parse(row.parents)),
        actor=row.actor,
        seq=row.seq,
        id=id_of(row.seq, row.hash),
        project=row.project,
        time=datetime.fromisoformat(row.time),
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


def inspect(rows: Iterable[Row], head: Head) -> Verdict:
    """Whether the rows, in their order, are an unbroken chain that ends at `head`.

    Memory does not grow with the rows. The last entries can be cut off without a trace only together with `head`; keep
    `Verdict.head` elsewhere to see that, too.
    """
    last: Row | None = None
    count = 0
    for row in rows:
        count += 1
        if (verdict := _fault(row, last, count)) is not None:
            return verdict
        last = row
    end = Head(last.seq, last.hash) if last else Head()
    if end == head:
        return Verdict(count, True, head=end.hash)
    if end.seq < head.seq:
        return Verdict(count, False, end.seq + 1, f"it and all after it are missing: the newest entry was number {head.seq}", head=end.hash)
    return Verdict(count, False, end.seq, f"the ledger's head (number {head.seq}) does not name it", last and id_of(last.seq, last.hash), head=end.hash)


def _fault(row: Row, last: Row | None, count: int) -> Verdict | None:
    """What is wrong with a row that follows `last`, or with `last` as the row tells."""
    place = last.seq + 1 if last else 1
    previous = last.hash if last else GENESIS
    texts_only = all(type(text) is str for text in row[1:])
    seal_holds = texts_only and row.hash == hash_fields(row[:-1])
    if row.seq != place:
        return Verdict(count, False, place, f"it is missing: number {row.seq} comes next", head=previous)
    if not seal_holds:
        why = "its content does not give its hash: it was changed after it was written"
        if row.prev_hash != previous:
            why = "it is not the entry that was written here: it was moved, exchanged or changed"
        return Verdict(count, False, place, why, id_of(place, str(row.hash)), head=previous)
    if row.prev_hash == previous:
        return None
    if last is None:
        return Verdict(count, False, place, "it was not the first entry of its ledger", id_of(place, row.hash), head=previous)
    return Verdict(
        count,
        False,
        last.seq,
        f"it was replaced together with its hash: entry {place} was written after another one",
        id_of(last.seq, last.hash),
        head=previous,
    )
