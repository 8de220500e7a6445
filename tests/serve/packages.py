"""Small real packages: a linear graph over two numbers and a category, as ONNX, stored in a lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.background import Background
from loopline.model.graph import Piece, assemble, tensor
from loopline.model.package import pack, store, written
from loopline.model.plan import Plan
from loopline.serve.frame import score_frame
from loopline.serve.scorer import Scorer, load
from tests.signing import vouched

PLAN = Plan(numbers=("age", "income"), dates=(), categories=(("city", ("Bern", "Oslo")),))
COLUMNS = [
    {"name": "id", "type": "integer", "roles": ["key"], "needed": False, "required": False, "values": None},
    {"name": "at", "type": "datetime", "roles": ["time"], "needed": False, "required": False, "values": None},
    {"name": "age", "type": "integer", "roles": ["feature"], "needed": True, "required": True, "values": None},
    {"name": "income", "type": "number", "roles": ["feature"], "needed": True, "required": False, "values": None},
    {"name": "city", "type": "category", "roles": ["feature"], "needed": True, "required": False, "values": ["Bern", "Oslo"]},
]
ROW = {"age": 30, "income": 1000.0, "city": "Bern"}
_TASKS = {
    "binary": (["no", "yes"], {"kind": "threshold", "threshold": 0.5}, 1, "Sigmoid"),
    "multiclass": (["a", "b", "c"], {"kind": "most_likely"}, 3, "Softmax"),
    "regression": ([], {"kind": "value"}, 1, "Identity"),
}


BACKGROUND = Background(
    {
        "age": np.array([20.0, 40.0, 60.0]),
        "income": np.array([500.0, np.nan, 1500.0]),
        "city": np.array(["Bern", "Oslo", None], dtype=object),
    },
    {"age": 40, "income": 1000, "city": "Bern"},
    {"income": "EUR"},
)


def weights_of(task: str, shift: float = 0.0) -> np.ndarray:
    """The weights, shape (1 + 4, k): the first row is the intercept."""
    width = _TASKS[task][2]
    return (np.arange(5 * width).reshape(5, width) % 7 - 3) * np.array([[1.0], [0.02], [0.0005], [0.5], [-0.5]]) + shift


LOOKUP = {
    **{"name": "incomes", "table": "incomes", "keys": [["city", "city"]], "as_of": "since", "moment": "at", "offset_us": 0, "delay_us": 0},
    **{"tolerance_us": None, "columns": {"amount": "income"}, "prefix": "", "required": False},
}
"""The income of a city as it was known at the row's time."""


def make_package(
    lake: Lake, task: str = "binary", *, shift: float = 0.0, key: str = "id", lookup: Mapping[str, Any] | None = None, explains: bool = True
) -> str:
    """The digest of a package in the lake; another shift gives another package. With a lookup its income is looked up where it is not said."""
    classes, policy, width, last = _TASKS[task]
    weights = weights_of(task, shift)
    nodes = [
        helper.make_node("IsNaN", ["features"], ["absent"]),
        helper.make_node("Where", ["absent", "zero", "features"], ["whole"]),
        helper.make_node("MatMul", ["whole", "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "intercept"], ["line"]),
        helper.make_node(last, ["line"], ["scores"]),
    ]
    piece = Piece(nodes, [tensor("zero", 0.0), tensor("weights", weights[1:]), tensor("intercept", weights[:1])])
    columns = [{**COLUMNS[0], "name": key}, *COLUMNS[1:]]
    if lookup is not None:
        columns[3] = {**columns[3], "roles": ["feature", "looked_up"], "needed": False}
    contents = {
        "scoring.json": written({"members": [{"family": "linear", "weight": 1.0}], "calibration": {"kind": "none"}}),
        "model.onnx": assemble(PLAN, [piece], width=width),
        "signature.json": written({"columns": columns, **PLAN.as_json(), "outcome": {}, **({"lookups": [lookup]} if lookup else {})}),
        "policy.json": written(policy),
        **({"background.json": written(BACKGROUND.as_json())} if explains else {}),
        "reference.json": written({}),
        "metrics.json": written({}),
        "card.md": b"# A package for tests\n",
    }
    said = {"project": "p", "task": task, "target": "y", "positive": "yes", "classes": classes, "key": [key], "time": "at", "family": "linear"}
    return store(Blobs(lake), pack(said, contents))


def scorer_of(lake: Lake, package: str) -> Scorer:
    """The scorer of a package that the tests' key has signed."""
    return load(Blobs(lake), package, vouched(Blobs(lake), package))


def framed(lake: Lake, package: str, frame: Any) -> Any:
    """A frame, scored with a package that the tests' key has signed."""
    return score_frame(lake, package, frame, trust=vouched(Blobs(lake), package))
