"""What a server takes: entered now and then and at its end, told to Prometheus, and no trouble where the ledger is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.charter.spec import CharterSpec
from loopline.errors import Fault
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.spend import BEGAN, REPORT_S, USAGE, serving, spend_of
from loopline.ledger.store import Ledger
from loopline.serve.metrics import Metrics
from loopline.serve.usage import Usage, price


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as opened:
        yield opened


def cost(seconds: float) -> dict[str, Any]:
    return {"cost": seconds * 2, "currency": "EUR"}


def entered(ledger: Ledger) -> list[Entry]:
    """The reports of what was taken."""
    return [entry for entry in ledger.read(kinds=(USAGE,)) if entry.body["state"] != BEGAN]


class Away(Ledger):
    """A ledger that does not answer for a while."""

    is_away = True

    def append(self, *drafts: Draft) -> list[Entry]:
        if self.is_away:
            raise Fault("the ledger's database does not answer", retry=True)
        return super().append(*drafts)


def test_the_end_of_a_server_is_entered(ledger: Ledger) -> None:
    metrics = Metrics()
    with Usage(ledger, metrics, cost):
        metrics.predicted(7, 0.001, 900)
        metrics.answered("/v1/predict", 422, 0.001, 80)
        metrics.answered("/healthz", 200, 0.001, 20)
        time.sleep(0.05)
    (entry,) = entered(ledger)
    assert set(entry.body) == {
        "server",
        "state",
        "wall_s",
        "cpu_s",
        "peak_bytes",
        "read_bytes",
        "written_bytes",
        "calls",
        "requests",
        "decisions",
        "sent_bytes",
        "predicting",
        "cost",
        "currency",
    }
    assert entry.subject == "serve" and (entry.body["requests"], entry.body["decisions"], entry.body["sent_bytes"]) == (3, 7, 1000)
    # How quick and how well predictions were answered; what asks for the server's health is no prediction.
    assert entry.body["predicting"] == {"statuses": {"200": 1, "422": 1}, "within_s": {"0.001": 2}}
    assert entry.body["wall_s"] >= 0.05 and entry.body["cost"] == pytest.approx(2 * entry.body["wall_s"])
    spend = spend_of(entry)
    assert spend is not None and (spend.requests, spend.wall_s) == (3, entry.body["wall_s"])


def test_entries_come_again_and_again_and_add_up(ledger: Ledger) -> None:
    metrics = Metrics()
    since = time.monotonic()
    with Usage(ledger, metrics, cost, every_s=0.05):
        for _ in range(5):
            metrics.answered("/v1/predict", 200, 0.001)
            time.sleep(0.04)
    took = time.monotonic() - since
    bodies = [entry.body for entry in entered(ledger)]
    assert len(bodies) >= 2
    assert sum(body["requests"] for body in bodies) == 5
    rounding = 0.001 * len(bodies)
    assert 0.2 - rounding <= sum(body["wall_s"] for body in bodies) <= took + rounding


def test_times_are_counted_once_and_only_what_is_new(ledger: Ledger) -> None:
    metrics = Metrics()
    metrics.answered("/v1/predict", 200, 0.0004)
    usage = Usage(ledger, metrics, cost)
    metrics.predicted(3, 0.02)
    metrics.answered("/invocations", 429, 7.0)
    metrics.answered("/v2/models/{name}/infer", 500, 60.0)
    usage.enter()
    usage.enter()
    first, second = (entry.body["predicting"] for entry in entered(ledger))
    assert first == {"statuses": {"200": 1, "429": 1, "500": 1}, "within_s": {"0.025": 1, "10.0": 1, "+Inf": 1}}
    assert second == {"statuses": {}, "within_s": {}}


def test_a_server_that_runs_is_known_until_it_ends_or_is_late_with_its_report(ledger: Ledger) -> None:
    with Usage(ledger, Metrics(), cost, every_s=0.05):
        until = time.monotonic() + 5
        while not entered(ledger) and time.monotonic() < until:
            time.sleep(0.01)
        (last,) = serving(ledger.read(kinds=(USAGE,)), now())
        assert last.body["state"] == "serves"
        assert serving(ledger.read(kinds=(USAGE,)), last.time + timedelta(seconds=2 * REPORT_S)) == []
    entries = ledger.read(kinds=(USAGE,))
    assert [entry.body["state"] for entry in (entries[0], entries[-1])] == ["began", "ended"]
    assert serving(entries, now()) == []
    assert spend_of(entries[0]) is None
    assert len({entry.body["server"] for entry in entries}) == 1


def test_processes_that_share_a_machine_share_its_price(ledger: Ledger) -> None:
    with Usage(ledger, Metrics(), cost, processes=4):
        time.sleep(0.05)
    (entry,) = entered(ledger)
    assert entry.body["cost"] == pytest.approx(2 * entry.body["wall_s"] / 4)


def test_a_ledger_that_is_away_stops_nothing_and_is_told_all_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Away.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        assert isinstance(ledger, Away)
        metrics = Metrics()
        usage = Usage(ledger, metrics, cost)
        metrics.answered("/v1/predict", 200, 0.001)
        with caplog.at_level(logging.WARNING):
            usage.enter()
        assert "could not be entered, and is told with the next entry: the ledger's database does not answer" in caplog.text
        ledger.is_away = False
        metrics.answered("/v1/predict", 200, 0.001)
        usage.enter()
        (entry,) = entered(ledger)
        assert entry.body["requests"] == 2


def test_prometheus_is_told_the_same(ledger: Ledger) -> None:
    metrics = Metrics()
    Usage(ledger, metrics, cost)
    text = metrics.text().decode()
    assert 'loopline_used_cost{currency="EUR"}' in text
    for name in ("seconds", "cpu_seconds"):
        assert f"\nloopline_used_{name} " in text


def test_without_a_price_there_is_no_cost(ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    free = price(CharterSpec(predict="y"), tmp_path)
    with Usage(ledger, metrics, free):
        assert "loopline_used_cost" not in metrics.text().decode()
    assert (entered(ledger)[0].body["cost"], entered(ledger)[0].body["currency"]) == (None, None)
    assert not caplog.text
    assert price(CharterSpec(predict="y", prices="none.yaml"), tmp_path)(3600.0)["cost"] is None
    assert "what serving costs is not told: charter.prices: none.yaml: there is no file none.yaml" in caplog.text


def test_a_price_of_the_charter_is_taken(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("machine: 0.5 per hour\n")
    charter = CharterSpec.model_validate({"predict": "y", "prices": "prices.yaml", "worth": {"currency": "EUR"}})
    assert price(charter, tmp_path)(7200.0) == {"cost": pytest.approx(1.0), "currency": "EUR"}
