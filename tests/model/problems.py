"""Small problems to learn, and the numbers of the graphs that are made of what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loopline.model.encode import encode
from loopline.model.families import Fitted, Problem, Sample
from loopline.model.graph import assemble
from loopline.model.matrix import matrix
from loopline.model.plan import Plan

PLAN = Plan(("size", "year", "empty"), (), (("kind", ("a", "b")),))
CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}


def columns(rows: int, *, seed: int = 0, nulls: float = 0.1) -> dict[str, NDArray[Any]]:
    """Raw columns; `year` is far from zero with a small spread, which is what rounds badly in single precision."""
    rng = np.random.default_rng(seed)
    size, year = rng.normal(size=rows), 2012 + rng.integers(0, 3, rows) * 2.0**-10
    kind = rng.choice(np.array(["a", "b", "rare", None], dtype=object), rows)
    size[rng.random(rows) < nulls] = np.nan
    return {"size": size, "year": year, "empty": np.full(rows, np.nan), "kind": kind}


def target(task: str, raw: dict[str, NDArray[Any]], *, seed: int = 1, scale: float = 1.0) -> NDArray[np.float64]:
    """The outcomes of the columns, as families take them."""
    rng = np.random.default_rng(seed)
    drive = 2 * np.nan_to_num(raw["size"]) + (raw["kind"] == "a") + (raw["year"] - 2012) * 500 + rng.normal(scale=0.5, size=len(raw["size"]))
    if task == "binary":
        return (drive > 0.5).astype(np.float64)
    return np.digitize(drive, [-0.5, 1.0]).astype(np.float64) if task == "multiclass" else drive * scale


def problem(task: str, *, rows: int = 400, scale: float = 1.0, threads: int = 1, nulls: float = 0.1) -> Problem:
    """A problem with training and validation rows; what the kind is, is two rules as well."""
    raw = columns(rows, nulls=nulls)
    features, outcome = matrix(PLAN, encode(PLAN, raw)), target(task, raw, scale=scale)
    cut = rows * 3 // 4
    train, held = Sample(features[:cut], outcome[:cut]), Sample(features[cut:], outcome[cut:])
    return Problem(task, CLASSES[task], PLAN.count_numbers, train, held, seed=0, threads=threads, rules=(3, 4))  # type: ignore[arg-type]


def run_graph(fitted: Fitted, task: str, raw: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """What the graph says of raw columns, in the shape of `Fitted.score`."""
    width = len(CLASSES[task]) or 1
    data = assemble(PLAN, [fitted.graph("features", "scores")], width=width if task == "multiclass" else 1)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    scores: NDArray[np.float64] = session.run(None, encode(PLAN, raw).inputs())[0]
    return scores if task == "multiclass" else scores[:, 0]
