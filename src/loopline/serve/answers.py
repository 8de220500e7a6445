"""What leaves the server beside predictions: JSON, and refusals that say what, where and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from loopline.errors import Fault, LooplineError
from loopline.serve.signature import RAW_CHARACTERS, Problem

SHOWN_PROBLEMS = 100
RETRY_AFTER_S = "1"
ENCODER = msgspec.json.Encoder()
ENDPOINTS = (
    ("POST", "/v1/predict", "score rows and decide"),
    ("POST", "/v1/outcomes", "tell what really happened"),
    ("POST", "/v1/feedback", "tell what customers say of predictions"),
    ("GET", "/healthz", "whether the process lives"),
    ("GET", "/readyz", "whether a package is loaded and warm"),
    ("GET", "/metrics", "counters for Prometheus"),
    ("GET", "/openapi.json", "the description of all this"),
)
PATHS = frozenset(path for _, path, _ in ENDPOINTS)


class Refusal(LooplineError):
    """A request that is not answered, with the status that says so."""

    def __init__(self, status: int, what: str, *, where: str = "", remedy: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, where=where, remedy=remedy, retry=status == 503)
        self.status = status
        self.problems = problems


def decode(body: bytes) -> Any:
    """The JSON value of a body; NaN and infinities are let through, so that the check can name their fields.

    Raises
    ------
    Refusal
        When it is no JSON.
    """
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply", where="body", remedy="send flat rows") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(400, f"the body is not JSON ({error})", where="body", remedy="send a JSON object") from None


def raw(item: object) -> str:
    """A refused item as JSON text, cut where it is too long to keep."""
    try:
        return json.dumps(item)[:RAW_CHARACTERS]
    except RecursionError:
        return "(nested too deeply)"


def as_json(value: object, status: int = 200) -> Response:
    """A response with a JSON body."""
    return Response(ENCODER.encode(value), status_code=status, media_type="application/json")


def failure(status: int, error: LooplineError, problems: Sequence[Problem] = ()) -> Response:
    """The response that says why a request is not answered, and after how long to come again where that may help."""
    said: dict[str, Any] = {"what": error.what, "where": error.where, "remedy": error.remedy}
    if problems:
        said["problems"] = [{"row": one.row, "field": one.field, "what": one.what, "expected": one.expected} for one in problems[:SHOWN_PROBLEMS]]
        said["problems_count"] = len(problems)
    response = as_json({"error": said}, status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_S
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return failure(error.status, error, error.problems)


async def _faulty(request: Request, error: Exception) -> Response:
    assert isinstance(error, LooplineError)
    return failure(503 if error.retry else 500, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        response = failure(405, LooplineError(f"{request.method} is not taken here", where=path, remedy=f"use {allowed}"))
        response.headers["Allow"] = allowed
        return response
    if error.status_code == 404:
        near = get_close_matches(path, [known for _, known, _ in ENDPOINTS], n=1)
        remedy = f"{near[0]} perhaps" if near else f"there are: {', '.join(known for _, known, _ in ENDPOINTS)}"
        return failure(404, LooplineError("there is no such path", where=path, remedy=remedy))
    return failure(error.status_code, LooplineError(error.detail, where=path))


async def _gone(request: Request, error: Exception) -> Response:
    return failure(400, LooplineError("the client went away before its body had come"))


async def _broken(request: Request, error: Exception) -> Response:
    return failure(500, Fault("the server met a defect of its own", remedy="its log has the details"))


HANDLERS: Mapping[Any, Any] = {Refusal: _refused, LooplineError: _faulty, HTTPException: _http, ClientDisconnect: _gone, Exception: _broken}
"""From what may go wrong in a request to the response that says so."""
