"""The server's HTTP: each request is answered or refused with a reason, and nothing is answered that is not in the log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from html import escape
from itertools import islice
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.serve.admission import Admission
from loopline.serve.answerer import Answerer, reasons_of
from loopline.serve.answers import ENDPOINTS, HANDLERS, SHOWN_PROBLEMS, Refusal, as_json, decode, endpoint, raw, require_known
from loopline.serve.assign import Features, is_measure, read_assign, read_measure
from loopline.serve.champion import Champion
from loopline.serve.experiments import Experiment
from loopline.serve.feedback import read_feedback
from loopline.serve.inference import Inference
from loopline.serve.invocations import Invocations
from loopline.serve.log import Log, promise
from loopline.serve.media import JSON, LINES, TABLES, lines, response, sent, wanted
from loopline.serve.metrics import Metrics
from loopline.serve.openapi import document
from loopline.serve.outcomes import Malformed, read_outcome
from loopline.serve.quick import Desk, Quick
from loopline.serve.scorer import Scorer, stamp
from loopline.serve.segments import Kind
from loopline.serve.spec import ServeSpec

Handler = Callable[[Request], Awaitable[Response]]


class Service:
    """The endpoints of one server.

    Parameters
    ----------
    project
        The project's name.
    log, champion
        Started and stopped with the server.
    features
        Every experiment on a feature, looked up anew.
    """

    def __init__(self, project: str, spec: ServeSpec, log: Log, champion: Champion, *, features: Callable[[], Sequence[Experiment]] = tuple) -> None:
        self.project = project
        self.limits = spec.limits
        self.metrics = Metrics()
        self.metrics.watch_disk(log.folder)
        self._champion = champion
        self._log = log
        self.admission = Admission(spec.limits)
        self._answerer = Answerer(self.admission, log, champion, self.metrics)
        self._protocols = Inference(project, self.admission, self._answerer), Invocations(self.admission, self._answerer)
        self.desk = Desk(champion, log)
        self._features = Features(features)
        champion.listen(self._told)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Follow the champion while the server runs; at its end all that was answered is on the disk."""
        self._champion.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._champion.stop)
            await run_in_threadpool(self._answerer.close)

    def routes(self) -> list[Route]:
        """Where the endpoints are."""
        return [
            Route("/v1/predict", _asked(self.predict, "reasons"), methods=["POST"]),
            Route("/v1/outcomes", _asked(self.outcomes), methods=["POST"]),
            Route("/v1/feedback", _asked(self.feedback), methods=["POST"]),
            Route("/v1/assign", _asked(self.assign), methods=["POST"]),
            Route("/healthz", _asked(self.healthz)),
            Route("/readyz", _asked(self.readyz)),
            Route("/metrics", _asked(self.metrics_text)),
            Route("/openapi.json", _asked(self.openapi)),
            Route("/", _asked(self.page)),
            *(route for protocol in self._protocols for route in protocol.routes()),
        ]

    async def predict(self, request: Request) -> Response:
        """Score the rows of a request."""
        scorer, media = self._answerer.scorer(), sent(request)
        count = reasons_of(scorer, request.query_params.get("reasons", "0"))
        async with self.admission.taken(request) as body:
            if media in TABLES:
                answers = await self._answerer.table(scorer, media, body, count)
                return response(answers, wanted(request, media), scorer.package, scorer.truth, count)
            value = lines(body) if media == LINES else decode(body)
            answers = await self._answerer.rows(scorer, value if type(value) is list else _items(value, "rows"), count)
            # An object is answered with an object, unless something else is asked for.
            asked = wanted(request, media)
            if asked == JSON and type(value) is dict:
                return as_json({"package": scorer.package, "predictions": answers})
            return response(answers, asked, scorer.package, scorer.truth, count)

    async def outcomes(self, request: Request) -> Response:
        """Take outcomes of predictions and of units in experiments; those that are malformed are kept apart, with the reason."""

        def read(item: object, now: str) -> Malformed | dict[str, Any]:
            if is_measure(item):
                return read_measure(item, now)
            found = read_outcome(item, self._answerer.scorer().truth)
            return found if isinstance(found, Malformed) else {"id": found.prediction_id, "outcome": found.value, "time": now}

        said = await self._take(request, "outcomes", "outcome", read)
        self.metrics.outcomes.inc(said["received"])
        self.metrics.malformed.inc(said["malformed"])
        return as_json(said)

    async def feedback(self, request: Request) -> Response:
        """Take feedback; what is malformed is kept apart, with the reason."""

        def read(item: object, now: str) -> Malformed | dict[str, Any]:
            found = read_feedback(item)
            return found if isinstance(found, Malformed) else found.as_json(now)

        said = await self._take(request, "feedback", "feedback", read)
        self.metrics.feedback.inc(said["received"])
        self.metrics.malformed_feedback.inc(said["malformed"])
        return as_json(said)

    async def assign(self, request: Request) -> Response:
        """Tell the arm of units in experiments on features, and keep who was told."""
        async with self.admission.taken(request) as body:
            items = _items(decode(body), "assign")
            self.admission.require_rows(len(items), name="assign")
            known = await self._answerer.thread(self._features.look)
            assigned = [read_assign(item, at, known) for at, item in enumerate(items)]
            now = stamp(datetime.now(UTC))
            await self._answerer.keep("assignments", [record for one in assigned if (record := one.record(now)) is not None])
        return as_json({"assigned": [one.answer() for one in assigned]})

    async def _take(self, request: Request, kind: Kind, one: str, read: Callable[[object, str], Malformed | dict[str, Any]]) -> dict[str, Any]:
        """The answer: how many items of a request were kept, how many are malformed and kept apart, and what is wrong with the first of those."""
        async with self.admission.taken(request) as body:
            value = decode(body)
            items = value if type(value) is list else _items(value, kind)
            self.admission.require_rows(len(items), name=kind)
            now = stamp(datetime.now(UTC))
            said = [read(item, now) for item in items]
            taken = [record for record in said if not isinstance(record, Malformed)]
            wrong = {at: record.reason for at, record in enumerate(said) if isinstance(record, Malformed)}
            await self._answerer.keep(kind, [record for record in taken if "metric" not in record])
            await self._answerer.keep("measures", [record for record in taken if "metric" in record])
            refused = [{"time": now, "kind": one, "package": "", "reasons": [reason], "raw": raw(items[at])} for at, reason in wrong.items()]
            await self._answerer.keep("refused", refused)
        problems = [{"item": at, "what": reason} for at, reason in islice(wrong.items(), SHOWN_PROBLEMS)]
        return {"received": len(taken), "malformed": len(wrong), **({"problems": problems} if problems else {})}

    async def healthz(self, request: Request) -> Response:
        """Whether the process lives."""
        return as_json({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether a package is loaded and warm."""
        scorer = self._answerer.scorer()
        looks_up = {name: {"version": one.version, "rows": one.rows} for name, one in scorer.lookups.published.items()}
        return as_json(
            {
                "status": "ready",
                "package": scorer.package,
                "log": self._log.mode,
                "promise": promise(self._log.mode),
                **({"lookups": looks_up} if looks_up else {}),
            }
        )

    async def metrics_text(self, request: Request) -> Response:
        """Counters for Prometheus."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, request: Request) -> Response:
        """The server's description, typed by the package's signature."""
        return as_json(document(self.project, self._champion.scorer))

    async def page(self, request: Request) -> Response:
        """What is here, for a person with a browser."""
        scorer = self._champion.scorer
        now = f"package <code>{scorer.package}</code>, {escape(scorer.family)}" if scorer else escape(self._answerer.why_not)
        listed = "".join(f"<li><code>{method} {_link(method, path)}</code> {text}</li>" for method, path, text in ENDPOINTS)
        return HTMLResponse(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(self.project)}</title>"
            f"<h1>{escape(self.project)}</h1><p>{now}</p><ul>{listed}</ul></html>"
        )

    def _told(self, scorer: Scorer | None, trouble: str) -> None:
        if trouble:
            self.metrics.follow_failures.inc()
        self.metrics.package({"package": scorer.package, "family": scorer.family, "task": scorer.truth.task} if scorer else None)


def _asked(handler: Handler, *parameters: str) -> Handler:
    """The handler for requests whose query has only these parameters."""

    async def checked(request: Request) -> Response:
        require_known((name for name, _ in request.query_params.multi_items()), parameters)
        return await handler(request)

    return checked


def _items(body: object, name: str) -> list[object]:
    """The list under the one name that a body has.

    Raises
    ------
    Refusal
        When it is something else.
    """
    if type(body) is not dict or type(body.get(name)) is not list or len(body) > 1:
        near = get_close_matches(name, [key[:80] for key in list(body)[:20] if key != name], n=1) if type(body) is dict else []
        hint = f"; {near[0]!r} is perhaps {name!r}" if near else ""
        raise Refusal(400, f"the body is not an object with one list {name!r}{hint}", where="body", remedy=f'send {{"{name}": [{{...}}]}}')
    items: list[object] = body[name]
    return items


def _link(method: str, path: str) -> str:
    return f"<a href='{path}'>{path}</a>" if method == "GET" and "{" not in path else path


class _Measured:
    """Counts every answer and its time."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        since = time.perf_counter()
        status, sent_bytes = 500, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.answered(endpoint(scope["path"]), status, time.perf_counter() - since, sent_bytes)


def build(service: Service) -> ASGIApp:
    """The ASGI application of a service."""
    app = Starlette(
        routes=service.routes(),
        middleware=[Middleware(_Measured, metrics=service.metrics)],
        exception_handlers=HANDLERS,
        lifespan=service.lifespan,
    )
    return Quick(app, service.desk, service.admission, service.metrics)
