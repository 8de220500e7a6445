"""Work on a Dask cluster: a map goes to its workers, a step stays in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from loopline.engine.local import LocalEngine
from loopline.errors import Fault, Mistake

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class DaskEngine(LocalEngine):
    """Maps over a cluster's workers.

    Parameters
    ----------
    address
        The scheduler's address, such as ``tcp://127.0.0.1:8786``.
    """

    is_remote = True

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """The results in the items' order.

        Raises
        ------
        Mistake
            When the extra is not installed.
        Fault
            When the scheduler does not answer.
        """
        with self._client() as client:
            yield from client.gather(client.map(function, list(items), pure=False))

    @contextmanager
    def pool(self, workers: int) -> Iterator[Executor]:
        """The cluster's workers."""
        with self._client() as client:
            yield client.get_executor(pure=False)

    def _client(self) -> Any:
        try:
            distributed = import_module("distributed")
        except ImportError:
            raise Mistake("Dask is not installed", where="workspace.engine", remedy="pip install 'loopline[dask]'") from None
        try:
            return distributed.Client(self._address, timeout="10s")
        except OSError:
            raise Fault(f"no Dask scheduler answers at {self._address}", where="workspace.engine", remedy="start one, or use local", retry=True) from None
