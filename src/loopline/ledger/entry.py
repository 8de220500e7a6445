"""An entry of the ledger: immutable, ordered, chained by its hash to the one before."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

GENESIS = "0" * 64
_ID_DIGITS = 12


_to_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_sha256 = hashlib.sha256
_encode = msgspec.json.Encoder(order="deterministic").encode


def _usual(number: str) -> float:
    """The float of a text that the standard library writes, too; below 1e-4 and from 1e16 on it writes others than msgspec."""
    if "e" in number or "0.0000" in number:
        raise ValueError(number)
    return float(number)


_decode_usual = msgspec.json.Decoder(float_hook=_usual).decode
_exponent = re.compile("e[-0-9]").search
parse: Callable[[str], Any] = msgspec.json.Decoder().decode
"""The value of a JSON text; `ValueError` where it is none."""


def canonical(value: object) -> str:
    """The one JSON text of a plain value: sorted keys, no spaces.

    Raises
    ------
    ValueError
        For NaN and infinities, which JSON does not have.
    TypeError
        For values that are not plain JSON.
    """
    return plain(value)[0]


def plain(value: object) -> tuple[str, Any]:
    """The canonical text of a value, and the value as reading that text gives it back.

    msgspec is several times quicker than the standard library, and writes all but very great and very small floats alike. What is
    not plain JSON (dates, sets, NaN) does not come back equal. For both the standard library has the word.
    """
    try:
        text = _encode(value).decode()
        doubtful = "0.0000" in text or _exponent(text) is not None
        back = _decode_usual(text) if doubtful else parse(text)
        if back == value:
            return text, back
    except (TypeError, ValueError, RecursionError, OverflowError):
        pass
    text = _to_json(value)
    return text, parse(text)


def listed(texts: Sequence[str]) -> str:
    """The canonical JSON text of a list of texts."""
    return _encode(texts).decode()


def digest(value: object) -> str:
    """The SHA-256 of a plain value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact that is not yet in the ledger.

    Parameters
    ----------
    kind
        What kind of fact: ``step``, ``batch``, ``trial``, ``package``, ``approval``, ...
    subject
        What it is about: a stage, a source, a package's digest.
    key
        Digest of what it was made from; several attempts may share it.
    body
        Plain JSON values; never a row of data.
    parents
        Ids of the entries that it follows from.
    actor
        Who did it; ``loopline`` where no person did.
    """

    kind: str
    subject: str = ""
    key: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    actor: str = "loopline"


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact in the ledger: what its draft said, and what the ledger made of it.

    Parameters
    ----------
    kind, subject, key, body, parents, actor
        As in its `Draft`.
    seq
        Its place in the ledger, from 1, without gaps.
    id
        Its place and the beginning of its hash, such as ``1842-3fa94c1d0b2e``: a parent's id says where the parent is, and vouches
        for its content.
    time
        When it was appended, in UTC.
    prev_hash, hash
        The hash of the entry before, and its own over all of the above.
    """

    # A Struct, because it is made twelve times as quickly as a frozen dataclass, and the state is a fold over all of them.
    kind: str
    subject: str = ""
    key: str = ""
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    parents: tuple[str, ...] = ()
    actor: str = "loopline"
    seq: int
    id: str
    project: str
    time: datetime
    prev_hash: str
    hash: str

    @property
    def brief(self) -> str:
        """What tells it from its neighbours, in a few words."""
        words = [str(self.body[name]) for name in ("state", "name", "verdict", "role", "says", "why") if self.body.get(name) not in (None, "")]
        words += [", ".join(self.body["changed"])] if self.kind == "charter" else []
        words += [f"{self.body['asked']} of {self.body['column']}: {self.body['answer']}"] if self.kind == "answer" else []
        return " ".join(" ".join(words).split())[:80]

    def as_json(self) -> dict[str, Any]:
        """The entry as plain values; `docs/json.md` has the shape."""
        named = ("seq", "id", "project", "kind", "subject", "key", "body", "actor")
        chained = {"prev_hash": self.prev_hash, "hash": self.hash}
        return {**{name: getattr(self, name) for name in named}, "time": self.time.isoformat(), "parents": list(self.parents), **chained}


def hash_fields(fields: Sequence[object]) -> str:
    """The hash of an entry: the SHA-256 of the JSON array of its stored fields, from `seq` to `prev_hash` in the order of the columns.

    Raises
    ------
    UnicodeEncodeError
        Where a text is not Unicode (half a surrogate pair).
    """
    return _sha256(_encode(fields)).hexdigest()


def id_of(seq: int, hash: str) -> str:
    """The id of the entry with this place and hash."""
    return f"{seq}-{hash[:_ID_DIGITS]}"


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def by_id(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The entries by their ids."""
    return {entry.id: entry for entry in entries}
