"""The server's HTTP: each request is answered or refused with a reason, and nothing is answered that is not in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from html import escape
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.serve.answers import ENCODER, ENDPOINTS, HANDLERS, PATHS, Refusal, as_json, decode, raw
from loopline.serve.champion import REMEDY, Champion
from loopline.serve.feedback import read_feedback
from loopline.serve.log import Log, promise
from loopline.serve.metrics import Metrics
from loopline.serve.openapi import document
from loopline.serve.outcomes import Malformed, read_outcome
from loopline.serve.quick import Desk, Quick
from loopline.serve.scorer import Prediction, Scorer, stamp
from loopline.serve.segments import Kind
from loopline.serve.signature import Problem
from loopline.serve.spec import ServeSpec

# Up to so many rows are scored between two other requests; more would hold those up, and go to a thread.
INLINE_ROWS = 64
MOST_REASONS = 100


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prediction as it is answered; `scores` only where there are several classes, `looked_up` where something was, `reasons` where they were asked for.

    `base` is the mean score of the background; with the effects of all columns, of which the reasons are the strongest, it makes the score.
    """

    id: str
    score: float
    decision: str | float
    scores: dict[str, float] | None = None
    looked_up: dict[str, dict[str, Any]] | None = None
    base: float | None = None
    reasons: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, made: Prediction) -> Answer:
        """What is answered of a prediction: of what was looked up also the values, which in the log stand in the row."""
        found = {
            name: {"found": one.found, "as_of": one.as_of, "values": {column: made.row[column] for column in one.columns}}
            for name, one in (made.looked_up or {}).items()
        }
        return cls(made.id, made.score, made.decision, made.scores, found or None)


class Service:
    """The endpoints of one server.

    Parameters
    ----------
    project
        The project's name.
    log, champion
        Started and stopped with the server.
    """

    def __init__(self, project: str, spec: ServeSpec, log: Log, champion: Champion) -> None:
        self.project = project
        self.metrics = Metrics()
        self._spec = spec
        self._log = log
        self._champion = champion
        self._max_body = int(spec.max_body_mb * 1_000_000)
        self.desk = Desk(champion, log, Answer.of)
        champion.listen(self._told)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Follow the champion while the server runs; at its end all that was answered is on the disk."""
        self._champion.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._champion.stop)
            await run_in_threadpool(self._log.close)

    async def predict(self, request: Request) -> Response:
        """Score the rows of a request."""
        scorer = self._scorer()
        count = _reasons(request)
        rows = await self._items(request, "rows")
        if count:
            self._require_reasons(scorer, len(rows))
        moment = datetime.now(UTC)
        # A thread costs more than a few rows do.
        predictions, problems = scorer.score(rows, moment) if len(rows) <= INLINE_ROWS else await run_in_threadpool(scorer.score, rows, moment)
        if problems:
            await self._refuse_rows(scorer, rows, problems, moment)
        await self._keep("predictions", predictions)
        self.metrics.rows.inc(len(predictions))
        answers = [Answer.of(made) for made in predictions]
        if count and answers:
            answers = await run_in_threadpool(_explained, scorer, predictions, answers, count)
        return as_json({"package": scorer.package, "predictions": answers})

    async def outcomes(self, request: Request) -> Response:
        """Take outcomes; those that are malformed are kept apart, with the reason."""
        truth = self._scorer().truth
        items = await self._items(request, "outcomes")
        now = stamp(datetime.now(UTC))
        taken: list[dict[str, str]] = []
        refused: list[dict[str, Any]] = []
        for item in items:
            match read_outcome(item, truth):
                case Malformed(reason):
                    refused.append({"time": now, "kind": "outcome", "package": "", "reasons": [reason], "raw": raw(item)})
                case outcome:
                    taken.append({"id": outcome.prediction_id, "outcome": outcome.value, "time": now})
        await self._keep("outcomes", taken)
        await self._keep("refused", refused)
        self.metrics.outcomes.inc(len(taken))
        self.metrics.malformed.inc(len(refused))
        return as_json({"received": len(taken), "malformed": len(refused)})

    async def feedback(self, request: Request) -> Response:
        """Take feedback; what is malformed is kept apart, with the reason."""
        now = stamp(datetime.now(UTC))
        taken: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        for item in await self._items(request, "feedback"):
            match read_feedback(item):
                case Malformed(reason):
                    refused.append({"time": now, "kind": "feedback", "package": "", "reasons": [reason], "raw": raw(item)})
                case feedback:
                    taken.append(feedback.as_json(now))
        await self._keep("feedback", taken)
        await self._keep("refused", refused)
        self.metrics.feedback.inc(len(taken))
        self.metrics.malformed_feedback.inc(len(refused))
        return as_json({"received": len(taken), "malformed": len(refused)})

    async def healthz(self, request: Request) -> Response:
        """Whether the process lives."""
        return as_json({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether a package is loaded and warm."""
        scorer = self._scorer()
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
        now = f"package <code>{scorer.package}</code>, {escape(scorer.family)}" if scorer else escape(self._why_not())
        listed = "".join(f"<li><code>{method} {_link(method, path)}</code> {text}</li>" for method, path, text in ENDPOINTS)
        return HTMLResponse(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(self.project)}</title>"
            f"<h1>{escape(self.project)}</h1><p>{now}</p><ul>{listed}</ul></html>"
        )

    def _told(self, scorer: Scorer | None, trouble: str) -> None:
        if trouble:
            self.metrics.follow_failures.inc()
        self.metrics.package({"package": scorer.package, "family": scorer.family, "task": scorer.truth.task} if scorer else None)

    def _scorer(self) -> Scorer:
        scorer = self._champion.scorer
        if scorer is None:
            raise Refusal(503, self._why_not(), remedy=REMEDY)
        return scorer

    def _why_not(self) -> str:
        return self._champion.trouble or "no package has been released yet"

    def _require_reasons(self, scorer: Scorer, rows: int) -> None:
        if not scorer.tells_reasons:
            what = f"package {scorer.package[:12]} tells no reasons: it has no background rows"
            raise Refusal(400, what, where="reasons", remedy="ask without reasons, or make the package anew: loopline run --fresh model")
        most = self._spec.max_reason_rows
        if rows > most:
            what = f"there are {rows:,} rows, and at most {most:,} are answered with reasons at once"
            raise Refusal(413, what, where="rows", remedy="send them in several requests, or use loopline score --reasons; serve.max_reason_rows is the limit")

    async def _items(self, request: Request, name: str) -> list[object]:
        """The list under the one name that a body has.

        Raises
        ------
        Refusal
            When the body is too large, no JSON, something else, or has too many items.
        """
        body = decode(await self._body(request))
        if type(body) is not dict or type(body.get(name)) is not list or len(body) > 1:
            near = get_close_matches(name, [key[:80] for key in list(body)[:20] if key != name], n=1) if type(body) is dict else []
            hint = f"; {near[0]!r} is perhaps {name!r}" if near else ""
            raise Refusal(400, f"the body is not an object with one list {name!r}{hint}", where="body", remedy=f'send {{"{name}": [{{...}}]}}')
        items: list[object] = body[name]
        if len(items) > self._spec.max_rows:
            what = f"there are {len(items):,} {name}, and at most {self._spec.max_rows:,} are taken at once"
            raise Refusal(413, what, where=name, remedy="send them in several requests, or use loopline score; serve.max_rows is the limit")
        return items

    async def _body(self, request: Request) -> bytes:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_body:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > self._max_body:
                raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Refusal:
        what = f"the body is larger than {self._spec.max_body_mb:g} MB"
        return Refusal(413, what, where="body", remedy="send fewer rows at once, or use loopline score; serve.max_body_mb is the limit")

    async def _refuse_rows(self, scorer: Scorer, rows: Sequence[object], problems: Sequence[Problem], moment: datetime) -> None:
        reasons: dict[int, list[str]] = {}
        for problem in problems:
            reasons.setdefault(problem.row, []).append(problem.reason)
        now = stamp(moment)
        kept = [{"time": now, "kind": "row", "package": scorer.package, "reasons": said, "raw": raw(rows[row])} for row, said in reasons.items()]
        await self._keep("refused", kept)
        self.metrics.refused.inc(len(reasons))
        what = f"{len(reasons):,} of {len(rows):,} rows refused, none scored; first {problems[0].where}: {problems[0].what}, expected {problems[0].expected}"
        raise Refusal(422, what, where=problems[0].where, remedy="mend the fields in problems and send the rows again", problems=problems)

    async def _keep(self, kind: Kind, records: Sequence[Prediction | dict[str, Any]]) -> None:
        """The records are durable when this returns.

        Raises
        ------
        Fault
            When they could not be written; then nothing may be answered.
        """
        if records:
            written: Future[None] = self._log.append(kind, ENCODER.encode_lines(records))
            await asyncio.wrap_future(written)


def _reasons(request: Request) -> int:
    """How many reasons are asked for; none where nothing is said.

    Raises
    ------
    Refusal
        When it is no number from 0 to 100.
    """
    said = request.query_params.get("reasons", "0")
    if not (said.isascii() and said.isdecimal() and len(said) <= 3 and int(said) <= MOST_REASONS):
        raise Refusal(400, f"{said[:40]!r} is no number of reasons", where="reasons", remedy=f"ask for 0 to {MOST_REASONS}, as in /v1/predict?reasons=3")
    return int(said)


def _explained(scorer: Scorer, predictions: Sequence[Prediction], answers: Sequence[Answer], count: int) -> list[Answer]:
    """The answers with the strongest reasons of each; told of the row as it stands in the log."""
    found = (scorer.explain(made.row) for made in predictions)
    return [replace(answer, base=one.base, reasons=one.strongest(count)) for answer, one in zip(answers, found, strict=True)]


def _link(method: str, path: str) -> str:
    return f"<a href='{path}'>{path}</a>" if method == "GET" else path


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
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            endpoint = scope["path"] if scope["path"] in PATHS else "other"
            self._metrics.answered(endpoint, status, time.perf_counter() - since)


def build(service: Service) -> ASGIApp:
    """The ASGI application of a service."""
    app = Starlette(
        routes=[
            Route("/v1/predict", service.predict, methods=["POST"]),
            Route("/v1/outcomes", service.outcomes, methods=["POST"]),
            Route("/v1/feedback", service.feedback, methods=["POST"]),
            Route("/healthz", service.healthz),
            Route("/readyz", service.readyz),
            Route("/metrics", service.metrics_text),
            Route("/openapi.json", service.openapi),
            Route("/", service.page),
        ],
        middleware=[Middleware(_Measured, metrics=service.metrics)],
        exception_handlers=HANDLERS,
        lifespan=service.lifespan,
    )
    return Quick(app, service.desk, service.metrics)
