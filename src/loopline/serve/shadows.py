"""Shadows: what the challenger says of rows that the champion answered, found out and logged after the answer has left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from queue import SimpleQueue
from threading import Lock, Thread

import msgspec

from loopline.serve.log import Log
from loopline.serve.scorer import Prediction, Scorer
from loopline.serve.trial import Challenger

WAITING = 10_000
"""So many rows wait for the challenger at most; further ones are not shown to it, and are counted."""

_said = logging.getLogger("loopline.serve")
_Shown = tuple[Challenger, Scorer, Sequence[object], Sequence[Prediction], datetime]


class Shadows:
    """Shows answered requests to the challenger, one after the other, in a thread of its own.

    Parameters
    ----------
    log
        Where what it says is kept. Nobody waits for it to be durable: a server that dies loses what it had not yet shown.
    skipped
        Told how many rows were not shown because too many requests waited.
    """

    def __init__(self, log: Log, skipped: Callable[[int], None], *, waiting: int = WAITING) -> None:
        self._log = log
        self._skipped = skipped
        self._most = waiting
        self._waiting = 0
        self._door = Lock()
        self._queue: SimpleQueue[_Shown | None] = SimpleQueue()
        self._encoder = msgspec.json.Encoder()
        self._thread = Thread(target=self._work, name="shadows", daemon=True)
        self._thread.start()

    def show(self, challenger: Challenger, champion: Scorer, rows: Sequence[object], answered: Sequence[Prediction], moment: datetime) -> None:
        """Have the challenger look at a request's rows, at once or not at all."""
        with self._door:
            fits = self._waiting + len(rows) <= self._most
            self._waiting += len(rows) if fits else 0
        if fits:
            self._queue.put((challenger, champion, rows, answered, moment))
        else:
            self._skipped(len(rows))

    def close(self) -> None:
        """All that waits has been shown; before the log is closed."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (shown := self._queue.get()) is not None:
            challenger, champion, rows, answered, moment = shown
            try:
                said = list(challenger.watch(champion, rows, answered, moment))
                if said:
                    self._log.append("shadows", self._encoder.encode_lines(said))
            except Exception:  # the worker's door: the thread outlives whatever a request brings
                _said.exception("a request could not be shown to the challenger")
                self._skipped(len(rows))
            finally:
                with self._door:
                    self._waiting -= len(rows)
