"""What is costly to make and never changes, kept for whoever looks next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The things that were asked for lately, by what they were made from. Threads may share it.

    Parameters
    ----------
    most
        So many are kept; the one that nobody asked for the longest goes first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What was made from the key; made now where it is not kept, perhaps by several at once."""
        if (known := self.known(key)) is not None:
            return known
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made

    def known(self, key: Hashable) -> Value | None:
        """What is kept of the key."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]
