"""Letting in a batch that rules over the whole of it hold back: a person's decision, with a reason."""

from __future__ import annotations

from loopline.data.batches import KINDS, holding
from loopline.data.spec import DataSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.workspace import Workspace


def admit(workspace: Workspace, data: DataSpec, batch: str, *, by: str, why: str) -> Entry:
    """The entry that lets a batch in; call it under the project's lease.

    Parameters
    ----------
    batch
        The batch's digest, or its beginning.

    Raises
    ------
    Mistake
        When no batch, or more than one, is held back under this digest, or no reason is given.
    """
    if not why.strip():
        raise Mistake("nobody says why", where="--why", remedy="give a reason: it is what others will read")
    held = [entry for table in data.sources for entry in holding(workspace.ledger.read(kinds=KINDS, subject=table)).stopped.values()]
    found = [entry for entry in held if entry.key.startswith(batch)]
    if len(found) != 1:
        what = f"no batch {batch!r} is held back" if not found else f"{len(found)} batches that are held back begin with {batch!r}"
        there = ", ".join(f"{entry.key[:8]} ({entry.body['file']})" for entry in held)
        raise Mistake(what, remedy=f"those that are: {there}" if there else "loopline data show")
    entry = found[0]
    body = {"table": entry.subject, "file": entry.body["file"], "why": why, "broken": entry.body["broken"]}
    draft = Draft(kind="admit", subject=entry.subject, key=entry.key, body=body, actor=by, parents=(entry.id,))
    return workspace.ledger.append(draft)[0]
