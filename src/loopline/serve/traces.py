"""Each request as a span for OpenTelemetry, with what took its time as spans within it.

References
----------
OpenTelemetry semantic conventions, "HTTP Spans", HTTP server; W3C Trace Context, https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.engine.spans import Spans
from loopline.serve.answers import endpoint
from loopline.serve.timeline import TIMELINE, Timeline

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_OTHER = "_OTHER"
"""The convention's word for a method that HTTP does not know: anybody can make one up."""


def protocol_of(route: str) -> str:
    """Whose words a route speaks.

    >>> [protocol_of(route) for route in ("/v1/predict", "/v2/models/{name}/infer", "/invocations")]
    ['loopline', 'open-inference', 'mlflow']
    """
    if route == "/v2" or route.startswith("/v2/"):
        return "open-inference"
    return "mlflow" if route in ("/invocations", "/ping", "/health", "/version") else "loopline"


class Traced:
    """The ASGI application around an app: makes a span of each request.

    Parameters
    ----------
    spans
        None where no traces are asked for; `around` then leaves the app as it is.
    """

    def __init__(self, app: ASGIApp, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    @classmethod
    def around(cls, app: ASGIApp, spans: Spans | None) -> ASGIApp:
        """The app, traced where spans are made; else the app itself, so that this costs nothing."""
        return app if spans is None else cls(app, spans)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span, timeline = self._begun(scope), Timeline()
        before = TIMELINE.set(timeline)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell_status(span, self._spans, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            TIMELINE.reset(before)
            self._end(span, timeline)

    def _begun(self, scope: Scope) -> Any:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        route, method = endpoint(scope["path"]), scope["method"] if scope["method"] in _METHODS else _OTHER
        said: dict[str, str | int] = {
            "http.request.method": method,
            "url.scheme": scope["scheme"],
            "url.path": scope["path"],
            "network.protocol.version": scope["http_version"],
            "loopline.protocol": protocol_of(route),
        }
        if scope.get("server"):
            said["server.address"], said["server.port"] = scope["server"][0], scope["server"][1] or 0
        name = "HTTP" if method == _OTHER else method
        if route != "other":
            said["http.route"] = route
            name = f"{name} {route}"
        return self._spans.serve(name, headers, said)

    def _end(self, span: Any, timeline: Timeline) -> None:
        # What the sampler left out has no parts either.
        if span.is_recording():
            said = {"loopline.package": timeline.package, "loopline.rows": timeline.rows, "loopline.refused": timeline.refused}
            span.set_attributes({name: value for name, value in said.items() if value is not None})
            for name, since_ns, until_ns in timeline.parts:
                self._spans.part(name, span, since_ns, until_ns)
        span.end()


def _tell_status(span: Any, spans: Spans, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        spans.fail(span)
