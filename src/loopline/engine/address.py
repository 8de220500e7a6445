"""The engine that an address names."""

from __future__ import annotations

from loopline.engine.dask import DaskEngine
from loopline.engine.local import LocalEngine
from loopline.engine.step import Engine
from loopline.errors import Mistake


def engine_at(url: str) -> Engine:
    """The engine at ``local``, ``local:WORKERS`` or ``dask:ADDRESS``.

    Raises
    ------
    Mistake
        When it is none of these.
    """
    kind, _, rest = url.partition(":")
    if kind == "dask":
        return DaskEngine(rest)
    if kind != "local" or (rest and not rest.isdecimal()):
        raise Mistake(f"there is no engine {url!r}", where="workspace.engine", remedy="use local, local:WORKERS or dask:ADDRESS")
    return LocalEngine(int(rest) if rest else None)
