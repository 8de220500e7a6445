"""Work on this machine: a step in this process, a map in a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from typing import Any, TypeVar

from loopline.engine.step import Facts

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def resolve(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names."""
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function


class LocalEngine:
    """Runs steps in this process and maps over a pool of processes.

    Parameters
    ----------
    workers
        Processes of the pool; as many as there are usable processors by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or os.cpu_count() or 1

    def run(self, function: str, job: Any) -> Facts:
        """The facts that ``module:function`` returns for the job."""
        facts: Facts = resolve(function)(job)
        return facts

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """The results in the items' order; a single worker stays in this process."""
        todo = list(items)
        if self.workers == 1 or len(todo) < 2:
            yield from map(function, todo)
            return
        with ProcessPoolExecutor(min(self.workers, len(todo)), mp_context=multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(function, todo)
