"""What a probe of a storage place finds: latencies, requests per second and bytes per second, as plain frozen values. Light and pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Operation = Literal["read", "write", "durable write", "get", "put", "head"]
Access = Literal["sequential", "random"]
Kind = Literal["folder", "store", "web"]

KIB, MIB = 1 << 10, 1 << 20
SMALL_BYTES, LARGE_BYTES = 4 * KIB, MIB
"""The block sizes of random and of sequential access."""
DEPTH = 8
"""How many requests are under way at once in the second half of the measures: as many threads, each with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One way of access, measured.

    Parameters
    ----------
    access
        None of objects, which are put and got whole.
    depth
        How many requests were under way at once.
    requests, seconds
        How many were answered, in which time.
    p50_us, p99_us
        The median latency of a request, and the one that 1 in 100 exceeds, in microseconds.
    """

    operation: Operation
    access: Access | None
    block_bytes: int
    depth: int
    requests: int
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def mb_per_s(self) -> float:
        """Megabytes (10^6) per second."""
        return self.per_s * self.block_bytes / 1e6

    @property
    def name(self) -> str:
        """What was measured, in words; the same words are the same measure.

        Examples
        --------
        >>> Measure(operation="read", access="random", block_bytes=4096, depth=8, requests=1, seconds=1, p50_us=1, p99_us=1).name
        'random read, 4 KiB, depth 8'
        """
        words = self.operation if self.access is None or self.operation == "durable write" else f"{self.access} {self.operation}"
        return words if self.operation == "head" else f"{words}, {say_size(self.block_bytes)}, depth {self.depth}"

    def as_json(self) -> dict[str, Any]:
        """The measure as plain values; what is counted is cut to what it is worth."""
        rates = {"iops": round(self.per_s, 1), "mb_per_s": round(self.mb_per_s, 2)}
        rounded = {"seconds": round(self.seconds, 3), "p50_us": round(self.p50_us, 1), "p99_us": round(self.p99_us, 1)}
        return {"name": self.name, **asdict(self), **rounded, **rates}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A place, and how quick it was.

    Parameters
    ----------
    place
        A folder, a file or a URL, without a password.
    roles
        What it is the place of: ``lake``, ``ledger``, ``log``, ``source NAME``; empty of one that a person named.
    bypassed
        How the system's cache was kept out: ``direct`` (O_DIRECT), ``dropped`` (pages dropped, writes flushed), ``none`` (not at all);
        None of objects and the web.
    size_bytes
        Of the file that was read and written.
    notes
        What the reader of the figures has to know.
    """

    place: str
    roles: tuple[str, ...]
    kind: Kind
    filesystem: str | None = None
    bypassed: str | None = None
    size_bytes: int = 0
    measures: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values: the body of a ledger entry, but for the machine."""
        said = {name: getattr(self, name) for name in ("place", "kind", "filesystem", "bypassed", "size_bytes")}
        return {**said, "for": list(self.roles), "notes": list(self.notes), "measures": [one.as_json() for one in self.measures]}


def measure_of(
    taken_ns: Sequence[Sequence[int]], seconds: float, *, operation: Operation, access: Access | None = None, block_bytes: int, depth: int
) -> Measure:
    """The measure of some requests, from what each took, in nanoseconds, by thread."""
    latencies = sorted(one for part in taken_ns for one in part)
    p50_us, p99_us = (percentile(latencies, share) / 1e3 for share in (0.5, 0.99))
    return Measure(
        operation=operation,
        access=access,
        block_bytes=block_bytes,
        depth=depth,
        requests=len(latencies),
        seconds=seconds,
        p50_us=p50_us,
        p99_us=p99_us,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that a share of the ordered values does not exceed (nearest rank); 0 of none.

    Examples
    --------
    >>> percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([], 0.5)
    (2, 4, 0.0)
    """
    if not ordered:
        return 0.0
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def say_size(size_bytes: float) -> str:
    """A size as people say it.

    Examples
    --------
    >>> say_size(4096), say_size(16 << 20), say_size(1536), say_size(12)
    ('4 KiB', '16 MiB', '1.5 KiB', '12 B')
    """
    for unit, bytes_each in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes >= bytes_each:
            return f"{float(f'{size_bytes / bytes_each:.3g}'):g} {unit}"
    return f"{size_bytes:.0f} B"


def say_latency(microseconds: float) -> str:
    """A latency as people say it.

    Examples
    --------
    >>> say_latency(84.2), say_latency(1234), say_latency(2_500_000)
    ('84.2 us', '1.23 ms', '2.5 s')
    """
    for unit, each in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= each:
            return f"{microseconds / each:.3g} {unit}"
    return f"{microseconds:.3g} us"


def measured(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The measures of a probe's entry by their names."""
    return {one["name"]: one for one in body["measures"]}
