"""What a server of a package needs of a machine, from what its gates measured and from the charter's volume. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.cost import FILLED

SERVER_MB = 70
"""What the server takes beside a process that scores: 34 for the ledger's and the web's libraries, measured with one package, and as much for requests."""

PEAK = 10
"""How many times its mean a busy second's volume is taken for."""

_LEAST_CORES = 0.1
_SECONDS_PER_YEAR = 365.25 * 86_400
_STEP_MB = 16


@dataclass(frozen=True)
class Needs:
    """Memory in MB of 1,000,000 bytes, processors, and servers.

    Parameters
    ----------
    memory_mb
        What one server takes.
    memory_limit_mb
        What one server takes at most: a successor is loaded while the champion decides.
    cores
        Processors of one server.
    servers, servers_most
        How many there are, and at most when more is asked than was declared.
    is_measured
        Whether the memory was measured; else it is the release's limit.
    """

    memory_mb: int
    memory_limit_mb: int
    cores: float
    servers: int
    servers_most: int
    is_measured: bool


def needs(gates: Mapping[str, Any] | None, *, memory_allowed_mb: float, body_mb: float, per_year: float | None) -> Needs:
    """What serving a package takes.

    Parameters
    ----------
    gates
        The facts of the gates on the package; None where it decided without them.
    memory_allowed_mb
        Taken for the memory where nothing was measured.
    body_mb
        The largest body of a request.
    per_year
        Decisions a year, as the charter says.

    Examples
    --------
    >>> gates = {"gates": [{"name": "memory", "value": 90.0}, {"name": "latency", "value": 2.0}]}
    >>> needs(gates, memory_allowed_mb=1000, body_mb=16, per_year=1e9)
    Needs(memory_mb=160, memory_limit_mb=384, cores=0.64, servers=2, servers_most=4, is_measured=True)
    """
    values = {} if gates is None else {gate["name"]: gate["value"] for gate in gates["gates"]}
    measured, latency_ms = values.get("memory"), values.get("latency") or 0.0
    memory = _stepped((memory_allowed_mb if measured is None else measured) + SERVER_MB)
    # A processor that is filled to a half finds room for a busy moment.
    busy = PEAK * (per_year or 0.0) / _SECONDS_PER_YEAR * latency_ms / 1000 / FILLED
    # Two at least: one answers while the other is taken away.
    servers = max(2, math.ceil(busy))
    cores = max(_LEAST_CORES, math.ceil(100 * busy / servers) / 100)
    return Needs(memory, _stepped(2 * memory + 4 * body_mb), cores, servers, 2 * servers, measured is not None)


def _stepped(memory_mb: float) -> int:
    return _STEP_MB * math.ceil(memory_mb / _STEP_MB)
