"""What has changed since a form was made, of what its reader decides on."""

from __future__ import annotations

from loopline.ledger.entry import Entry
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import About, Action, Form

MOST = 10
"""So many changes are told, the newest first."""


def changed(current: Current, action: Action, asked: Asked, form: Form, seq: str) -> tuple[str, ...]:
    """The newest entries about what an action decides on, a line each; while a loop runs, others come every second.

    Parameters
    ----------
    seq
        The number of the last entry when the form was made, as the form says it.
    """
    after = int(seq) if seq.isascii() and seq.isdecimal() and len(seq) < 16 else current.seq
    about = (About(),) if action.about is None else action.about(current, asked, form)
    found: dict[int, Entry] = {}
    for one in about:
        found |= {entry.seq: entry for entry in current.workspace.ledger.read(kinds=one.kinds, subject=one.subject, after=after, newest_first=True, limit=MOST)}
    return tuple(_line(found[place]) for place in sorted(found, reverse=True)[:MOST])


def _line(entry: Entry) -> str:
    return f"{entry.time:%Y-%m-%d %H:%M:%S}: {entry.kind} {entry.body.get('state', '')} by {entry.actor}".replace("  ", " ")
