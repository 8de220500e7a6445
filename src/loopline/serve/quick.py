"""The way of plain requests for predictions: those that come at the same time are scored and logged together, with no framework in between.

A request that is anything but plain (another format, reasons, many rows, a slow body, a wrong field) goes on to the app, which answers it alone; so does
every one while a challenger is on trial.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loopline.errors import Fault
from loopline.serve.admission import Admission
from loopline.serve.answers import ENCODER, Answer, Refusal, failure
from loopline.serve.champion import Champion
from loopline.serve.log import Log
from loopline.serve.metrics import Metrics
from loopline.serve.scorer import Prediction, Scorer
from loopline.serve.timeline import TIMELINE, Timeline

PATH = "/v1/predict"
MOST_BYTES = 65_536
MOST_ROWS = 16
"""Larger requests are no plain ones."""
AT_ONCE = 64
"""Up to so many rows are scored between two turns of the event loop."""
_said = logging.getLogger("loopline.serve")


class Answers(msgspec.Struct, frozen=True):
    """The body of an answer."""

    package: str
    predictions: list[Any]


class Asked(NamedTuple):
    """The rows of a request, and its answer once that may leave; None where the app shall answer it."""

    rows: list[Any]
    answer: asyncio.Future[Answers | None]
    timeline: Timeline | None


class Desk:
    """Scores what came since the last turn of the event loop by one run of the graph, and keeps it by one record of the log."""

    def __init__(self, champion: Champion, log: Log) -> None:
        self._champion = champion
        self._log = log
        self._waiting: list[Asked] = []

    def ask(self, rows: list[Any]) -> asyncio.Future[Answers | None]:
        """The answer for rows, once it is in the log; None where the app shall answer, because not all is well with them.

        Fails with a Fault where the log cannot be written.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._turn, loop)
        answer: asyncio.Future[Answers | None] = loop.create_future()
        self._waiting.append(Asked(rows, answer, TIMELINE.get()))
        return answer

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        ends = list(accumulate(len(one.rows) for one in self._waiting))
        taken = max(1, sum(end <= AT_ONCE for end in ends))
        asked, self._waiting = self._waiting[:taken], self._waiting[taken:]
        if self._waiting:
            loop.call_soon(self._turn, loop)
        scorer = self._champion.scorer
        try:
            found = self._scored(scorer, asked) if scorer is not None and self._champion.challenger is None else []
        except Exception:  # the worker's door: the app meets it again, alone, and says what it is
            _said.debug("a turn failed", exc_info=True)
            found = []
        answered = {id(one.answer) for one, _ in found}
        for one in asked:
            if id(one.answer) not in answered and not one.answer.done():
                one.answer.set_result(None)
        if scorer is not None and found:
            self._keep(loop, scorer.package, found)

    def _scored(self, scorer: Scorer, asked: Sequence[Asked]) -> list[tuple[Asked, list[Prediction]]]:
        """The predictions of each request with which all is well."""
        moment, since_ns = datetime.now(UTC), time.time_ns()
        predictions, problems = scorer.score([row for one in asked for row in one.rows], moment)
        if problems:
            wrong = {problem.row for problem in problems}
            starts = accumulate((len(one.rows) for one in asked), initial=0)
            asked = [one for one, start in zip(asked, starts, strict=False) if wrong.isdisjoint(range(start, start + len(one.rows)))]
            predictions, problems = scorer.score([row for one in asked for row in one.rows], moment)
            if problems:
                return []
        parts = iter(predictions)
        for one in asked:
            if one.timeline is not None:
                one.timeline.package, one.timeline.rows = scorer.package, len(one.rows)
                one.timeline.took("score", since_ns)
        return [(one, [next(parts) for _ in one.rows]) for one in asked]

    def _keep(self, loop: asyncio.AbstractEventLoop, package: str, made: list[tuple[Asked, list[Prediction]]]) -> None:
        records = [prediction for _, predictions in made for prediction in predictions]
        since_ns = time.time_ns()

        def leave(written: Future[None]) -> None:
            error = written.exception()
            for one, predictions in made:
                if one.answer.done():
                    continue
                if one.timeline is not None:
                    one.timeline.took("log", since_ns)
                if error is not None:
                    one.answer.set_exception(error)
                else:
                    one.answer.set_result(Answers(package, [Answer.of(prediction, beside=package) for prediction in predictions]))

        written = self._log.append("predictions", ENCODER.encode_lines(records))
        if written.done():
            leave(written)
        else:
            written.add_done_callback(lambda done: loop.call_soon_threadsafe(leave, done))


class Quick:
    """The ASGI application around an app: answers plain requests for predictions, and hands the others on."""

    def __init__(self, app: ASGIApp, desk: Desk, admission: Admission, metrics: Metrics) -> None:
        self._app = app
        self._desk = desk
        self._admission = admission
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST" or scope["query_string"] or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        since = time.perf_counter()
        try:
            message = await self._admission.first(receive)
            rows = plain_rows(message, self._admission.most_rows, self._admission.most_bytes)
            answers = None
            if rows is not None:
                async with self._admission.place():
                    answers = await self._desk.ask(rows)
        except (Fault, Refusal) as error:
            status = error.status if isinstance(error, Refusal) else 503
            self._metrics.answered(PATH, status, time.perf_counter() - since)
            await failure(PATH, status, error)(scope, receive, send)
            return
        if answers is None:
            await self._app(scope, _again(message, receive), send)
            return
        body = ENCODER.encode(answers)
        # Counted before it leaves: who has the answer finds it counted.
        self._metrics.predicted(len(answers.predictions), time.perf_counter() - since, len(body))
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_json(scope: Scope) -> bool:
    """Whether a request is JSON and wants JSON, as far as its headers say."""
    return not any(
        (name == b"content-type" or name == b"accept") and any(other in value for other in (b"csv", b"ndjson", b"arrow")) for name, value in scope["headers"]
    )


def plain_rows(message: Message, most: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> list[Any] | None:
    """The rows of a body that came whole; None where the request is no plain one."""
    body = message.get("body", b"")
    if message["type"] != "http.request" or message.get("more_body") or len(body) > min(MOST_BYTES, most_bytes):
        return None
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if type(said) is not dict or len(said) != 1 or type(rows := said.get("rows")) is not list or not 0 < len(rows) <= min(MOST_ROWS, most):
        return None
    return rows


def _again(message: Message, receive: Receive) -> Receive:
    """Receives a message that has been read already, and then what follows it."""
    read = iter((message,))

    async def receive_again() -> Message:
        return next(read, None) or await receive()

    return receive_again
