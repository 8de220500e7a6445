"""The server as it runs: the processes that report to the ledger, and what one that listens tells of itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from socket import gethostname
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from loopline.ledger.entry import Entry
from loopline.ledger.spend import USAGE, serving
from loopline.ledger.store import Ledger
from loopline.serve.metrics import PREDICTING
from loopline.serve.server import callable_at

WAIT_S = 0.1
"""How long a page waits for a server to tell what it counts."""
_SHOWN = 200
_COUNTS = {
    "rows": "loopline_rows_total",
    "refused": "loopline_refused_rows_total",
    "outcomes": "loopline_outcomes_total",
    "unshown": "loopline_unshown_rows_total",
    "follow_failures": "loopline_follow_failures_total",
    "log_free_bytes": "loopline_log_free_bytes",
}


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a server counted since it began.

    Parameters
    ----------
    package
        The package that it serves; None where none decides.
    statuses
        Requests for predictions by HTTP status.
    within_s
        From a share to the seconds within which so many of them were answered, as an upper bound.
    """

    package: str | None
    family: str | None
    rows: int
    refused: int
    outcomes: int
    unshown: int
    follow_failures: int
    log_free_bytes: int | None
    statuses: Mapping[str, int] = field(default_factory=dict)
    within_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Running:
    """The server of a project.

    Parameters
    ----------
    address
        Where it says that it listens on this machine; where none says so, where the declaration does.
    processes
        The newest report of each process that has not ended, newest first.
    counters
        What the one that listens there tells; None where nobody answers, or somebody else does.
    trouble
        Why there are no counters.
    """

    address: str
    processes: Sequence[Entry]
    counters: Counters | None
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        told = ("requests", "decisions", "wall_s", "cpu_s", "peak_bytes")
        processes = [
            {"server": one.body["server"], "state": one.body["state"], "time": one.time.isoformat(), **{name: one.body.get(name) for name in told}}
            for one in self.processes
        ]
        counters = None if self.counters is None else asdict(self.counters)
        return {"address": self.address, "processes": processes, "counters": counters, "trouble": self.trouble}


def running(ledger: Ledger, host: str, port: int, now: datetime, *, packages: Container[str]) -> Running:
    """The server that is declared to listen at an address, as the ledger and it itself tell now.

    Parameters
    ----------
    packages
        Those of the project: a server with another one is another project's.
    """
    processes = _serving(ledger, now)
    address = _called(processes, host, port)
    counters, trouble = told(address)
    if counters is not None and counters.package is not None and counters.package not in packages:
        trouble = f"what answers at {address} serves package {counters.package[:12]}, which is none of this project's"
        counters = None
    return Running(address=address, processes=processes, counters=counters, trouble=trouble)


def silent(ledger: Ledger, host: str, port: int, now: datetime) -> str:
    """Why the server that is to run by the reports in the ledger is not heard, in words; empty where it answers, or none is to run.

    One that stands still, as a process that was stopped does, takes a connection and never answers.
    """
    here = gethostname()
    # What runs on another machine may not be called from this one.
    processes = [one for one in _serving(ledger, now) if one.body.get("machine", here) == here]
    if not processes:
        return ""
    address = _called(processes, host, port)
    place = urlsplit(address)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=WAIT_S)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, HTTPException):
        since = f"{processes[0].time:%Y-%m-%d %H:%M} UTC"
        return f"a server reported last at {since}, and nobody answers at {address}: it stands still, was ended, or serves elsewhere"
    finally:
        connection.close()
    return ""


def _serving(ledger: Ledger, now: datetime) -> Sequence[Entry]:
    """The newest report of each process that has not ended, newest first."""
    reports = ledger.read(kinds=(USAGE,), subject="serve", newest_first=True, limit=_SHOWN)
    return serving(reports[::-1], now)[::-1]


def _called(processes: Sequence[Entry], host: str, port: int) -> str:
    """Where the server is called: as the newest report from this machine says, which a port of the command may have chosen, else as is declared."""
    here = gethostname()
    return next((callable_at(one.body["url"]) for one in processes if one.body.get("machine") == here), _address(host, port))


def _address(host: str, port: int) -> str:
    return callable_at(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def told(address: str) -> tuple[Counters | None, str]:
    """What the server at an address counts; or None and why."""
    place = urlsplit(address)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=WAIT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read(1 << 20).decode("utf-8", "replace")
    except (OSError, HTTPException):
        return None, f"nobody answers at {address}"
    finally:
        connection.close()
    try:
        found = counted(text_string_to_metric_families(text)) if answer.status == 200 else None
    except ValueError:
        found = None
    return found, "" if found is not None else f"what answers at {address} is no server of Loopline"


def counted(families: Iterable[Metric]) -> Counters | None:
    """The counters in what a server tells Prometheus; None where it is none of Loopline's."""
    samples: dict[str, list[Sample]] = {}
    for family in families:
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    if "loopline_rows_total" not in samples:
        return None
    said = next((one.labels for one in samples.get("loopline_package_info", ()) if one.value), {})
    numbers = {name: sum(int(one.value) for one in samples[metric]) if metric in samples else None for name, metric in _COUNTS.items()}
    free = numbers.pop("log_free_bytes")
    asked = [one for one in samples.get("loopline_requests_total", ()) if one.labels["endpoint"] in PREDICTING]
    statuses: dict[str, int] = {}
    for one in asked:
        statuses[one.labels["status"]] = statuses.get(one.labels["status"], 0) + int(one.value)
    return Counters(
        package=said.get("package"),
        family=said.get("family"),
        **{name: count or 0 for name, count in numbers.items()},
        log_free_bytes=free,
        statuses=statuses,
        within_s=_within(one for one in samples.get("loopline_request_seconds_bucket", ()) if one.labels["endpoint"] in PREDICTING),
    )


def _within(buckets: Iterable[Sample]) -> dict[str, float]:
    """The seconds within which 50, 95 and 99 of 100 predictions were answered; empty where there were none."""
    below: dict[float, float] = {}
    for one in buckets:
        bound = float(one.labels["le"])
        below[bound] = below.get(bound, 0.0) + one.value
    whole = max(below.values(), default=0.0)
    if not whole:
        return {}
    ends = sorted((bound, count) for bound, count in below.items() if bound != float("inf"))
    within = {f"p{share}": next((bound for bound, count in ends if count >= whole * share / 100), None) for share in (50, 95, 99)}
    return {name: bound for name, bound in within.items() if bound is not None}
