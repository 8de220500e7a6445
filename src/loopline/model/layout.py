"""How a graph that was made elsewhere takes its inputs and gives its scores; one of ours has no layout.

Only NumPy is imported here: a server scores with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.model.encode import Raw, texts
from loopline.model.plan import MISSING

Kind = Literal["float32", "float64", "int32", "int64", "bool", "text"]
NULLABLE = ("float32", "float64", "text")
"""The kinds that can hold a null: as NaN, or as the text of `loopline.model.encode.MISSING`."""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the graph takes: so many columns side by side, shape (n, k), or one as shape (n,) where it is `flat`."""

    name: str
    columns: tuple[str, ...]
    kind: Kind
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The graph's inputs, and where its scores are.

    Parameters
    ----------
    output
        The output that holds the scores.
    pick
        For each score its place in the output's rows, or its key where each row is a map.
    """

    inputs: tuple[Input, ...]
    output: str
    pick: tuple[int | str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that are read, each once."""
        return tuple(dict.fromkeys(name for one in self.inputs for name in one.columns))

    def feed(self, columns: Raw) -> dict[str, NDArray[Any]]:
        """The graph's inputs for n rows of raw columns; a column that is not there is null in every row.

        Raises
        ------
        Mistake
            When none of the columns is there, a value is no number, or a null stands where the graph cannot take one.
        """
        rows = next((len(columns[name]) for name in self.columns if name in columns), None)
        if rows is None:
            raise Mistake("none of the model's columns is there", remedy=f"it reads: {', '.join(self.columns)}")
        absent = [None] * rows
        fed = {}
        for one in self.inputs:
            stacked = np.stack([_column(name, columns.get(name, absent), one.kind) for name in one.columns], axis=1)
            fed[one.name] = stacked[:, 0] if one.flat else stacked
        return fed

    def scores(self, output: Any) -> NDArray[np.float64]:
        """The scores in the graph's output, shape (n, k)."""
        if isinstance(output, np.ndarray):
            wide = output.reshape(len(output), -1)
            return wide[:, [int(place) for place in self.pick]].astype(np.float64)
        return np.array([[row[key] for key in self.pick] for row in output], dtype=np.float64).reshape(len(output), len(self.pick))

    def as_json(self) -> dict[str, Any]:
        """The layout as plain values, for ``signature.json``."""
        inputs = [{"name": one.name, "columns": list(one.columns), "kind": one.kind, "flat": one.flat} for one in self.inputs]
        return {"inputs": inputs, "output": self.output, "pick": list(self.pick)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Layout:
        """The layout from plain values; the inverse of `as_json`."""
        inputs = tuple(Input(one["name"], tuple(one["columns"]), one["kind"], one["flat"]) for one in said["inputs"])
        return cls(inputs, said["output"], tuple(said["pick"]))


def _column(name: str, values: Sequence[Any] | NDArray[Any], kind: Kind) -> NDArray[Any]:
    if kind == "text":
        return np.array([MISSING if value is None else value for value in texts(values)], dtype=object)
    try:
        wide = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Mistake("a value is not a number", where=name, remedy="give numbers or null") from None
    wide[~np.isfinite(wide)] = np.nan
    if kind not in NULLABLE and np.isnan(wide).any():
        raise Mistake(
            "a value is null, and the graph cannot take one there", where=name, remedy="require the column in data.contract, or export the model with floats"
        )
    with np.errstate(over="ignore"):
        return wide.astype(kind)
