"""Made-up rows that show what a package takes: the usual values first, one row with nulls last.

No row of it is anybody's: the values are those of the background, or of the reference profile where there is none, each column's by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.charter.worth import as_text
from loopline.model.package import Package
from loopline.model.plan import SHARED_BY
from loopline.model.predictor import BACKGROUND
from loopline.model.reference import Profile

ROWS = 4
_BLANKS: Mapping[str, Any] = {"number": 0.0, "integer": 0, "boolean": False, "date": "2000-01-01", "datetime": "2000-01-01T00:00:00"}


def example(package: Package, columns: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows as plain values, `ROWS` for each column; a column that must be there has no nulls.

    Parameters
    ----------
    columns
        Columns of the package's signature, each with ``name``, ``type`` and ``required``.
    """
    usual = _of_background(package) if BACKGROUND in package.contents else _of_reference(package)
    return {column["name"]: _column(column, usual.get(column["name"], ())) for column in columns}


def _column(column: Mapping[str, Any], usual: Sequence[Any]) -> list[Any]:
    known = [_typed(value, column["type"]) for value in usual if value is not None] or [_BLANKS.get(column["type"], "")]
    shown = [known[row % len(known)] for row in range(ROWS - 1)]
    return [*shown, shown[0] if column["required"] else None]


def _of_background(package: Package) -> dict[str, list[Any]]:
    """From each column to its typical value and some of its spread, in the order in which they are shown."""
    said = package.parsed(BACKGROUND)["columns"]
    return {name: [one["typical"], *one["values"]] for name, one in said.items()}


def _of_reference(package: Package) -> dict[str, list[Any]]:
    """From each column to its median and tenths, or to its frequent values; a model that was made elsewhere has no background."""
    said = package.parsed("reference.json")["features"]
    return {name: _median_first(one["edges"]) if one["kind"] == "number" else _shared(one) for name, one in said.items()}


def _shared(profile: Profile) -> list[str]:
    """The texts that so many rows have that they are nobody's own."""
    return [value for value, count in zip(profile["values"], profile["counts"], strict=False) if count >= SHARED_BY]


def _median_first(edges: Sequence[float]) -> list[float]:
    return [float(f"{edge:.4g}") for edge in (*edges[len(edges) // 2 :], *edges[: len(edges) // 2])]


def _typed(value: Any, kind: str) -> Any:
    match kind:
        case "number":
            return float(value)
        case "integer":
            return round(float(value))
        case "boolean":
            return bool(value)
        case "date":
            return str(value)[:10]
        case "datetime":
            # All of one form: pandas reads a column's first value, and takes the others to be written like it.
            return str(value) if "T" in str(value) else f"{value}T00:00:00"
        case _:
            return as_text(value)
