"""Work done ahead and behind: the next item is made while the last one is looked at, and what is to be done with one is done while the next is."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
WORKERS = 2
"""How many items are worked on at once; Polars uses all cores for parts of each."""


def ahead(items: Iterable[_Item], *, depth: int = 1) -> Iterator[_Item]:
    """The items in their order, made in a thread of their own, at most `depth` of them before they are asked for.

    Raises
    ------
    Exception
        What making an item raised, where that item would have come.
    """
    made: queue.Queue[tuple[_Item | None, BaseException | None, bool]] = queue.Queue(maxsize=depth)
    gone = threading.Event()

    def put(item: tuple[_Item | None, BaseException | None, bool]) -> bool:
        while not gone.is_set():
            try:
                made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None, False)):
                    return
        # It is raised again where the item is asked for.
        except BaseException as error:
            put((None, error, True))
            return
        put((None, None, True))

    thread = threading.Thread(target=work, daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            item, error, is_last = made.get()
            if error is not None:
                raise error
            if is_last:
                return
            assert item is not None
            yield item
    finally:
        gone.set()
        thread.join()


def mapped(function: Callable[[_Item], _Made], items: Iterable[_Item]) -> Iterator[_Made]:
    """What a function makes of each item, in their order; some are made while the last one is looked at."""
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Behind:
    """Work done behind: one piece after the other, in a thread of its own, while the caller goes on.

    Parameters
    ----------
    depth
        How many pieces may wait.
    """

    def __init__(self, *, depth: int = 3) -> None:
        self._depth = depth
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def do(self, work: Callable[[], None]) -> None:
        """Have a piece done.

        Raises
        ------
        Exception
            What an earlier piece raised.
        """
        self._waiting.append(self._pool.submit(work))
        if len(self._waiting) > self._depth:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all pieces are done.

        Raises
        ------
        Exception
            What one of them raised.
        """
        while self._waiting:
            self._waiting.popleft().result()
