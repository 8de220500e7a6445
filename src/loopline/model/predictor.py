"""A package at work: raw columns in, scores and decisions out. It needs NumPy and onnxruntime, and runs no code of the package's maker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.errors import Fault
from loopline.model.encode import Plan, Raw, encode
from loopline.model.layout import Layout
from loopline.model.package import Package, Stored, load
from loopline.model.policy import Policy, decide
from loopline.model.scoring import Scoring, blended
from loopline.model.signing import Trust

_CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class Scores:
    """What a package says of n rows.

    Parameters
    ----------
    score
        Shape (n,): probability of the positive class (binary), probability of the decided class (multiclass), value (regression).
    scores
        Shape (n, k): a probability for each class (multiclass); None for the other tasks.
    decision
        Shape (n,): ``act`` or ``rest`` (binary), the text of a class, or a number.
    """

    score: NDArray[np.float64]
    scores: NDArray[np.float64] | None
    decision: NDArray[Any]


class Predictor:
    """Predicts with one package; threads may share it.

    Parameters
    ----------
    package
        The package, as `loopline.model.package.load` gives it.
    threads
        Threads of one prediction: one is quickest for single rows.
    """

    def __init__(self, package: Package, *, threads: int = 1) -> None:
        self.package = package.digest
        self.manifest = package.manifest
        self.signature: Mapping[str, Any] = package.parsed("signature.json")
        self.task: Task = package.manifest["task"]
        self.classes: tuple[str, ...] = tuple(package.manifest["classes"])
        self.policy: Policy = package.parsed("policy.json")
        self.plan = Plan.of_json(self.signature)
        self.scoring: Scoring = package.parsed("scoring.json")
        self.layout = Layout.of_json(self.signature["layout"]) if "layout" in self.signature else None
        self._weights = np.array([member["weight"] for member in self.scoring["members"]], dtype=np.float64)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(package.contents["model.onnx"], options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no narrower class
            remedy = f"install the onnxruntime that it was made with ({type(error).__name__})"
            raise Fault("the package's graph cannot be loaded", where=package.digest[:12], remedy=remedy) from error

    @classmethod
    def load(cls, blobs: Stored, digest: str, trust: Trust, *, threads: int = 1) -> Predictor:
        """The predictor of a package in the lake, every byte of it checked against its digest and its signature.

        Raises
        ------
        Mistake
            When there is no such package, or a newer Loopline made it.
        Fault
            When it was changed after it was made, or nobody who is trusted signed it.
        """
        return cls(load(blobs, digest, trust), threads=threads)

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that the model reads."""
        return self.plan.columns if self.layout is None else self.layout.columns

    def predict(self, columns: Raw) -> Scores:
        """Scores and decisions for raw columns of n rows.

        Parameters
        ----------
        columns
            Lists of plain values or NumPy arrays, all of length n; a column that is absent is null, others than the model's are not read.

        Raises
        ------
        Mistake
            When none of the model's columns is there, or a value is no number or no date.
        """
        inputs = encode(self.plan, columns).inputs() if self.layout is None else self.layout.feed(columns)
        rows = len(next(iter(inputs.values())))
        if rows <= _CHUNK:
            return self._scored(self._run(inputs))
        parts = [self._run({name: values[at : at + _CHUNK] for name, values in inputs.items()}) for at in range(0, rows, _CHUNK)]
        return self._scored(np.concatenate(parts))

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        if not len(next(iter(inputs.values()))):
            return np.empty((0, self._width))
        if self.layout is not None:
            return self.layout.scores(self._session.run([self.layout.output], dict(inputs))[0])
        outputs: NDArray[np.float64] = self._session.run(None, dict(inputs))[0]
        return blended(self._weights, outputs, self._width)

    @property
    def _width(self) -> int:
        return len(self.classes) if self.task == "multiclass" else 1

    def _scored(self, raw: NDArray[np.float64]) -> Scores:
        if self.task == "multiclass":
            return Scores(raw.max(axis=1), raw, decide(self.policy, raw, self.classes))
        score = raw[:, 0]
        return Scores(score, None, decide(self.policy, score, self.classes))


def for_judging(scores: Scores) -> NDArray[np.float64]:
    """The scores as `loopline.model.evaluate.Judged` takes them: shape (n, k) for multiclass, else (n,)."""
    return scores.score if scores.scores is None else scores.scores
