"""What a server takes while it serves: entered in the ledger once an hour and at its end, and told to Prometheus."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from loopline.charter.budget import Budget
from loopline.charter.spec import CharterSpec
from loopline.engine.memory import highest
from loopline.engine.waiting import Moment, spent
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.spend import BEGAN, ENDED, REPORT_S, SERVES, USAGE
from loopline.ledger.store import Ledger
from loopline.serve.metrics import Metrics

_LAST_WAIT_S = 5.0
"""How long the end of the server waits for the ledger to take the last entry."""
_GAUGES = {
    "wall_s": ("loopline_used_seconds", "Seconds since the server began."),
    "cpu_s": ("loopline_used_cpu_seconds", "Seconds of processors since the server began."),
    "peak_bytes": ("loopline_used_peak_bytes", "The most memory that the process has held."),
    "read_bytes": ("loopline_used_read_bytes", "Bytes read from devices since the server began."),
    "written_bytes": ("loopline_used_written_bytes", "Bytes written to devices since the server began."),
}

Cost = Callable[[float], Mapping[str, Any]]
_said = logging.getLogger("loopline.serve")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The counters at one moment."""

    moment: Moment
    requests: int
    decisions: int
    sent_bytes: int
    predicting: Mapping[str, Mapping[str, int]]


class Usage(Collector):
    """Reports what one process of a server takes, from entering it to leaving it. A ledger that is away stops nothing: the next entry says it all.

    Parameters
    ----------
    ledger
        Takes an entry of the kind ``usage`` every time.
    metrics
        Counts the requests, and shows the figures since the beginning.
    cost
        What so many seconds of a machine cost: ``cost`` and ``currency``.
    processes
        How many processes of the server share the machine, and so its price.
    url
        Where the server listens; an entry says so beside its machine. Empty where it is called by nobody else.
    every_s
        Seconds between two entries.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics, cost: Cost, *, processes: int = 1, url: str = "", every_s: float = REPORT_S) -> None:
        self._ledger, self._metrics, self._cost = ledger, metrics, cost
        self._processes, self._every_s = processes, every_s
        self._begun = self._entered = self._read()
        self._server = secrets.token_hex(8)
        self._at = {"url": url, "machine": gethostname()} if url else {}
        self._stop = Event()
        self._thread = Thread(target=self._report, name="usage", daemon=True)
        metrics.add(self)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(_LAST_WAIT_S)

    def enter(self, state: str = SERVES) -> None:
        """Append an entry on what was taken since the last one; where the ledger does not take it, the next one has it too.

        Parameters
        ----------
        state
            `BEGAN`, when nothing has been taken yet; `SERVES` or `ENDED`.
        """
        now = self._read()
        took = {} if state == BEGAN else self._between(self._entered, now)
        try:
            self._ledger.append(Draft(kind=USAGE, subject="serve", body={"server": self._server, "state": state, **self._at, **took}))
        except Exception as error:  # the worker's door: the server outlives whatever the ledger meets
            _said.warning("what the server took could not be entered, and is told with the next entry: %s", error)
        else:
            self._entered = now if took else self._entered

    def collect(self) -> Iterator[Metric]:
        """The figures since the beginning, as Prometheus asks for them; what the system does not tell is left out."""
        told = self._between(self._begun, self._read())
        for name, (title, text) in _GAUGES.items():
            if told[name] is not None:
                yield GaugeMetricFamily(title, text, value=told[name])
        if told["cost"] is not None:
            gauge = GaugeMetricFamily("loopline_used_cost", "What the server has cost since it began, by charter.prices.", labels=["currency"])
            gauge.add_metric([told["currency"]], told["cost"])
            yield gauge

    def _read(self) -> _Reading:
        return _Reading(Moment.now(), self._metrics.requests, self._metrics.decisions, self._metrics.sent_bytes, self._metrics.predicting)

    def _between(self, before: _Reading, after: _Reading) -> dict[str, Any]:
        took = spent(before.moment, after.moment).as_json()
        return {
            **{name: took[name] for name in ("wall_s", "cpu_s", "read_bytes", "written_bytes", "calls")},
            "peak_bytes": highest(),
            **{name: getattr(after, name) - getattr(before, name) for name in ("requests", "decisions", "sent_bytes")},
            "predicting": {name: _grown(before.predicting[name], counts) for name, counts in after.predicting.items()},
            **self._cost(took["wall_s"] / self._processes),
        }

    def _report(self) -> None:
        self.enter(BEGAN)
        while not self._stop.wait(self._every_s):
            self.enter()
        self.enter(ENDED)


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """How much each count has grown; those that have not are left out."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


def price(charter: CharterSpec, folder: Path) -> Cost:
    """What seconds cost by the charter's prices; a server serves without them too, and says so.

    Parameters
    ----------
    folder
        The folder in which the prices lie.
    """
    try:
        return Budget(charter, folder).cost
    except Mistake as error:
        _said.warning("what serving costs is not told: %s", error)
        return Budget(charter.model_copy(update={"prices": None}), folder).cost
