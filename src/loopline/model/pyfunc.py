"""The door through which MLflow loads an exported package: digests and signature are checked, and no code of the package runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.errors import Mistake
from loopline.model.folder import read
from loopline.model.package import Package, written
from loopline.model.predictor import Predictor
from loopline.model.signing import of_environment


class Scored:
    """A package as MLflow calls it."""

    def __init__(self, package: Package) -> None:
        self.predictor = Predictor(package)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """A frame of the kind and with the index of the one that is given: ``score``, ``decision``, and for several classes ``score CLASS``.

        Raises
        ------
        Mistake
            When it is no frame with columns, or a value does not fit its column.
        """
        if not hasattr(model_input, "columns"):
            raise Mistake(f"{type(model_input).__name__} is no frame", where="model_input", remedy="give a pandas DataFrame with the columns of the signature")
        names = [name for name in self.predictor.columns if name in model_input.columns]
        scores = self.predictor.predict({name: _values(model_input[name]) for name in names})
        answer: dict[str, Any] = {"score": scores.score, "decision": scores.decision}
        if scores.scores is not None:
            answer |= {f"score {label}": scores.scores[:, place] for place, label in enumerate(self.predictor.classes)}
        return type(model_input)(answer, index=model_input.index)


def load(folder: Path) -> Predictor:
    """The predictor of an exported package that was signed with a key which this machine trusts.

    Raises
    ------
    Mistake
        When it is no exported package.
    Fault
        When it was changed after it was made, or nobody who is trusted signed it.
    """
    return Predictor(_trusted(folder))


def _trusted(folder: Path) -> Package:
    package, signatures = read(folder)
    of_environment(package.digest, signatures).require(package.digest, written(package.manifest))
    return package


def _load_pyfunc(path: str) -> Scored:
    """What MLflow calls."""
    return Scored(_trusted(Path(path)))


def _values(column: Any) -> Any:
    """A pandas column as plain values: its missing ones are None, dates are NumPy's."""
    if getattr(column.dtype, "kind", "O") in "iufbM" and hasattr(column.dtype, "itemsize") and not getattr(column.dtype, "tz", None):
        return column.to_numpy()
    gone = column.isna().to_numpy()
    return [None if none else value for none, value in zip(gone, column, strict=True)]
