"""A package at work: raw columns in, scores and decisions out. It needs NumPy and onnxruntime, and runs no code of the package's maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.charter.worth import as_text
from loopline.errors import Fault, Mistake
from loopline.model.background import Background
from loopline.model.calibration import apply
from loopline.model.encode import Raw, encode, floats, moments
from loopline.model.layout import Layout
from loopline.model.package import Package, Stored, load
from loopline.model.plan import Plan
from loopline.model.policy import Policy, columns_of, decide, periods_of
from loopline.model.reasons import Explained, explain
from loopline.model.scoring import Scoring, blended
from loopline.model.signing import Trust

BACKGROUND = "background.json"
"""The package's file with the made-up rows that reasons are told against."""
METRICS = "metrics.json"
"""The package's file with what was measured of it."""

_CHUNK = 20_000
"""Rows that go through the graph at once, divided by the number of classes, which all trees of a forest say something of."""


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
        Shape (n,): ``act``, ``rest`` or ``ask`` (binary), the text of a class, or a number.
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

    Attributes
    ----------
    unaided
        The one decision for all rows that is best without the model; None where the package names none.
    """

    def __init__(self, package: Package, *, threads: int = 1) -> None:
        self.package = package.digest
        self.manifest = package.manifest
        self.signature: Mapping[str, Any] = package.parsed("signature.json")
        self.task: Task = package.manifest["task"]
        self.classes: tuple[str, ...] = tuple(package.manifest["classes"])
        self.policy: Policy = package.parsed("policy.json")
        # While a package is made, nothing is measured of it yet.
        measured = package.parsed(METRICS) if package.contents.get(METRICS) else {}
        self.unaided: str | float | None = measured.get("worth", {}).get("constant")
        self._types = {column["name"]: column["type"] for column in self.signature["columns"]}
        self._reads = columns_of(self.policy)
        self.plan = Plan.of_json(self.signature)
        self.scoring: Scoring = package.parsed("scoring.json")
        self.layout = Layout.of_json(self.signature["layout"]) if "layout" in self.signature else None
        self._weights = np.array([member["weight"] for member in self.scoring["members"]], dtype=np.float64)
        self.background = Background.of_json(package.parsed(BACKGROUND)) if BACKGROUND in package.contents else None
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
        """The raw columns that the model and its policy read."""
        read = self.plan.columns if self.layout is None else self.layout.columns
        return tuple(dict.fromkeys((*read, *self._reads)))

    def predict(self, columns: Raw, *, whole_periods: bool = False) -> Scores:
        """Scores and decisions for raw columns of n rows.

        Parameters
        ----------
        columns
            Lists of plain values or NumPy arrays, all of length n; a column that is absent is null, others than the model's are not read.
        whole_periods
            Whether these are all rows of their days, weeks or whatever the policy's limit counts by: the limit is then held exactly in each,
            where otherwise each row is decided alone. The time column must be among the columns.

        Raises
        ------
        Mistake
            When none of the model's columns is there, or a value is no number or no date.
        """
        inputs = encode(self.plan, columns).inputs() if self.layout is None else self.layout.feed(columns)
        rows = len(next(iter(inputs.values())))
        chunk = _CHUNK // self._width
        if rows <= chunk:
            return self._scored(self._run(inputs), columns, whole_periods)
        parts = [self._run({name: values[at : at + chunk] for name, values in inputs.items()}) for at in range(0, rows, chunk)]
        return self._scored(np.concatenate(parts), columns, whole_periods)

    def explain(self, columns: Raw, row: int = 0) -> Explained:
        """Why one of the rows gets its score: what each raw column adds to it.

        Parameters
        ----------
        columns
            As `predict` takes them.

        Raises
        ------
        Mistake
            When the package has no background, none of the model's columns is there, or a value is no number or no date.
        """
        background = self.background
        if background is None:
            raise Mistake("the package tells no reasons: it has no background rows", where=self.package[:12], remedy="make it anew: loopline run --fresh model")
        if not any(name in columns for name in self.columns):
            raise Mistake("none of the model's columns is there", remedy=f"it reads: {', '.join(self.columns)}")
        one = background.one(columns, row)
        said = {name: columns[name][row] for name in self.columns if name in columns}
        target = str(self.manifest["target"])
        return explain(lambda mixed: for_judging(self.predict(mixed)), one, background, task=self.task, classes=self.classes, target=target, said=said)

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        if not len(next(iter(inputs.values()))):
            return np.empty((0, self._width))
        if self.layout is not None:
            return self.layout.scores(self._session.run([self.layout.output], dict(inputs))[0])
        outputs: NDArray[np.float64] = self._session.run(None, dict(inputs))[0]
        mean = blended(self._weights, outputs, self._width)
        calibration = self.scoring["calibration"]
        return mean if calibration["kind"] == "none" else apply(calibration, mean if self._width > 1 else mean[:, 0]).reshape(len(mean), self._width)

    @property
    def _width(self) -> int:
        return len(self.classes) if self.task == "multiclass" else 1

    def _scored(self, raw: NDArray[np.float64], columns: Raw, whole_periods: bool) -> Scores:
        if self.task == "multiclass":
            return Scores(raw.max(axis=1), raw, decide(self.policy, raw, self.classes))
        score = raw[:, 0]
        periods = self._periods(columns) if whole_periods and "per" in self.policy else None
        return Scores(score, None, decide(self.policy, score, self.classes, self._priced(self._reads, columns, len(score)), periods))

    def decide(self, policy: Policy, scores: Scores, columns: Raw) -> NDArray[Any]:
        """What another policy decides of rows that were scored, each row alone; shape (n,).

        Parameters
        ----------
        columns
            The raw columns that the scores are of.
        """
        return decide(policy, for_judging(scores), self.classes, self._priced(columns_of(policy), columns, len(scores.score)))

    def _priced(self, reads: Sequence[str], columns: Raw, rows: int) -> dict[str, NDArray[Any]]:
        """The columns that a policy reads; one that is absent is null."""
        return {name: self._typed(name, columns[name]) if name in columns else np.full(rows, np.nan) for name in reads}

    def _typed(self, name: str, values: Any) -> NDArray[Any]:
        """A column as the policy's expressions take it, by its type in the signature."""
        kind = self._types[name]
        if kind in ("date", "datetime"):
            return moments(name, values)
        if kind in ("integer", "number", "boolean"):
            return floats(name, values)
        return np.array([None if value is None or value != value else as_text(value) for value in values], dtype=object)

    def _periods(self, columns: Raw) -> NDArray[np.int64]:
        time = self.manifest["time"]
        if time not in columns:
            raise Mistake(f"the limit per {self.policy['per']} needs the column {time!r}", where="policy", remedy="give the time of each row")
        return periods_of(self.policy, moments(time, columns[time]))


def for_judging(scores: Scores) -> NDArray[np.float64]:
    """The scores as `loopline.model.evaluate.Judged` takes them: shape (n, k) for multiclass, else (n,)."""
    return scores.score if scores.scores is None else scores.scores
