"""What takes longer than a page may: worked out beside it, once, and kept for those who look again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextvars import ContextVar
from threading import Lock
from typing import Any, TypeVar

from loopline.errors import Mistake

Made = TypeVar("Made")
PATIENCE_S: ContextVar[float] = ContextVar("patience", default=0.08)
"""How long a page waits for what is worked out; what is quick stands on it at once."""


class Beside:
    """Values by what they are made of, which never changes. Threads may share it.

    Parameters
    ----------
    most
        So many are kept: those that were asked for last.
    waiting
        So many may wait at most; another one is refused.
    """

    def __init__(self, most: int = 64, waiting: int = 64) -> None:
        self._most, self._waiting, self._lock = most, waiting, Lock()
        self._found: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        # One at a time: whoever looks at many pages must not take the machine from what serves.
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="kept")

    def ask(self, key: Hashable, make: Callable[[], Made], *, wait_s: float | None = None) -> tuple[Made | None, bool]:
        """What `make` gives, and whether it is there yet; the same key is never made twice, unless it went wrong.

        Raises
        ------
        Mistake
            When too many wait already.
        """
        with self._lock:
            future = self._found.get(key)
            if future is None:
                if sum(not one.done() for one in self._found.values()) >= self._waiting:
                    raise Mistake("too much is being worked out already", remedy="try again in a moment", retry=True)
                future = self._found[key] = self._workers.submit(make)
            self._found.move_to_end(key)
            while len(self._found) > self._most:
                self._found.popitem(last=False)[1].cancel()
        try:
            return future.result(PATIENCE_S.get() if wait_s is None else wait_s), True
        except CancelledError:
            return None, False
        except Late:
            if not future.done():
                return None, False
            raise
        except Exception:
            with self._lock:
                self._found.pop(key, None)
            raise


BESIDE = Beside()
"""What the pages of this process keep."""
