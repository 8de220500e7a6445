"""What leaves the server: predictions, and refusals that say what, where and what to do about it, in the words of each protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from loopline.errors import Fault, LooplineError
from loopline.serve.scorer import Prediction
from loopline.serve.signature import RAW_CHARACTERS, Problem
from loopline.serve.timeline import TIMELINE

SHOWN_PROBLEMS = 100
RETRY_AFTER_S = "1"
ENCODER = msgspec.json.Encoder()
ENDPOINTS = (
    ("POST", "/v1/predict", "score rows and decide"),
    ("POST", "/v1/outcomes", "tell what really happened"),
    ("GET", "/v2", "the same in the Open Inference Protocol"),
    ("GET", "/v2/health/live", "whether the process lives"),
    ("GET", "/v2/health/ready", "whether a package is loaded and warm"),
    ("GET", "/v2/models/{name}", "what the model takes and answers"),
    ("GET", "/v2/models/{name}/ready", "whether the model is loaded and warm"),
    ("POST", "/v2/models/{name}/infer", "score tensors and decide"),
    ("POST", "/invocations", "the same as MLflow has it"),
    ("GET", "/ping", "whether a package is loaded and warm"),
    ("GET", "/health", "whether a package is loaded and warm"),
    ("GET", "/version", "the version of Loopline"),
    ("POST", "/v1/feedback", "tell what customers say of predictions"),
    ("POST", "/v1/assign", "the arm of units in an experiment on a feature"),
    ("GET", "/healthz", "whether the process lives"),
    ("GET", "/readyz", "whether a package is loaded and warm"),
    ("GET", "/metrics", "counters for Prometheus"),
    ("GET", "/openapi.json", "the description of all this"),
)
PATHS = frozenset(path for _, path, _ in ENDPOINTS)


_RETRY_AFTER_S = {429: 1, 503: 5}
"""After so many seconds it is worth asking again."""
_OF_CONTENT = frozenset({400, 415, 422})
"""What these say is about what the request holds; the others are about limits, paths and the server."""
_CODES = {400: "BAD_REQUEST", 404: "RESOURCE_DOES_NOT_EXIST", 422: "INVALID_PARAMETER_VALUE", 429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR"}
"""MLflow's names for what went wrong."""


class Refusal(LooplineError):
    """A request that is not answered, with the status that says so."""

    def __init__(self, status: int, what: str, *, where: str = "", remedy: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, where=where, remedy=remedy, retry=status in _RETRY_AFTER_S)
        self.status = status
        self.problems = problems


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prediction as it is answered; `scores` only where there are several classes, `looked_up` where something was, `reasons` where they were asked for.

    `base` is the mean score of the background; with the effects of all columns, of which the reasons are the strongest, it makes the score.
    `package` stands in it where nothing around it says which one answered; `holdout` where there is a hold-out, and `arm` where an experiment has it take part.
    """

    id: str
    score: float
    decision: str | float
    scores: dict[str, float] | None = None
    looked_up: dict[str, dict[str, Any]] | None = None
    base: float | None = None
    reasons: list[dict[str, Any]] | None = None
    package: str | None = None
    holdout: bool | None = None
    arm: str | None = None

    @classmethod
    def of(cls, made: Prediction, *, beside: str) -> Answer:
        """What is answered of a prediction: of what was looked up also the values, which in the log stand in the row.

        Parameters
        ----------
        beside
            The package that decides, which is said once for all answers; one that was made by another package names it.
        """
        found = {
            name: {"found": one.found, "as_of": one.as_of, "values": {column: made.row[column] for column in one.columns}}
            for name, one in (made.looked_up or {}).items()
        }
        other = None if made.package == beside else made.package
        return cls(made.id, made.score, made.decision, made.scores, found or None, package=other, holdout=made.holdout, arm=made.arm)


def require_known(asked: Iterable[str], known: Sequence[str]) -> None:
    """Check that a request's query has only parameters that its path takes, each once: a mistyped one would change nothing, and nobody would know.

    Raises
    ------
    Refusal
        Naming the nearest right one.
    """
    seen: set[str] = set()
    for name in asked:
        if name not in known:
            near = get_close_matches(name[:80], known, n=1)
            remedy = f"{near[0]!r} perhaps" if near else f"there {'is' if len(known) == 1 else 'are'}: {', '.join(known)}" if known else "it takes none"
            raise Refusal(400, f"there is no parameter {ascii(name[:80])} here", where="query", remedy=remedy)
        if name in seen:
            raise Refusal(400, f"the parameter {name!r} is given twice", where="query", remedy="give it once")
        seen.add(name)


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


def endpoint(path: str) -> str:
    """The path as `ENDPOINTS` has it, with every model and version under one name; ``other`` where there is none."""
    if path.startswith("/v2/models/"):
        last = path.rsplit("/", 1)[1]
        path = "/v2/models/{name}" + (f"/{last}" if last in ("ready", "infer") else "")
    return path if path in PATHS else "other"


def reason_of(status: int, error: LooplineError, problems: Sequence[Problem] = ()) -> str:
    """Why a request is refused, without a word of its body: what is said of a body's content may quote it."""
    if problems:
        return f"{len({one.row for one in problems}):,} rows are not as the package wants them"
    if status in _OF_CONTENT:
        return f"not as it is wanted: {error.where or 'the request'}"
    return error.what


def failure(path: str, status: int, error: LooplineError, problems: Sequence[Problem] = ()) -> Response:
    """A refusal in the words of the protocol that a path belongs to."""
    timeline = TIMELINE.get()
    if timeline is not None:
        timeline.refused = reason_of(status, error, problems)
    said: dict[str, Any] = {"what": error.what, "where": error.where, "remedy": error.remedy}
    if problems:
        said["problems"] = [{"row": one.row, "field": one.field, "what": one.what, "expected": one.expected} for one in problems[:SHOWN_PROBLEMS]]
        said["problems_count"] = len(problems)
    if path == "/v2" or path.startswith("/v2/"):
        response = as_json({"error": str(error)}, status)
    elif path == "/invocations":
        response = as_json({"error_code": _CODES.get(status, _CODES[500 if status >= 500 else 400]), "message": str(error)}, status)
    else:
        response = as_json({"error": said}, status)
    if status in _RETRY_AFTER_S:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S[status])
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return failure(request.url.path, error.status, error, error.problems)


async def _faulty(request: Request, error: Exception) -> Response:
    assert isinstance(error, LooplineError)
    return failure(request.url.path, 503 if error.retry else 500, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        response = failure(path, 405, LooplineError(f"{request.method} is not taken here", where=path, remedy=f"use {allowed}"))
        response.headers["Allow"] = allowed
        return response
    if error.status_code == 404:
        near = get_close_matches(path, [known for _, known, _ in ENDPOINTS], n=1)
        remedy = f"{near[0]} perhaps" if near else f"there are: {', '.join(known for _, known, _ in ENDPOINTS)}"
        return failure(path, 404, LooplineError("there is no such path", where=path, remedy=remedy))
    return failure(path, error.status_code, LooplineError(error.detail, where=path))


async def _gone(request: Request, error: Exception) -> Response:
    return failure(request.url.path, 400, LooplineError("the client went away before its body had come"))


async def _broken(request: Request, error: Exception) -> Response:
    return failure(request.url.path, 500, Fault("the server met a defect of its own", remedy="its log has the details"))


HANDLERS: Mapping[Any, Any] = {Refusal: _refused, LooplineError: _faulty, HTTPException: _http, ClientDisconnect: _gone, Exception: _broken}
"""From what may go wrong in a request to the response that says so."""
