"""Loopline: the whole life of a machine-learning product as one loop.

>>> import loopline
>>> loop = loopline.open("my-project")  # doctest: +SKIP
>>> loop.run()  # doctest: +SKIP
>>> loop.score(frame)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
    from loopline.ledger.entry import Draft, Entry
    from loopline.loop import Loop, LoopStatus
    from loopline.loop import open_loop as open
    from loopline.project import schema
    from loopline.story import StageStatus

__all__ = ["CheckFailed", "Draft", "Entry", "Fault", "Loop", "LoopStatus", "LooplineError", "Mistake", "StageStatus", "__version__", "open", "schema"]

_HOMES = {
    "CheckFailed": "loopline.errors:CheckFailed",
    "Draft": "loopline.ledger.entry:Draft",
    "Entry": "loopline.ledger.entry:Entry",
    "Fault": "loopline.errors:Fault",
    "Loop": "loopline.loop:Loop",
    "LoopStatus": "loopline.loop:LoopStatus",
    "LooplineError": "loopline.errors:LooplineError",
    "Mistake": "loopline.errors:Mistake",
    "StageStatus": "loopline.story:StageStatus",
    "open": "loopline.loop:open_loop",
    "schema": "loopline.project:schema",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("loopline")
    if name not in _HOMES:
        raise AttributeError(f"module 'loopline' has no attribute {name!r}; it has: {', '.join(__all__)}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
