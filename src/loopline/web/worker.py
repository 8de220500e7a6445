"""The process in which long work is done: it tells what happens by a pipe, waits where another one holds the lease, and ends in words."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from loopline.access.keys import PAGES_VARIABLE
from loopline.engine.kept import ready
from loopline.engine.local import resolve
from loopline.errors import CheckFailed, Fault, Mistake
from loopline.lake.unexpected import defect, in_words
from loopline.ledger.store import Ledger
from loopline.project import load

_said = logging.getLogger("loopline")
LOOK_S = 0.2
"""How often it is looked whether the lease is free again, and how often progress is told at most."""


class Told:
    """Progress that is told by a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._since_s = time.monotonic()
        self._told_s = 0.0

    def say(self, text: str) -> None:
        """One line about what happens now; the clock of the seconds left starts again."""
        self._since_s = time.monotonic()
        self.tell("say", text)

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """So much of the total is done, with the seconds that are left at this pace."""
        moment = time.monotonic()
        if moment - self._told_s < LOOK_S:
            return
        self._told_s = moment
        left_s = (moment - self._since_s) / done * (total - done) if total and 0 < done < total else None
        self.tell("at", {"done": done, "total": total, "unit": unit, "note": note, "left_s": left_s})

    def tell(self, kind: str, said: Any) -> None:
        """Tell something; where the reader is gone, this process is about to end, too."""
        with contextlib.suppress(OSError):
            self._pipe.send((kind, said))


def carry_out(folder: Path, function: str, by: str, arguments: Mapping[str, Any], pipe: Connection) -> None:
    """Do the work and tell how it ended; a first signal stops it in order, a second one at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # The project's own code runs here, and has no business with the key by which the pages vouch.
    os.environ.pop(PAGES_VARIABLE, None)
    told = Told(pipe)
    try:
        ready(pipe, None)
        told.tell("done", {"says": _done(folder, function, by, arguments, told)})
    except KeyboardInterrupt:
        told.tell("stopped", {"says": "it was stopped; what was done is kept, and the same work goes on from there"})
    except Exception as error:  # a worker's door: whatever breaks is told to whoever looks
        said = in_words(error)
        if not isinstance(said, Fault | Mistake | CheckFailed):
            _said.exception("%s failed", function)
            said = said if said is error else defect(error)
        told.tell("failed", {"says": f"{said.where}: {said.what}" if said.where else said.what, "remedy": said.remedy})


def _interrupt(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_DFL)
    raise KeyboardInterrupt


def _done(folder: Path, function: str, by: str, arguments: Mapping[str, Any], told: Told) -> str:
    """What came of the work; where a turn holds the project's lease, its end is waited for."""
    work, project = resolve(function), load(folder)
    with Ledger.open(project.ledger_url, project.name) as ledger:
        while True:
            _wait(ledger, told)
            try:
                return str(work(folder, told, by, **arguments))
            except Mistake as error:
                # Another one took the lease between the look and the work.
                if not (error.retry and ledger.holder()):
                    raise


def _wait(ledger: Ledger, told: Told) -> None:
    """Wait until nobody holds the project's lease, and say who does."""
    waits = ""
    while holder := ledger.holder():
        if holder != waits:
            told.say(f"waiting for {holder}, which takes the loop round")
            waits = holder
        time.sleep(LOOK_S)
