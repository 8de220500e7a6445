"""Work on this machine: a step in this process, a map in a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
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


def _leave_with_the_parent() -> None:
    """Let this worker end when its parent does: one that was killed cannot tell its workers, and they would wait for work forever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


class LocalEngine:
    """Runs steps in this process and maps over a pool of processes.

    Parameters
    ----------
    workers
        Processes of the pool; as many as there are usable processors by default.
    """

    is_remote = False

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
        with ProcessPoolExecutor(min(self.workers, len(todo)), mp_context=multiprocessing.get_context("spawn"), initializer=_leave_with_the_parent) as pool:
            yield from pool.map(function, todo)

    @contextmanager
    def pool(self, workers: int) -> Iterator[Executor]:
        """Processes of this machine, or this very process where one worker is enough."""
        if workers == 1:
            yield _Here()
            return
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_with_the_parent)
        try:
            yield pool
        finally:
            # What still runs is not waited for: its result would not be used.
            running = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.terminate()
            for process in running:
                process.join()


class _Here(Executor):
    """Does the work in this process, each piece when its result is asked for."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        return _Later(lambda: fn(*args, **kwargs))


class _Later(Future[_Result]):
    """Work that is done when its result is asked for."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        super().__init__()
        self._work = work

    def result(self, timeout: float | None = None) -> _Result:
        if not self.done():
            if timeout is not None and timeout <= 0:
                raise TimeoutError
            try:
                self.set_result(self._work())
            except Exception as error:  # a future carries whatever the work raises to whoever asks for its result
                self.set_exception(error)
        return super().result(timeout)
