"""What a server that runs tells of itself, read back from its own counters; and what is said where nobody listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from loopline.ledger.entry import Draft, now
from loopline.ledger.store import Ledger
from loopline.serve.metrics import Metrics
from loopline.serve.running import running, told


def serving(body: bytes) -> Iterator[int]:
    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Says)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def port() -> Iterator[int]:
    metrics = Metrics()
    for at in range(100):
        metrics.predicted(2, 0.0004 if at < 90 else 0.2)
    metrics.answered("/v1/predict", 422, 0.001)
    metrics.refused.inc(3)
    metrics.package({"package": "ab" * 32, "family": "linear", "task": "binary"})
    yield from serving(metrics.text())


@pytest.fixture
def stranger() -> Iterator[int]:
    yield from serving(b"<html>hello</html>")


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "shop") as found:
        yield found


def test_a_server_tells_its_package_its_counts_and_its_times(ledger, port):
    counters = running(ledger, "127.0.0.1", port, now(), packages={"ab" * 32}).counters
    assert counters is not None
    assert (counters.package, counters.rows, counters.refused, counters.statuses) == ("ab" * 32, 200, 3, {"200": 100, "422": 1})
    assert (counters.within_s["p50"], counters.within_s["p99"]) == (0.0005, 0.25)


def test_the_server_of_another_project_is_not_taken_for_this_ones(ledger, port):
    found = running(ledger, "127.0.0.1", port, now(), packages={"cd" * 32})
    assert found.counters is None and "serves package abababababab, which is none of this project's" in found.trouble


def test_the_processes_are_those_that_have_not_ended(ledger, port):
    for server, state in (("a", "began"), ("b", "began"), ("a", "ended")):
        ledger.append(Draft(kind="usage", subject="serve", body={"server": server, "state": state}))
    found = running(ledger, "127.0.0.1", port, now(), packages=())
    assert [one["server"] for one in found.as_json()["processes"]] == ["b"]


def test_where_nobody_or_another_listens_it_is_said(stranger):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert told(f"http://127.0.0.1:{taken.getsockname()[1]}")[1].startswith("nobody answers at")
    assert "no server of Loopline" in told(f"http://127.0.0.1:{stranger}")[1]
