"""What the server counts, in the words of Prometheus."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

PREDICTING = frozenset({"/v1/predict", "/v2/models/{name}/infer", "/invocations"})
"""The endpoints whose answers are predictions."""
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counters of one server, in a registry of its own; where it has several workers, what each tells is the sum over all."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._told = self._registry
        self._is_shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        if self._is_shared:
            self._told = CollectorRegistry()
            MultiProcessCollector(self._told)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._registry)
        self._requests = Counter("loopline_requests", "Requests by endpoint and status.", ["endpoint", "status"], registry=self._registry)
        self._seconds = Histogram("loopline_request_seconds", "Time to an answer.", ["endpoint"], buckets=_SECONDS, registry=self._registry)
        self.rows = Counter("loopline_rows", "Rows that were answered with a prediction.", registry=self._registry)
        self._sent = Counter("loopline_sent_bytes", "Bytes of the answers' bodies.", registry=self._registry)
        self.refused = Counter("loopline_refused_rows", "Rows that were refused with a reason.", registry=self._registry)
        self.outcomes = Counter("loopline_outcomes", "Outcomes that were taken.", registry=self._registry)
        self.malformed = Counter("loopline_malformed_outcomes", "Outcomes that were refused, because they were malformed.", registry=self._registry)
        self.unshown = Counter("loopline_unshown_rows", "Rows that a challenger on trial was not shown, because too many waited.", registry=self._registry)
        self.feedback = Counter("loopline_feedback", "Items of feedback that were taken.", registry=self._registry)
        self.malformed_feedback = Counter("loopline_malformed_feedback", "Items of feedback that were malformed.", registry=self._registry)
        says = ["package", "family", "task"]
        self._package = Gauge("loopline_package_info", "The package that decides now.", says, registry=self._registry, multiprocess_mode="livemax")
        self._said: tuple[str, ...] = ()
        self.follow_failures = Counter("loopline_follow_failures", "Times that the champion could not be looked up or loaded.", registry=self._registry)

        self._predicted = self._requests.labels("/v1/predict", "200")
        self._predicted_seconds = self._seconds.labels("/v1/predict")

    def predicted(self, rows: int, seconds: float, sent_bytes: int = 0) -> None:
        """Count an answer with so many predictions, its time in seconds and its size."""
        self._predicted.inc()
        self._predicted_seconds.observe(seconds)
        self.rows.inc(rows)
        self._sent.inc(sent_bytes)

    def answered(self, endpoint: str, status: int, seconds: float, sent_bytes: int = 0) -> None:
        """Count an answer, its time in seconds and its size."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)
        self._sent.inc(sent_bytes)

    def package(self, labels: Mapping[str, str] | None) -> None:
        """Say which package decides now; None for none."""
        if not self._is_shared:
            self._package.clear()
        elif self._said:
            # A shared file keeps what was once said: only a zero takes it back.
            self._package.labels(*self._said).set(0)
        self._said = (labels["package"], labels["family"], labels["task"]) if labels is not None else ()
        if self._said:
            self._package.labels(*self._said).set(1)

    @property
    def requests(self) -> int:
        """Requests that were answered or refused."""
        return _counted(self._requests)

    @property
    def decisions(self) -> int:
        """Rows that were answered with a prediction."""
        return _counted(self.rows)

    @property
    def sent_bytes(self) -> int:
        """Bytes of the answers' bodies."""
        return _counted(self._sent)

    @property
    def predicting(self) -> dict[str, dict[str, int]]:
        """Requests for predictions: by ``statuses``, and by the upper bound of their time in seconds (``within_s``, each counted once)."""
        counted = (sample for metric in self._requests.collect() for sample in metric.samples if sample.name.endswith("_total"))
        timed = (sample for metric in self._seconds.collect() for sample in metric.samples if sample.name.endswith("_bucket"))
        statuses: dict[str, int] = {}
        for sample in counted:
            if sample.labels["endpoint"] in PREDICTING:
                statuses[sample.labels["status"]] = statuses.get(sample.labels["status"], 0) + int(sample.value)
        within: dict[str, int] = {}
        below: dict[str, int] = {}
        for sample in timed:
            name, bound = sample.labels["endpoint"], sample.labels["le"]
            if name in PREDICTING:
                # Prometheus counts each answer in every bucket above it, too; the buckets come in their order.
                within[bound] = within.get(bound, 0) + int(sample.value) - below.get(name, 0)
                below[name] = int(sample.value)
        return {"statuses": statuses, "within_s": within}

    def add(self, collector: Collector) -> None:
        """Have another one's figures told beside these; of several workers each has figures of its own, which are in the ledger alone."""
        if not self._is_shared:
            self._registry.register(collector)

    def watch_disk(self, folder: Path) -> None:
        """Tell how much of the disk is free where the log is; of several workers each sees the same."""
        self._told.register(_Disk(folder))

    def text(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self._told)


class _Disk(Collector):
    """The bytes that are free where a folder is; nothing while there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:
            return
        yield GaugeMetricFamily("loopline_log_free_bytes", "Bytes that are free where the prediction log is.", value=usage.free)
        yield GaugeMetricFamily("loopline_log_disk_bytes", "Bytes of the disk that the prediction log is on.", value=usage.total)


def _counted(counter: Counter) -> int:
    return int(sum(sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")))
