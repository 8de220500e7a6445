"""The sign of life, sent to a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from loopline.errors import Mistake
from loopline.project import parse
from loopline.watch.heartbeat import beat


class Listener(BaseHTTPRequestHandler):
    """Answers 200 under /ok and 500 under /no, hangs under /slow, and remembers what was asked for."""

    asked: list[str]
    go_on: threading.Event

    def do_GET(self) -> None:
        self.asked.append(f"{self.path} {self.headers['User-Agent']}")
        if self.path.startswith("/slow"):
            self.go_on.wait(10)
        self.send_response(500 if self.path.startswith("/no") else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def listener() -> Iterator[tuple[str, type[Listener]]]:
    handler = type("Asked", (Listener,), {"asked": [], "go_on": threading.Event()})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler
        finally:
            handler.go_on.set()
            server.shutdown()
            thread.join()


def test_an_address_that_answers_has_taken_it(listener: tuple[str, type[Listener]], monkeypatch: pytest.MonkeyPatch) -> None:
    url, handler = listener
    monkeypatch.setenv("PING_KEY", "s3cret")
    assert beat(f"{url}/ok/${{PING_KEY}}") == ""
    assert handler.asked == ["/ok/s3cret loopline"]


def test_one_that_refuses_or_is_slow_or_is_not_there_is_no_crash(listener: tuple[str, type[Listener]]) -> None:
    url, _ = listener
    assert beat(f"{url}/no") == "it answered 500"
    assert "timed out" in beat(f"{url}/slow", wait_s=0.05)
    assert "refused" in beat("http://127.0.0.1:9/x")


def test_no_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PING_KEY", "s3cret with a blank")
    assert "s3cret" not in beat("http://127.0.0.1:9/${PING_KEY}")
    monkeypatch.setenv("PING", "ftp://s3cret.example.com")
    assert beat("${PING}") == "its address is no http:// or https:// URL"
    monkeypatch.delenv("PING")
    assert "PING is not set" in beat("${PING}")


@pytest.mark.parametrize("said", ["ftp://x.example.com", "hc-ping.com/1", "late"])
def test_an_address_elsewhere_is_a_mistake(said: str) -> None:
    with pytest.raises(Mistake, match="is no address on the web"):
        parse(f"project: p\ncharter: {{predict: y}}\ndata: {{sources: {{a: {{path: a.csv}}}}}}\nwatch: {{heartbeat: '{said}'}}\n")
