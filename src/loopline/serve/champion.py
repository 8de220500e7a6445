"""The scorers of the package that decides now and of the one on trial: follows both in the ledger without failing a request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from loopline.errors import LooplineError, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.store import Ledger
from loopline.model.signing import Trust
from loopline.serve.apart import NOTHING, Apart
from loopline.serve.lookups import Published
from loopline.serve.scorer import Scorer, load
from loopline.serve.trial import Challenger, Trial

REMEDY = "loopline run; then loopline status says whom the release waits for"
_said = logging.getLogger("loopline.serve")


def pointer(ledger: Ledger) -> str | None:
    """The digest of the package that decides now; None where none has been released, or the last one was withdrawn."""
    newest = ledger.read(kinds=("champion",), newest_first=True, limit=1)
    return newest[0].subject or None if newest else None


def refresh(ledger: Ledger, blobs: Blobs, scorer: Scorer) -> None:
    """Have a scorer find what is published for its lookups now.

    Raises
    ------
    Mistake
        When nothing has been published for one of them yet.
    """
    for lookup in scorer.lookups.all:
        newest = ledger.read(kinds=("lookup",), subject=lookup.digest, newest_first=True, limit=1)
        if not newest:
            raise Mistake(f"the values of lookup {lookup.name!r} have not been published yet", where=f"package {scorer.package[:12]}", remedy="loopline run")
        blob, held = newest[0].body["blob"], scorer.lookups.published.get(lookup.name)
        if held is None or held.blob != blob:
            scorer.lookups.exchange(Published(lookup, blob, blobs.get(blob)))


def released(champion: str | None) -> str:
    """The champion's digest.

    Raises
    ------
    Mistake
        When no package has been released yet.
    """
    if champion is None:
        raise Mistake("no package has been released yet", remedy=REMEDY)
    return champion


class Champion:
    """Holds the scorer that requests use, and swaps it for the next champion's once that is loaded and warm.

    A request takes `scorer` once and keeps it, so that a swap in the middle of a request changes nothing for it.

    Parameters
    ----------
    find
        The champion's digest, looked up anew.
    load
        The scorer of a package.
    refresh
        Has a scorer find what is published for its lookups now.
    trial
        What the rollout gives a challenger now, looked up anew; None where there is none.
    apart
        What is decided apart from the packages' policies now, looked up anew.
    every_s
        Seconds between two looks.
    """

    def __init__(
        self,
        find: Callable[[], str | None],
        load: Callable[[str], Scorer],
        *,
        refresh: Callable[[Scorer], None] = lambda scorer: None,
        trial: Callable[[], Trial | None] = lambda: None,
        apart: Callable[[], Apart] = lambda: NOTHING,
        every_s: float = 1.0,
    ) -> None:
        self.scorer: Scorer | None = None
        self.challenger: Challenger | None = None
        self.trouble = ""
        self._find = find
        self._load = load
        self._refresh = refresh
        self._trial = trial
        self._find_apart = apart
        self._apart = NOTHING
        self._every_s = every_s
        self._listeners: list[Callable[[Scorer | None, str], None]] = []
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="champion", daemon=True)

    @classmethod
    def of(cls, ledger: Ledger, lake: Lake, *, apart: Callable[[], Apart] = lambda: NOTHING) -> Champion:
        """The champion that a ledger points to, loaded from a lake; `apart` tells what is decided apart from its policy now."""
        blobs = Blobs(lake)
        return cls(
            lambda: pointer(ledger),
            lambda package: load(blobs, package, Trust.of(ledger)),
            refresh=lambda scorer: refresh(ledger, blobs, scorer),
            trial=lambda: Trial.of(ledger),
            apart=apart,
        )

    def listen(self, listener: Callable[[Scorer | None, str], None]) -> None:
        """Have a function told after each swap and each trouble: the scorer that holds, and what is wrong (empty when nothing is)."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Follow the pointer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Follow it no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Follow the pointer once. In trouble the scorer that holds stays, and `trouble` says why."""
        before = self.scorer, self.trouble
        self._look_apart()
        # First, and apart: one that was taken off trial must get nothing more, whatever ails the champion.
        self._look_for_challenger()
        try:
            digest = self._find()
            if digest is None:
                self.scorer = None
            elif self.scorer is None or self.scorer.package != digest:
                self.scorer = self._made(digest)
            else:
                self._refresh(self.scorer)
                self.scorer.set_apart(self._apart)
            self.trouble = ""
        except LooplineError as error:
            self.trouble = str(error)
        except Exception as error:  # the worker's door: the follower outlives whatever a look meets
            _said.exception("the champion could not be followed")
            self.trouble = f"the champion could not be loaded ({type(error).__name__})"
        if self.challenger is not None and self.scorer is not None and self.challenger.trial.package == self.scorer.package:
            self.challenger = None
        if (self.scorer, self.trouble) != before:
            for listener in self._listeners:
                listener(self.scorer, self.trouble)

    def _made(self, package: str) -> Scorer:
        """A package's scorer, warm; that of the challenger where it is the same."""
        held = self.challenger.scorer if self.challenger is not None else None
        if held is not None and held.package == package:
            return held
        scorer = self._load(package)
        self._refresh(scorer)
        scorer.set_apart(self._apart)
        scorer.warm()
        return scorer

    def _look_apart(self) -> None:
        """Follow what is decided apart; while that cannot be told, what held goes on."""
        try:
            self._apart = self._find_apart()
        except Exception as error:  # as in `look`: a declaration that is being mended stops no server
            _said.warning("what is decided apart could not be followed: %s", error)

    def _look_for_challenger(self) -> None:
        """Follow the rollout. A challenger that cannot be loaded troubles nobody but itself: it fails each row that is its own."""
        held = self.challenger
        try:
            trial = self._trial()
        except Exception as error:  # as above: what holds goes on while the ledger is away
            _said.warning("the rollout could not be followed: %s", error)
            return
        if trial is None or self.scorer is None or trial.package == self.scorer.package:
            self.challenger = None
            return
        scorer = held.scorer if held is not None and held.trial.package == trial.package else None
        try:
            if scorer is None:
                scorer = self._load(trial.package)
        except Exception as error:  # as above: a defect of its package is the challenger's, not the server's
            _said.warning("challenger %s cannot be loaded: %s", trial.package[:12], error)
            self.challenger = Challenger(trial, None, f"it cannot be loaded: {error}"[:500])
            return
        is_new = held is None or held.scorer is not scorer
        try:
            self._refresh(scorer)
            scorer.set_apart(self._apart)
            if is_new:
                scorer.warm()
        except Exception as error:  # as above: what it looks up is published when the loop turns; until then a new one is shown nothing
            _said.info("challenger %s waits: %s", trial.package[:12], error)
            if is_new:
                self.challenger = None
                return
        self.challenger = Challenger(trial, scorer)

    def _follow(self) -> None:
        self.look()
        while not self._stop.wait(self._every_s):
            self.look()
