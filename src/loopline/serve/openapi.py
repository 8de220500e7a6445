"""The server's description in OpenAPI 3.1, typed by the signature of the package that decides now."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from loopline.data.spec import ColumnType
from loopline.serve.media import ARROW, JSON, MEDIA
from loopline.serve.openapi_protocols import FAILURES, SCHEMAS, paths
from loopline.serve.scorer import Scorer
from loopline.serve.signature import Column

Json = dict[str, Any]

_TYPES: Mapping[ColumnType, Json] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "category": {"type": "string"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
_PROBLEM: Json = {
    "type": "object",
    "properties": {"row": {"type": "integer"}, "field": {"type": "string"}, "what": {"type": "string"}, "expected": {"type": "string"}},
    "required": ["row", "field", "what", "expected"],
}
_ERROR: Json = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "what": {"type": "string"},
                "where": {"type": "string"},
                "remedy": {"type": "string"},
                "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
            },
            "required": ["what", "where", "remedy"],
        }
    },
    "required": ["error"],
}
_REASONS: Json = {
    "name": "reasons",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0},
    "description": "Answer each row with so many of its strongest reasons. Fewer rows are taken at once then: serve.limits.reason_rows.",
}
_REASON: Json = {
    "type": "object",
    "properties": {
        "column": {"type": "string"},
        "value": {"type": ["string", "number", "boolean", "null"]},
        "unit": {"type": "string"},
        "effect": {"type": "number", "description": "What the column adds to the score."},
        "says": {"type": "string"},
    },
    "required": ["column", "value", "effect", "says"],
}
_OUTCOME: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "outcome": {"type": ["string", "number", "boolean"]},
        "metric": {"type": "string", "description": "Of a unit in an experiment: what is measured."},
    },
    "required": ["id", "outcome"],
}
_FEEDBACK: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "rating": {"type": ["number", "null"]},
        "text": {"type": ["string", "null"]},
        "who": {"type": ["string", "null"]},
    },
    "required": ["id"],
}
_TAKEN = "How many were kept. It is 200 although some are malformed: look at `malformed`, and at `problems` for what is wrong with them."

_RECEIVED: Json = {
    "type": "object",
    "properties": {
        "received": {"type": "integer"},
        "malformed": {"type": "integer"},
        "problems": {
            "type": "array",
            "items": {"type": "object", "properties": {"item": {"type": "integer"}, "what": {"type": "string"}}, "required": ["item", "what"]},
        },
    },
    "required": ["received", "malformed"],
}
_ASSIGN: Json = {
    "type": "object",
    "properties": {
        "assign": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "experiment": {"type": "string"},
                    "unit": {"type": "string"},
                    "prior": {"type": ["number", "null"], "description": "What the unit brought before the experiment, where that is known."},
                },
                "required": ["experiment", "unit"],
            },
        }
    },
    "required": ["assign"],
}
_ASSIGNED: Json = {
    "type": "object",
    "properties": {
        "experiment": {"type": "string"},
        "unit": {"type": "string"},
        "arm": {"type": ["string", "null"], "description": "Null for a unit that takes no part."},
        "id": {"type": ["string", "null"], "description": "By which outcomes of the unit are told."},
        "running": {"type": "boolean", "description": "Whether it runs still; after its end every unit has the winner."},
    },
    "required": ["experiment", "unit", "arm", "id", "running"],
}


def _field(column: Column) -> Json:
    schema = dict(_TYPES[column.type])
    if not column.required:
        schema["type"] = [schema["type"], "null"]
    if column.values:
        schema["examples"] = list(column.values[:10])
    roles = ", ".join(sorted(role.replace("_", " ") for role in column.roles))
    return schema | {"description": roles + ("; found for you where it is not sent" if "looked_up" in column.roles else "")}


def _row(scorer: Scorer | None) -> Json:
    if scorer is None:
        return {"type": "object", "description": "No package has been released yet; its signature will be here."}
    columns = scorer.signature.columns
    return {
        "type": "object",
        "properties": {column.name: _field(column) for column in columns},
        "required": [column.name for column in columns if column.needed],
        "additionalProperties": False,
    }


def _prediction(scorer: Scorer | None) -> Json:
    task = scorer.truth.task if scorer else None
    properties: Json = {"id": {"type": "string"}, "score": {"type": "number"}, "decision": {"type": "number" if task == "regression" else "string"}}
    if task is None:
        properties["decision"] = {"type": ["string", "number"]}
    if task == "binary":
        properties["decision"]["enum"] = ["act", "rest", "ask"]
    required = list(properties)
    if scorer and scorer.lookups.all:
        found: Json = {"found": {"type": "boolean"}, "as_of": {"type": ["string", "null"], "format": "date-time"}, "values": {"type": "object"}}
        properties["looked_up"] = {"type": "object", "additionalProperties": {"type": "object", "properties": found, "required": list(found)}}
    if task == "multiclass":
        properties["scores"] = {"type": "object", "additionalProperties": {"type": "number"}}
        required.append("scores")
    properties["package"] = {"type": "string", "description": "Where the rows were sent as a list."}
    properties["holdout"] = {"type": "boolean", "description": "Where there is a hold-out: whether the row was decided without the model."}
    properties["arm"] = {"type": "string", "description": "Where an experiment runs: the arm that the row belongs to."}
    if scorer is None or scorer.tells_reasons:
        properties["base"] = {"type": "number", "description": "With reasons: the mean score of the background; with all columns' effects it makes the score."}
        properties["reasons"] = {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}, "description": "Where they are asked for, strongest first."}
    return {"type": "object", "properties": properties, "required": required}


def _answer(schema: str, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _asked(schema: str, example: object = None) -> Json:
    media: Json = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"required": True, "content": {"application/json": media if example is None else media | {"example": example}}}


def _list(schema: str) -> Json:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


def _holding(name: str, schema: str, **others: Json) -> Json:
    """An object with a list under a name."""
    return {"type": "object", "properties": {**others, name: _list(schema)}, "required": [*others, name]}


def _some(failures: Json, *statuses: str) -> Json:
    return {status: failures[status] for status in statuses}


def _many(said: Json) -> Json:
    """The same, in the other formats of many rows too."""
    others = {media: {"schema": {"type": "string", **({"format": "binary"} if media == ARROW else {})}} for media in MEDIA if media != JSON}
    return said | {"content": said["content"] | others}


def document(project: str, scorer: Scorer | None) -> Json:
    """The OpenAPI document of a project's server, for the package of the scorer or, with None, before any is released."""
    failures = {status: _answer("Error", text) for status, text in FAILURES.items() if status not in ("404", "422")}
    return {
        "openapi": "3.1.0",
        "info": {"title": project, "version": scorer.package[:8] if scorer else "none", "description": f"Served by Loopline {version('loopline')}."},
        "paths": {
            **{f"/v1/{post['operationId']}": {"post": post} for post in _posts(scorer, failures)},
            **{path: {"get": {"summary": text, "responses": {"200": {"description": "Yes."}, "400": failures["400"]}}} for path, text in _SIMPLE.items()},
            "/readyz": {
                "get": {"summary": "Whether a package is loaded and warm.", "responses": {"200": {"description": "Yes."}, **_some(failures, "400", "503")}}
            },
            **paths(scorer),
        },
        "components": {"schemas": _schemas(scorer)},
    }


def _posts(scorer: Scorer | None, failures: Json) -> list[Json]:
    """The endpoints that something is sent to; each is named like its path."""
    predict = {
        "operationId": "predict",
        "summary": "Score rows and decide.",
        "parameters": [_REASONS],
        "requestBody": _many(_asked("Rows", {"rows": [scorer.example()]} if scorer else None)),
        "responses": {
            "200": _many(_answer("Predictions", "One prediction for each row, in their order; each is in the prediction log.")),
            "422": _answer("Error", "A row has an unknown, missing or ill-typed field; every problem is listed, and no row was scored."),
            **failures,
        },
    }
    outcomes: Json = {
        "operationId": "outcomes",
        "summary": "Tell what really happened; the latest word on a prediction holds.",
        "requestBody": _asked("Outcomes"),
        "responses": {"200": _answer("Received", _TAKEN), **failures},
    }
    feedback: Json = {
        "operationId": "feedback",
        "summary": "Tell what customers say of predictions; the latest word of a person on a prediction holds.",
        "requestBody": _asked("Feedback"),
        "responses": {"200": _answer("Received", _TAKEN), **failures},
    }
    assign: Json = {
        "operationId": "assign",
        "summary": "The arm of units in an experiment on a feature; the same unit has always the same one.",
        "requestBody": _asked("Assign"),
        "responses": {"200": _answer("Assignments", "One arm for each item, in their order; each is in the log."), **failures},
    }
    return [predict, outcomes, feedback, assign]


def _schemas(scorer: Scorer | None) -> Json:
    return {
        "Row": _row(scorer),
        "Rows": {"anyOf": [_holding("rows", "Row"), _list("Row")]},
        "Prediction": _prediction(scorer),
        "Predictions": {"anyOf": [_holding("predictions", "Prediction", package={"type": "string"}), _list("Prediction")]},
        "Reason": _REASON,
        "Outcome": _OUTCOME,
        "Outcomes": {"anyOf": [_holding("outcomes", "Outcome"), _list("Outcome")]},
        "FeedbackItem": _FEEDBACK,
        "Feedback": {"anyOf": [_holding("feedback", "FeedbackItem"), _list("FeedbackItem")]},
        "Assign": _ASSIGN,
        "Assigned": _ASSIGNED,
        "Assignments": _holding("assigned", "Assigned"),
        "Received": _RECEIVED,
        "Problem": _PROBLEM,
        "Error": _ERROR,
        **SCHEMAS,
    }


_SIMPLE = {"/healthz": "Whether the process lives.", "/metrics": "Counters for Prometheus.", "/openapi.json": "This document."}
