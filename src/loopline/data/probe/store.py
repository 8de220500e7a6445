"""The probe of what answers requests: an object store by size of object, a web address by range. Nothing that was there is changed."""

from __future__ import annotations

import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from loopline.access.secrets import masked
from loopline.data.probe.probe import DEPTH, KIB, MIB, Measure, Operation, Probed, measure_of
from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake import objects
from loopline.lake.place import Lake

SIZES_BYTES = (4 * KIB, MIB, 16 * MIB)
"""The sizes of requests."""
_WAIT_S = 10.0
_PREFIX = ".loopline-probe"
_Ask = Callable[[int], object]


def probe_store(
    url: str, *, options: Mapping[str, str] | None = None, roles: Sequence[str] = (), writes: bool = True, seconds: float = 4.0, depth: int = DEPTH
) -> Probed:
    """How quickly an object store puts and gets objects of several sizes; those that are put are removed again.

    Parameters
    ----------
    url
        A prefix, such as ``s3://bucket/folder``.
    options
        As delta-rs names them.
    writes
        Whether objects may be put there; else parts of the greatest object under the prefix are got.

    Raises
    ------
    Mistake
        Where the extra is not installed, or nothing may be put and nothing is there to be got.
    Fault
        Where the store does not answer, or refuses.
    """
    place = Lake(url, dict(options or {}))
    with objects.told(place):
        store = objects.store(place)
        notes: list[str] = []
        if writes:
            try:
                measures = _put_and_get(store, seconds, depth)
            except Exception as error:
                if not _refuses(error):
                    raise
                notes.append("nothing may be put there, so that only getting was measured")
                measures = _get(store, masked(url), seconds, depth)
        else:
            notes.append("nothing was put there: parts of an object that is there were got")
            measures = _get(store, masked(url), seconds, depth)
    return Probed(place=masked(url), roles=tuple(roles), kind="store", measures=tuple(measures), notes=tuple(notes))


def _refuses(error: Exception) -> bool:
    """Whether a store answers, and does not let this be done."""
    return isinstance(error, PermissionError) or any(sign in str(error) for sign in ("AccessDenied", "Forbidden", "403"))


def _put_and_get(store: Any, seconds: float, depth: int) -> list[Measure]:
    prefix = f"{_PREFIX}/{secrets.token_hex(8)}"
    measures: list[Measure] = []
    asked = 4 * len(SIZES_BYTES)
    for size in SIZES_BYTES:
        data = os.urandom(size)
        made: set[str] = set()

        def put(number: int, data: bytes = data, made: set[str] = made) -> None:
            # So many names that no two requests under way meet, and so few that they are soon removed.
            name = f"{prefix}/{number % (2 * depth)}"
            made.add(name)
            store.put(name, data)

        def get(number: int, made: set[str] = made) -> None:
            bytes(store.get(f"{prefix}/{number % len(made)}").bytes())

        asks: tuple[tuple[Operation, _Ask], ...] = (("put", put), ("get", get))
        try:
            for operation, ask in asks:
                for each in sorted({1, depth}):
                    measures.append(timed(ask, operation, size, each, seconds / asked))
        finally:
            for name in made:
                with suppress(FileNotFoundError):
                    store.delete(name)
    return measures


def _get(store: Any, place: str, seconds: float, depth: int) -> list[Measure]:
    """Parts of the greatest of the first objects, by the sizes that it has."""
    found = max(next(iter(store.list(chunk_size=1000)), []), key=lambda one: one["size"], default=None)
    if found is None or not found["size"]:
        raise Mistake("nothing may be put there, and there is nothing to get", where=place, remedy="name a prefix that holds objects")
    path, whole = found["path"], int(found["size"])
    sizes = [size for size in SIZES_BYTES if size <= whole] or [whole]

    def ask(size: int) -> _Ask:
        return lambda number: bytes(store.get_range(path, start=number * size % (whole - size + 1), length=size))

    depths = sorted({1, depth})
    share = seconds / (len(sizes) * len(depths))
    return [timed(ask(size), "get", size, each, share) for size in sizes for each in depths]


def timed(ask: _Ask, operation: Operation, block_bytes: int, depth: int, seconds: float) -> Measure:
    """Requests of one kind, `depth` under way at once, for so many seconds; at least one of each thread."""

    def work(number: int) -> list[int]:
        taken: list[int] = []
        while True:
            begun = time.perf_counter_ns()
            ask(number)
            ended = time.perf_counter_ns()
            taken.append(ended - begun)
            number += depth
            if ended >= deadline_ns:
                return taken

    since = time.perf_counter_ns()
    deadline_ns = since + int(seconds * 1e9)
    with ThreadPoolExecutor(depth) as threads:
        taken = list(threads.map(work, range(depth)))
    return measure_of(taken, (time.perf_counter_ns() - since) / 1e9, operation=operation, block_bytes=block_bytes, depth=depth)


def probe_web(url: str, *, roles: Sequence[str] = (), seconds: float = 4.0, depth: int = DEPTH) -> Probed:
    """How quickly a web address answers: its head, and the beginning of what it holds, by range.

    Raises
    ------
    Fault
        Where it does not answer, or answers with an error.
    """
    where = masked(url)
    with _told(where):
        head = _request(url, "HEAD")
        length = int(head.get("content-length") or 0)
        ranged = _takes_ranges(url)
        sizes = [size for size in SIZES_BYTES if size <= length] or ([length] if length else []) if ranged else []
        depths = sorted({1, depth})
        share = seconds / (1 + len(sizes) * len(depths))
        measures = [timed(lambda _: _request(url, "HEAD"), "head", 0, 1, share)]
        for size in sizes:
            measures += [timed(partial(_part, url, size), "get", size, each, share) for each in depths]
    notes = ["it can only be read; each request opens a connection of its own"]
    if not ranged:
        notes.append("it does not give parts, so that only its head was asked for")
    return Probed(place=where, roles=tuple(roles), kind="web", measures=tuple(measures), notes=tuple(notes))


def _takes_ranges(url: str) -> bool:
    try:
        return "content-range" in _request(url, "GET", 1)
    except urllib.error.HTTPError:
        return False


def _part(url: str, size_bytes: int, number: int) -> None:
    _request(url, "GET", size_bytes)


def _request(url: str, method: str, size_bytes: int = 0) -> Mapping[str, str]:
    """Ask once; the answer's headers, in small letters. Of a body no more than the size is read."""
    asked = urllib.request.Request(url, method=method, headers={"User-Agent": "loopline", "Accept-Encoding": "identity"})
    if size_bytes:
        asked.add_header("Range", f"bytes=0-{size_bytes - 1}")
    with urllib.request.urlopen(asked, timeout=_WAIT_S) as answer:
        if size_bytes:
            answer.read(size_bytes)
        return {name.lower(): value for name, value in answer.headers.items()}


class _told:
    """Turns what the network did not do into one line."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        if urlsplit(self._where).hostname is None:
            raise Mistake("this is no web address", where=self._where, remedy="write it as https://HOST/PATH")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LooplineError) or not isinstance(error, OSError | ValueError):
            return
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            raise Fault(f"it answers with {error.code}", where=self._where, remedy="check the address and who may read it") from None
        raise Fault("it does not answer", where=self._where, remedy="check the network and the address", retry=True) from None
