"""A process that dies at one of its writes to lake or ledger, as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


class Death(BaseException):
    """The process is gone: nothing catches it."""


def die(*_args: object, **_named: object) -> None:
    """Die at once, whatever was wanted."""
    raise Death


def dying(monkeypatch: pytest.MonkeyPatch, writes: Iterable[tuple[type, str]], *, at: int, after: bool) -> Callable[[], int]:
    """Die at the given one of some methods' calls, before it or after it has been done; what is given back tells how many there were."""
    seen = 0
    for owner, name in writes:
        original = getattr(owner, name)

        def call(self: Any, *words: Any, original: Callable[..., Any] = original, **named: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == at and not after:
                raise Death
            done = original(self, *words, **named)
            if seen == at:
                raise Death
            return done

        monkeypatch.setattr(owner, name, call)
    return lambda: seen
