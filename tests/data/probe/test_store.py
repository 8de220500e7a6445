"""A web address is asked for its head and for parts; what it does not do is told in a line. Object stores are tried in the contracts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loopline.data.probe.store import probe_web
from loopline.errors import Fault, Mistake

BODY = b"x" * 100_000


class _Web(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(b"", len(BODY))

    def do_GET(self) -> None:
        asked = self.headers.get("Range") if self.path == "/parts" else None
        if self.path == "/none":
            self.send_error(404)
            return
        if asked is None:
            self._answer(BODY, len(BODY))
            return
        last = int(asked.rpartition("-")[2])
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-{last}/{len(BODY)}")
        self.send_header("Content-Length", str(last + 1))
        self.end_headers()
        self.wfile.write(BODY[: last + 1])

    def _answer(self, body: bytes, length: int) -> None:
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        # Who wants no more than the head has gone already.
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_address_gives_its_head_and_parts(web: str) -> None:
    found = probe_web(f"{web}/parts", roles=["source x"], seconds=0.2, depth=2)
    assert [one.name for one in found.measures] == ["head", "get, 4 KiB, depth 1", "get, 4 KiB, depth 2"]
    assert (found.kind, found.roles, found.bypassed) == ("web", ("source x",), None)


def test_without_parts_only_the_head_is_asked_for(web: str) -> None:
    found = probe_web(f"{web}/whole", seconds=0.1)
    assert [one.name for one in found.measures] == ["head"] and "does not give parts" in found.notes[1]


def test_what_is_wrong_is_told_in_a_line(web: str) -> None:
    with pytest.raises(Fault, match="it answers with 404; check the address"):
        probe_web(f"{web}/none")
    with pytest.raises(Fault, match="it does not answer"):
        probe_web("http://ann:secret@127.0.0.1:9/x")
    with pytest.raises(Mistake, match="no web address"):
        probe_web("https:///x")
