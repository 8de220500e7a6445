"""What people have said, or done to the data, since the last turn: a turn is due, so that nobody has to wait for the clock."""

from __future__ import annotations

import logging

from loopline.errors import LooplineError
from loopline.ledger.entry import Entry
from loopline.ledger.store import Ledger
from loopline.project import Project

WORDS = ("approval", "override", "waiver", "admit")
"""The words that the loop may have waited for: of a release or the charter, in spite of a no-go, of a gate, and of a batch that was held back."""
CHANGES = ("replay", "edit", "relabel")
"""What people do to a table: refused rows that were mended enter it, rows are changed, or categories renamed."""
_log = logging.getLogger(__name__)


class Words:
    """The words of people, as far as they have been taken in."""

    def __init__(self) -> None:
        self._newest: Entry | None = None
        self._taken = 0

    def come(self, project: Project) -> list[str]:
        """The newest word that no turn has taken in, in words; none where there is none, or the ledger cannot be read now."""
        try:
            self._newest = _newest(project)
        except LooplineError as error:
            _log.debug("the ledger cannot be read: %s", error)
            return []
        said = self._newest
        if said is None or said.seq <= self._taken:
            return []
        return [f"{said.actor} has {'spoken' if said.kind in WORDS else f'changed {said.subject}'}: {said.kind}"]

    def take(self) -> None:
        """What has been seen is taken in by the turn that begins."""
        self._taken = self._taken if self._newest is None else self._newest.seq


def _newest(project: Project) -> Entry | None:
    ledger = Ledger.find(project.ledger_url, project.name)
    if ledger is None:
        return None
    with ledger:
        return next(iter(ledger.read(kinds=(*WORDS, *CHANGES), newest_first=True, limit=1)), None)
