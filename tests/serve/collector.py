"""A collector of traces: takes OTLP over HTTP and decodes it with the protocol's own messages."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Told:
    """One span as it came."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    since_ns: int
    until_ns: int
    failed: bool
    said: dict[str, Any]
    service: str


class Collector:
    """Keeps what is sent to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()

    def spans(self) -> list[Told]:
        """The spans that came, in the order of their beginnings."""
        request = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2").ExportTraceServiceRequest
        sent = [part for body in self.bodies for part in request.FromString(body).resource_spans]
        found = [_told(span, _said(part.resource.attributes)["service.name"]) for part in sent for scope in part.scope_spans for span in scope.spans]
        return sorted(found, key=lambda one: one.since_ns)

    def children(self, of: Told) -> list[Told]:
        """The spans right within one."""
        return [one for one in self.spans() if one.parent == of.id]


def _said(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def _told(span: Any, service: str) -> Told:
    trace, own, parent = (value.hex() for value in (span.trace_id, span.span_id, span.parent_span_id))
    since_ns, until_ns = span.start_time_unix_nano, span.end_time_unix_nano
    return Told(span.name, span.kind, trace, own, parent, since_ns, until_ns, span.status.code == 2, _said(span.attributes), service)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.paths.add(self.path)
            collector.bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
