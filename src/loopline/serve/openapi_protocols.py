"""The OpenAPI description of what the server speaks beside its own words: the Open Inference Protocol and MLflow's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.serve.inference import DATATYPES
from loopline.serve.scorer import Scorer

Json = dict[str, Any]

_TENSOR: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
        "datatype": {"type": "string"},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
    "required": ["name", "shape", "datatype", "data"],
}
_PARAMETERS: Json = {"type": "object", "properties": {"reasons": {"type": "integer", "minimum": 0, "maximum": 100}}}
SCHEMAS: Mapping[str, Json] = {
    "Tensor": _TENSOR,
    "InferenceRequest": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": _PARAMETERS,
            "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}, "minItems": 1, "description": "One for each column."},
            "outputs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        },
        "required": ["inputs"],
    },
    "InferenceResponse": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
        },
        "required": ["model_name", "model_version", "outputs"],
    },
    "ModelMetadata": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "versions": {"type": "array", "items": {"type": "string"}},
            "platform": {"type": "string"},
            "inputs": {"type": "array", "items": {"type": "object"}},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["name", "versions", "platform", "inputs", "outputs"],
    },
    "InferenceError": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
    "Invocation": {
        "type": "object",
        "description": "One of the four, and the params where reasons are asked for.",
        "properties": {
            "dataframe_split": {
                "type": "object",
                "properties": {"columns": {"type": "array", "items": {"type": "string"}}, "data": {"type": "array", "items": {"type": "array"}}},
                "required": ["columns", "data"],
            },
            "dataframe_records": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
            "instances": {"type": ["array", "object"]},
            "inputs": {"type": ["array", "object"]},
            "params": _PARAMETERS,
        },
    },
    "Invoked": {
        "type": "object",
        "properties": {
            "predictions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "score": {"type": "number"},
                        "decision": {"type": ["string", "number"]},
                        "prediction_id": {"type": "string"},
                        "package": {"type": "string"},
                        "holdout": {"type": "boolean"},
                        "arm": {"type": "string"},
                    },
                    "required": ["score", "decision", "prediction_id", "package"],
                },
            }
        },
        "required": ["predictions"],
    },
    "InvocationError": {
        "type": "object",
        "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["error_code", "message"],
    },
}
FAILURES = {
    "400": "The body, or a parameter, is not what it should be.",
    "404": "There is no such model or version.",
    "408": "The body did not come in time.",
    "413": "The request is too large.",
    "415": "The format is not read here.",
    "422": "A row has an unknown, missing or ill-typed field; no row was scored.",
    "429": "Too many requests wait already: try again a little later.",
    "503": "Not ready, too slow, or the disk is full: try again.",
}
_NAME: Json = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "description": "The project's name."}
_VERSION: Json = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}, "description": "The beginning of the package's digest."}


def paths(scorer: Scorer | None) -> Json:
    """The paths of both protocols."""
    found: Json = {
        "/v2": _got("The Open Inference Protocol: who answers."),
        "/v2/health/live": _got("Whether the process lives."),
        "/v2/health/ready": _got("Whether a package is loaded and warm.", "InferenceError", "503"),
    }
    for path, parameters in (("/v2/models/{name}", [_NAME]), ("/v2/models/{name}/versions/{version}", [_NAME, _VERSION])):
        found[path] = _got("What the model takes and answers.", "InferenceError", "404", "503", answer="ModelMetadata") | {"parameters": parameters}
        found[f"{path}/ready"] = _got("Whether the model is loaded and warm.", "InferenceError", "404", "503") | {"parameters": parameters}
        found[f"{path}/infer"] = {"parameters": parameters, "post": _posted("Score tensors and decide.", "Inference", _tensors(scorer))}
    records = {"dataframe_records": [scorer.example()]} if scorer else None
    found["/invocations"] = {"post": _posted("MLflow's way to score a table.", "Invocation", records)}
    found["/invocations"]["post"]["requestBody"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    for path in ("/ping", "/health"):
        found[path] = _got("Whether a package is loaded and warm.", "Error", "503")
    return found | {"/version": _got("The version of Loopline.")}


def _tensors(scorer: Scorer | None) -> Json | None:
    if scorer is None:
        return None
    row = scorer.example()
    types = {column.name: DATATYPES[column.type] for column in scorer.signature.columns}
    return {"inputs": [{"name": name, "shape": [1], "datatype": types[name], "data": [value]} for name, value in row.items()]}


def _got(summary: str, error: str = "", *statuses: str, answer: str = "") -> Json:
    right: Json = {"description": "Yes."} if not answer else _said(answer, "It is this.")
    return {"get": {"summary": summary, "responses": {"200": right, **_failures(error, statuses)}}}


def _posted(summary: str, kind: str, example: Json | None) -> Json:
    asked, answer = ("InferenceRequest", "InferenceResponse") if kind == "Inference" else ("Invocation", "Invoked")
    media: Json = {"schema": {"$ref": f"#/components/schemas/{asked}"}} | ({} if example is None else {"example": example})
    statuses = [status for status in FAILURES if kind == "Inference" or status != "404"]
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {"200": _said(answer, "A prediction for each row; each is in the prediction log."), **_failures(f"{kind}Error", statuses)},
    }


def _failures(error: str, statuses: Sequence[str]) -> Json:
    return {status: _said(error, FAILURES[status]) for status in statuses}


def _said(schema: str, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
