"""The Open Inference Protocol, version 2, over HTTP: a tensor for each column in, a tensor for each part of the answer out.

References
----------
Open Inference Protocol, https://github.com/kserve/open-inference-protocol, "inference_rest".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from loopline.data.spec import ColumnType
from loopline.serve.admission import Admission
from loopline.serve.answerer import Answerer, reasons_of
from loopline.serve.answers import Answer, Refusal, as_json, decode
from loopline.serve.scorer import Scorer
from loopline.serve.signature import is_text

Json = dict[str, Any]

DATATYPES: Mapping[ColumnType, str] = {
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "text": "BYTES",
    "category": "BYTES",
    "date": "BYTES",
    "datetime": "BYTES",
}
_KNOWN = ("BOOL", *(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)), "FP16", "FP32", "FP64", "BYTES")
_PREFIX = 12
"""The package digest's beginning that is the model's version."""
_SHORTEST = 8
_MOST_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for inference says.

    Parameters
    ----------
    rows
        An object for each row, as the native endpoint takes it.
    outputs
        The names of the tensors that are wanted; all for None.
    reasons
        How many reasons are asked for, as it was said.
    """

    rows: list[Json]
    id: str | None
    outputs: tuple[str, ...] | None
    reasons: object


def read(body: object) -> Asked:
    """What is asked for.

    Raises
    ------
    Refusal
        When the body is no such request.
    """
    if type(body) is not dict or type(body.get("inputs")) is not list or not body["inputs"]:
        raise Refusal(400, "the body has no list 'inputs' of tensors", where="body", remedy='send {"inputs": [{"name", "shape", "datatype", "data"}, ...]}')
    id, parameters, outputs = body.get("id"), body.get("parameters") or {}, body.get("outputs")
    if id is not None and not is_text(id):
        raise Refusal(400, "the id is no text", where="id", remedy="send a text, or leave it out")
    if type(parameters) is not dict:
        raise Refusal(400, "the parameters are no object", where="parameters", remedy='send such as {"reasons": 3}, or leave them out')
    columns: dict[str, list[Any]] = {}
    for place, tensor in enumerate(body["inputs"]):
        name, values = _tensor(tensor, f"inputs[{place}]")
        if name in columns:
            raise Refusal(400, f"there are two inputs {name[:40]!r}", where=f"inputs[{place}]", remedy="send each column once")
        columns[name] = values
    counts = {len(values) for values in columns.values()}
    if len(counts) > 1:
        raise Refusal(400, f"the inputs have {min(counts):,} to {max(counts):,} values", where="inputs", remedy="send one value of each column for each row")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Asked(rows, id, None if outputs is None else _names(outputs), parameters.get("reasons", 0))


def answer(project: str, scorer: Scorer, asked: Asked, answers: Sequence[Answer], reasons: int) -> Json:
    """The response to a request.

    Raises
    ------
    Refusal
        When an output is wanted that there is not.
    """
    made = {one["name"]: one for one in _tensors(scorer, answers, reasons)}
    wanted = tuple(made) if asked.outputs is None else asked.outputs
    unknown = [name for name in wanted if name not in made]
    if unknown:
        raise Refusal(400, f"there is no output {unknown[0][:40]!r}", where="outputs", remedy=f"there are: {', '.join(made)}")
    said = {"model_name": project, "model_version": scorer.package[:_PREFIX], "outputs": [made[name] for name in wanted]}
    return said if asked.id is None else {"id": asked.id, **said}


def metadata(project: str, scorer: Scorer) -> Json:
    """What the model takes and answers: a column that may be left out is ``optional``."""
    inputs = [
        {"name": column.name, "datatype": DATATYPES[column.type], "shape": [-1], "parameters": {"type": column.type, "optional": not column.needed}}
        for column in scorer.signature.columns
    ]
    outputs = [{**{key: one[key] for key in ("name", "datatype")}, "shape": [-1, *one["shape"][1:]]} for one in _tensors(scorer, [], 0)]
    return {"name": project, "versions": [scorer.package[:_PREFIX]], "platform": "loopline_onnx", "inputs": inputs, "outputs": outputs}


class Inference:
    """The protocol's endpoints."""

    def __init__(self, project: str, admission: Admission, answerer: Answerer) -> None:
        self._project = project
        self._admission = admission
        self._answerer = answerer

    def routes(self) -> list[Route]:
        """Where they are."""
        models = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
        return [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            *(Route(model, self.model) for model in models),
            *(Route(f"{model}/ready", self.model_ready) for model in models),
            *(Route(f"{model}/infer", self.infer, methods=["POST"]) for model in models),
        ]

    async def server(self, request: Request) -> Response:
        """Who answers."""
        return as_json({"name": "loopline", "version": version("loopline"), "extensions": []})

    async def live(self, request: Request) -> Response:
        """Whether the process lives."""
        return as_json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Whether a package is loaded and warm."""
        self._answerer.scorer()
        return as_json({"ready": True})

    async def model(self, request: Request) -> Response:
        """What the model takes and answers."""
        return as_json(metadata(self._project, self._scorer(request)))

    async def model_ready(self, request: Request) -> Response:
        """Whether the model is loaded and warm."""
        self._scorer(request)
        return as_json({"name": self._project, "ready": True})

    async def infer(self, request: Request) -> Response:
        """Score the rows that the tensors make."""
        scorer = self._scorer(request)
        if "inference-header-content-length" in request.headers:
            raise Refusal(415, "tensors in binary are not read here", where="inference-header-content-length", remedy="send their data as JSON")
        async with self._admission.taken(request) as body:
            asked = read(decode(body))
            reasons = reasons_of(scorer, asked.reasons)
            # Said before anything is scored, for what is scored is kept.
            answer(self._project, scorer, asked, [], reasons)
            # Who names the version that decides is answered by no other.
            answers = await self._answerer.rows(scorer, asked.rows, reasons, alone="version" in request.path_params)
            return as_json(answer(self._project, scorer, asked, answers, reasons))

    def _scorer(self, request: Request) -> Scorer:
        name, said = request.path_params["name"], request.path_params.get("version")
        if name != self._project:
            raise Refusal(404, f"there is no model {name[:40]!r}", where="model", remedy=f"the model is {self._project!r}")
        scorer = self._answerer.scorer()
        if said is not None and not (len(said) >= _SHORTEST and scorer.package.startswith(said)):
            raise Refusal(404, f"there is no version {said[:40]!r}", where="version", remedy=f"the version that decides now is {scorer.package[:_PREFIX]}")
        return scorer


def _tensor(tensor: object, where: str) -> tuple[str, list[Any]]:
    """A tensor's name and its values in one list."""
    if type(tensor) is not dict or not is_text(tensor.get("name")) or type(tensor.get("data")) is not list:
        raise Refusal(400, "it is no tensor with a name and a list 'data'", where=where, remedy='send {"name", "shape", "datatype", "data"}')
    name, shape, datatype, data = tensor["name"], tensor.get("shape"), tensor.get("datatype"), tensor["data"]
    if datatype not in _KNOWN:
        shown = datatype[:40] if type(datatype) is str else type(datatype).__name__
        raise Refusal(400, f"{shown!r} is no datatype", where=f"{where}.datatype", remedy=f"use one of: {', '.join(sorted(set(DATATYPES.values())))}")
    if type(shape) is not list or not 0 < len(shape) <= _MOST_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise Refusal(400, "the shape is no list of sizes", where=f"{where}.shape", remedy="send the number of rows, such as [2] or [2, 1]")
    for _ in shape[1:]:
        if data and all(type(one) is list for one in data):
            data = [value for one in data for value in one]
    if len(data) != math.prod(shape) or math.prod(shape[1:]) != 1:
        what = f"there are {len(data):,} values, and the shape is {str(shape)[:60]}"
        raise Refusal(400, what, where=where, remedy="send a tensor for each column, with one value for each row")
    return name, data


def _names(outputs: object) -> tuple[str, ...]:
    if type(outputs) is not list or not all(type(one) is dict and is_text(one.get("name")) for one in outputs):
        raise Refusal(400, "the outputs are no list of names", where="outputs", remedy='send such as [{"name": "score"}], or leave them out')
    return tuple(one["name"] for one in outputs)


def _tensors(scorer: Scorer, answers: Sequence[Answer], reasons: int) -> list[Json]:
    rows, classes = len(answers), scorer.truth.classes
    made = [_made("score", "FP64", [rows], [one.score for one in answers])]
    if scorer.truth.task == "multiclass":
        scores = [(one.scores or {}).get(name) for one in answers for name in classes]
        made.append(_made("scores", "FP64", [rows, len(classes)], scores) | {"parameters": {"classes": json.dumps(classes)}})
    made.append(_made("decision", "FP64" if scorer.truth.task == "regression" else "BYTES", [rows], [one.decision for one in answers]))
    made.append(_made("prediction_id", "BYTES", [rows], [one.id for one in answers]))
    made.append(_made("package", "BYTES", [rows], [one.package or scorer.package for one in answers]))
    if scorer.decider.has_holdout:
        made.append(_made("holdout", "BOOL", [rows], [bool(one.holdout) for one in answers]))
    if scorer.decider.has_arms:
        made.append(_made("arm", "BYTES", [rows], [one.arm or "" for one in answers]))
    if reasons:
        said = [[reason["says"] for reason in one.reasons or ()] for one in answers]
        made.append(_made("reasons", "BYTES", [rows, reasons], [one[at] if at < len(one) else "" for one in said for at in range(reasons)]))
    return made


def _made(name: str, datatype: str, shape: list[int], data: list[Any]) -> Json:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}
