"""Deployments in the ledger: what was written or started for which package, and by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from loopline.errors import Fault, Mistake
from loopline.lake.files import write_whole
from loopline.ledger.entry import Draft, Entry

KIND = "deployment"
DEPLOYED, STOPPED = "deployed", "stopped"


def draft(state: str, target: str, package: str, files: Mapping[str, str], facts: Mapping[str, Any], *, actor: str, parents: tuple[str, ...]) -> Draft:
    """The entry of a deployment, or of its end.

    Parameters
    ----------
    files
        From each file that was written to its digest.
    facts
        What the target says of what it started.
    """
    body = {"state": state, "target": target, "files": dict(files), "facts": dict(facts)}
    return Draft(kind=KIND, subject=package, body=body, parents=parents, actor=actor)


def as_json(entry: Entry) -> dict[str, Any]:
    """A deployment as plain values."""
    said = ("target", "state", "files", "facts")
    return {"package": entry.subject, **{name: entry.body[name] for name in said}, "time": entry.time.isoformat(), "by": entry.actor, "entry": entry.id}


def digests(files: Mapping[str, str | bytes]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {path: hashlib.sha256(_bytes(held)).hexdigest() for path, held in files.items()}


def write(files: Mapping[str, str | bytes], output: Path, earlier: Iterable[Entry]) -> None:
    """Write the files below a folder, each whole or not at all.

    Parameters
    ----------
    earlier
        Deployments of before: only what one of them wrote is written over.

    Raises
    ------
    Mistake
        When a file is there that no deployment wrote, or that was changed since; nothing is written then.
    Fault
        When the folder cannot be written to.
    """
    ours = {(path, digest) for entry in earlier for path, digest in entry.body["files"].items()} | set(digests(files).items())
    try:
        for path in files:
            if (output / path).exists() and (path, hashlib.sha256((output / path).read_bytes()).hexdigest()) not in ours:
                raise Mistake("this file was written or changed by hand", where=str(output / path), remedy="move it away, or name another folder with --output")
        for path, held in files.items():
            (output / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(output / path, _bytes(held))
    except OSError as error:
        raise Fault(f"the files cannot be written ({error.strerror})", where=str(output), remedy="name another folder with --output") from None


def _bytes(held: str | bytes) -> bytes:
    return held.encode() if isinstance(held, str) else held
