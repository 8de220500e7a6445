"""What a fold has taken in, kept in a file, so that a fresh process need not read the whole ledger. Disposable: one that does not fit is made anew."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

import msgspec

from loopline.ledger import entry, spend, state
from loopline.ledger.chain import Head
from loopline.ledger.state import Parts

_MADE_BY = (entry, spend, state)
"""The modules whose code says what a fold is: a change of any makes another one."""


class Snapshot(msgspec.Struct, frozen=True):
    """A fold's parts, and the place and hash of the newest entry that it has seen: the hash stands for every entry up to there."""

    project: str
    head: Head
    parts: Parts


class _Label(msgspec.Struct, frozen=True):
    fold: str
    digest: str


def load(file: Path) -> Snapshot | None:
    """The snapshot in a file; None where there is none, it is torn, or another fold wrote it."""
    try:
        with file.open("rb") as opened:
            said = msgspec.json.decode(opened.readline(), type=_Label)
            # After ten years it has sixty megabytes: no second copy is made to part it from its label.
            content = opened.read()
        if said.fold != _fold() or said.digest != hashlib.sha256(content).hexdigest():
            return None
        return msgspec.msgpack.decode(content, type=Snapshot)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def save(snapshot: Snapshot, file: Path) -> None:
    """Put a snapshot in the place of the one before; where that cannot be, it is done without."""
    try:
        content = msgspec.msgpack.encode(snapshot)
        label = msgspec.json.encode(_Label(_fold(), hashlib.sha256(content).hexdigest()))
        # Several processes may write one: each a file of its own, and the last one stands.
        handle, partial = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    except (OSError, OverflowError, TypeError, ValueError):
        return
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(label + b"\n")
            opened.write(content)
        os.replace(partial, file)
    except OSError:
        Path(partial).unlink(missing_ok=True)


@cache
def _fold() -> str:
    return hashlib.sha256(b"".join(Path(str(module.__file__)).read_bytes() for module in _MADE_BY)).hexdigest()
