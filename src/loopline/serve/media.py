"""The formats of many rows at once: which one a request is in, which one it wants, and answers in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from loopline.serve.answers import ENCODER, Answer, Refusal, decode
from loopline.serve.outcomes import Truth

JSON = "application/json"
LINES = "application/x-ndjson"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
MEDIA = (JSON, LINES, CSV, ARROW)
TABLES = (CSV, ARROW)

# What clients say that do not mean anything by it, such as curl.
_UNSAID = frozenset({"", "application/x-www-form-urlencoded", "application/octet-stream", "text/plain", "text/json"})
_DECODER = msgspec.json.Decoder()


def sent(request: Request) -> str:
    """The format of a request's body; JSON where it does not say.

    Raises
    ------
    Refusal
        When it is one that is not read here.
    """
    said = _bare(request.headers.get("content-type", ""))
    if said in MEDIA:
        return said
    if said in _UNSAID or (said.startswith("application/") and said.endswith("+json")):
        return JSON
    raise Refusal(415, f"{said[:60]!r} is not read here", where="content-type", remedy=f"send one of: {', '.join(MEDIA)}")


def wanted(request: Request, otherwise: str) -> str:
    """The format that the answer shall have: the first of ours that is accepted, else that of the request."""
    accepted = (_bare(one) for one in request.headers.get("accept", "").split(","))
    return next((one for one in accepted if one in MEDIA), otherwise)


def lines(body: bytes) -> list[object]:
    """The values of JSON Lines.

    Raises
    ------
    Refusal
        When a line is no JSON; it names the line.
    """
    try:
        return _DECODER.decode_lines(body)
    except (RecursionError, msgspec.DecodeError, UnicodeDecodeError):
        return [_line(line, at) for at, line in enumerate(body.split(b"\n"), 1) if line.strip()]


def response(answers: Sequence[Answer], media: str, package: str, truth: Truth, reasons: int) -> Response:
    """The answers in a format, each with the package that made it."""
    if media in TABLES:
        columns = _columns(answers, package, truth, reasons)
        content = _csv(columns) if media == CSV else tabular().stream(columns)
    else:
        whole = [replace(answer, package=answer.package or package) for answer in answers]
        content = ENCODER.encode_lines(whole) if media == LINES else ENCODER.encode(whole)
    return Response(content, media_type=media)


def tabular() -> Any:
    """The module that reads and writes tables. Polars is loaded when the first table comes: rows need none of it, and an image for them may do without.

    Raises
    ------
    Refusal
        When it is not installed.
    """
    try:
        return import_module("loopline.serve.tables")
    except ImportError:
        what = "this server reads and writes no tables: Polars is not installed here"
        raise Refusal(415, what, where="content-type", remedy=f"send and accept {JSON} or {LINES}") from None


def _bare(said: str) -> str:
    return said.partition(";")[0].strip().lower()


def _line(line: bytes, at: int) -> object:
    try:
        return decode(line)
    except Refusal as error:
        raise Refusal(400, error.what.replace("the body", "the line"), where=f"line {at}", remedy="send one JSON object on each line") from None


def _columns(answers: Sequence[Answer], package: str, truth: Truth, reasons: int) -> dict[str, list[Any]]:
    """The answers as columns: ``id``, ``score``, for several classes ``score_<class>``, ``decision``, ``package``, ``reason_1`` and so on.

    Where there is a hold-out or an experiment, ``holdout`` or ``arm`` stand behind ``package``.
    """
    classes = truth.classes if truth.task == "multiclass" else ()
    said = [[reason["says"] for reason in answer.reasons or ()] for answer in answers]
    return {
        "id": [answer.id for answer in answers],
        "score": [answer.score for answer in answers],
        **{f"score_{name}": [(answer.scores or {}).get(name) for answer in answers] for name in classes},
        "decision": [answer.decision for answer in answers],
        "package": [answer.package or package for answer in answers],
        **({"holdout": [answer.holdout for answer in answers]} if any(answer.holdout is not None for answer in answers) else {}),
        **({"arm": [answer.arm for answer in answers]} if any(answer.arm is not None for answer in answers) else {}),
        **{f"reason_{at + 1}": [one[at] if at < len(one) else None for one in said] for at in range(reasons)},
    }


def _csv(columns: Mapping[str, Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
