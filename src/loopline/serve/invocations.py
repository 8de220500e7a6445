"""Scoring as MLflow's server has it: ``/invocations`` with its five shapes of a table, ``/ping``, ``/health`` and ``/version``.

References
----------
MLflow, "Deploy MLflow Model as a Local Inference Server", the inference server specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loopline.serve.admission import Admission
from loopline.serve.answerer import Answerer, reasons_of
from loopline.serve.answers import Answer, Refusal, as_json, decode
from loopline.serve.media import CSV, JSON, sent

Json = dict[str, Any]


def read(body: object) -> tuple[list[object], object]:
    """The rows of a request, an object each, and how many reasons it asks for.

    Raises
    ------
    Refusal
        When the body has not exactly one of MLflow's shapes.
    """
    there = [name for name in _SHAPES if name in body] if type(body) is dict else []
    if type(body) is not dict or len(there) != 1 or set(body) - {there[0], "params"}:
        raise Refusal(400, f"the body is not an object with one of {', '.join(_SHAPES)}", where="body", remedy='send {"dataframe_records": [{...}]}')
    params = {} if body.get("params") is None else body["params"]
    if type(params) is not dict:
        raise Refusal(400, "the params are no object", where="params", remedy='send such as {"reasons": 3}, or leave them out')
    return _SHAPES[there[0]](body[there[0]], there[0]), params.get("reasons", 0)


def prediction(answer: Answer, package: str) -> Json:
    """An answer as it stands among ``predictions``: with the columns that an exported package gives in MLflow, its id and its package."""
    said: Json = {"score": answer.score, "decision": answer.decision}
    said |= {f"score {name}": score for name, score in (answer.scores or {}).items()}
    said |= {"prediction_id": answer.id, "package": answer.package or package}
    said |= {name: value for name, value in (("holdout", answer.holdout), ("arm", answer.arm)) if value is not None}
    return said if answer.reasons is None else {**said, "reasons": answer.reasons}


class Invocations:
    """The endpoints of MLflow's server."""

    def __init__(self, admission: Admission, answerer: Answerer) -> None:
        self._admission = admission
        self._answerer = answerer

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/invocations", self.invoke, methods=["POST"]),
            Route("/ping", self.ping),
            Route("/health", self.ping),
            Route("/version", self.version),
        ]

    async def invoke(self, request: Request) -> Response:
        """Score a table."""
        scorer, media = self._answerer.scorer(), sent(request)
        if media not in (JSON, CSV):
            raise Refusal(415, f"{media} is not read here", where="content-type", remedy=f"send {JSON} or {CSV}")
        async with self._admission.taken(request) as body:
            if media == CSV:
                answers = await self._answerer.table(scorer, CSV, body)
            else:
                rows, reasons = read(decode(body))
                answers = await self._answerer.rows(scorer, rows, reasons_of(scorer, reasons))
            return as_json({"predictions": [prediction(one, scorer.package) for one in answers]})

    async def ping(self, request: Request) -> Response:
        """Whether a package is loaded and warm."""
        self._answerer.scorer()
        return Response("\n", media_type=JSON)

    async def version(self, request: Request) -> Response:
        """The version of Loopline."""
        return Response(version("loopline"), media_type="text/plain")


def _split(value: object, where: str) -> list[object]:
    names, data = (value.get("columns"), value.get("data")) if type(value) is dict else (None, None)
    if type(names) is not list or type(data) is not list or not all(type(name) is str for name in names):
        raise Refusal(400, "it has no lists 'columns' and 'data'", where=where, remedy='send {"columns": ["a"], "data": [[1], [2]]}')
    for place, row in enumerate(data):
        if type(row) is not list or len(row) != len(names):
            raise Refusal(400, f"the row is no list of {len(names)} values", where=f"{where}.data[{place}]", remedy="send a value for each column")
    return [dict(zip(names, row, strict=True)) for row in data]


def _records(value: object, where: str) -> list[object]:
    if type(value) is not list:
        raise Refusal(400, "it is no list of objects", where=where, remedy='send [{"a": 1}, {"a": 2}]')
    return value


def _columns(value: object, where: str) -> list[object]:
    """A list of rows, or an object with the values of each column."""
    if type(value) is not dict:
        return _records(value, where)
    columns: Mapping[str, Sequence[object]] = value
    if not all(type(values) is list for values in columns.values()) or len({len(values) for values in columns.values()}) > 1:
        raise Refusal(400, "its columns are no lists of one length", where=where, remedy='send {"a": [1, 2], "b": [3, 4]}')
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


_SHAPES: Mapping[str, Callable[[object, str], list[object]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _columns,
    "inputs": _columns,
}
