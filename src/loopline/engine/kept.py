"""Processes that are kept: each is started anew when it dies, until this process is told to stop; then all end in order."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from loopline.errors import Fault, LooplineError

LONG_S = 10.0
"""A process that has lived so long is started anew at once, where nothing else is said."""
LONGEST_PAUSE_S = 10.0
START_S = 60.0
"""So long a process may take to get ready."""
END_S = 30.0
"""So long a process may take to end in order."""
_INSIST_S = 5.0
_LOOK_S = 0.2
_said = logging.getLogger("loopline")

Begun = tuple[SpawnProcess, Connection]


def pause_s(deaths: int) -> float:
    """How long to wait before a process is started anew that has died so often soon after its start.

    >>> [pause_s(deaths) for deaths in (0, 1, 2, 20)]
    [0.0, 0.1, 0.2, 10.0]
    """
    return min(0.1 * 2 ** (deaths - 1), LONGEST_PAUSE_S) if deaths else 0.0


def spawned(work: Callable[..., None], *given: Any) -> Begun:
    """A process that does the work, and the end of a pipe that it tells by: `work` gets what is given and the other end."""
    # Spawned, not forked: a fork would take over the parent's database connections.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(*given, theirs), daemon=False)
    process.start()
    theirs.close()
    return process, ours


def ready(tell: Connection, said: Any) -> None:
    """Tell the parent that this process is ready; when the parent is gone, this process ends in order."""
    with contextlib.suppress(OSError):
        tell.send(("ready", said))
    threading.Thread(target=_end_with_parent, args=(tell,), name="parent", daemon=True).start()


def failed(tell: Connection, what: str) -> None:
    """Tell the parent why this process cannot start."""
    tell.send(("failed", what))


def _end_with_parent(tell: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        tell.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _nothing(pid: int, deaths: int) -> None:
    """Nothing."""


class Kept:
    """A process that is started anew when it dies.

    Parameters
    ----------
    name
        What it is, in a word.
    begin
        Starts it, as `spawned` does.
    gone
        Told the number of the process that died, and how often in a row one has died soon after its start.
    long_s
        One that has lived so long did not die soon after its start.
    pause
        From so many deaths in a row to the seconds before it is started anew.

    Attributes
    ----------
    why
        What the process that died last told of it, as `failed` does; empty where it told nothing.
    """

    def __init__(
        self,
        name: str,
        begin: Callable[[], Begun],
        *,
        gone: Callable[[int, int], None] = _nothing,
        long_s: float = LONG_S,
        pause: Callable[[int], float] = pause_s,
    ) -> None:
        self.name = name
        self._begin, self._gone, self._long_s, self._pause = begin, gone, long_s, pause
        self.process, self.pipe = begin()
        self._since_s = time.monotonic()
        self._deaths = 0
        self._due_s: float | None = None
        self._asked = False
        self.why = ""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid or 0

    @property
    def is_due(self) -> bool:
        """Whether it has died and is not started anew yet."""
        return self._due_s is not None

    def look(self, tell: Tell) -> None:
        """Start it anew where it has died, once its pause is over."""
        now = time.monotonic()
        if self._due_s is None and not self.process.is_alive():
            self._deaths = 0 if now - self._since_s >= self._long_s else self._deaths + 1
            self._due_s = now + self._pause(self._deaths)
            self.why = self._last_word()
            tell(self, self.pid, self.process.exitcode)
            self._gone(self.pid, self._deaths)
        if self._due_s is not None and now >= self._due_s:
            self.pipe.close()
            try:
                self.process, self.pipe = self._begin()
            except (OSError, LooplineError) as error:
                # The others go on; a machine without room for a process may have it a little later.
                _said.error("a %s could not be started: %s", self.name, error)
                self._deaths += 1
                self._due_s = now + self._pause(self._deaths)
                return
            self._since_s, self._due_s = now, None

    def _last_word(self) -> str:
        why = ""
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                kind, said = self.pipe.recv()
                why = str(said) if kind == "failed" else why
        return why

    def ask(self) -> None:
        """Ask it once to end in order."""
        if not self._asked:
            self._asked = True
            self.process.terminate()


def wait_ready(part: Kept, *, longest_s: float = START_S) -> Any:
    """What a part told when it was ready.

    Raises
    ------
    Fault
        When it cannot start; says why.
    """
    try:
        kind, said = part.pipe.recv() if part.pipe.poll(longest_s) else ("failed", f"{part.name}: it was not ready in {longest_s:g} s")
    except EOFError:
        raise Fault(f"{part.name}: it ended before it was ready", remedy="start it again; where it ends again, look whether memory is short") from None
    if kind == "failed":
        raise Fault(said)
    return said


Tell = Callable[[Kept, int, "int | None"], None]
"""Told which process died, its number and its exit code."""


def say(kept: Kept, pid: int, code: int | None) -> None:
    """Log that a process died."""
    _said.error("%s %s ended with %s%s and is started anew", kept.name, pid, code, f" ({kept.why})" if kept.why else "")


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the next one raises KeyboardInterrupt."""
    stop = threading.Event()

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def keep(parts: Sequence[Kept], stop: threading.Event, tell: Tell = say) -> None:
    """Start anew what dies until the event is set."""
    while not stop.is_set():
        wait([part.process.sentinel for part in parts if not part.is_due], timeout=_LOOK_S)
        for part in parts:
            if not stop.is_set():
                part.look(tell)


def end(parts: Sequence[Kept], *, at_once: bool = False) -> None:
    """End all in order; what has not ended within `END_S` is asked once more, and then killed. `at_once`, and after a KeyboardInterrupt, all are killed."""
    try:
        for part in parts:
            part.ask()
        if at_once:
            return
        _joined(parts, END_S)
        late = [part for part in parts if part.process.is_alive()]
        for part in late:
            part.process.terminate()
        _joined(late, _INSIST_S)
    finally:
        for part in parts:
            part.process.kill()
            part.process.join()
            part.pipe.close()


def _joined(parts: Sequence[Kept], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    for part in parts:
        part.process.join(max(0.0, until - time.monotonic()))
