"""A model that was made elsewhere, as ONNX: read from a bare file or an MLflow model, and its inputs and outputs matched to the project's columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import yaml

from loopline.charter.spec import Task
from loopline.errors import Mistake
from loopline.model.features import Column
from loopline.model.layout import Input, Kind, Layout

_KINDS: Mapping[str, Kind] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
    "tensor(string)": "text",
}
_FLOATS = ("tensor(float)", "tensor(double)")
_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints", "cats_strings", "cats_int64s")
_NUMBERS = ("number", "integer", "boolean")
_ONNX = "export it as ONNX, for scikit-learn with skl2onnx.to_onnx(model, first_rows), and import that file"


@dataclass(frozen=True)
class Graph:
    """An ONNX graph, and the names of its columns where one tensor holds them side by side."""

    data: bytes
    columns: tuple[str, ...] = ()


def read(place: Path) -> Graph:
    """The graph of an ``.onnx`` file or of an MLflow model that has the flavor ``onnx``.

    Raises
    ------
    Mistake
        When it holds no ONNX: what would run its maker's code is not loaded.
    """
    if place.is_dir():
        return _of_mlflow(place)
    if not place.is_file():
        raise Mistake("there is no such file or folder", where=str(place), remedy="name an exported package, an MLflow model or an .onnx file")
    if place.suffix != ".onnx":
        what = f"{place.suffix or 'this'} is no ONNX: loading it may run its maker's code"
        raise Mistake(what, where=str(place), remedy=_ONNX)
    return Graph(place.read_bytes())


def _of_mlflow(place: Path) -> Graph:
    try:
        said = yaml.safe_load((place / "MLmodel").read_text(encoding="utf-8"))
        flavors = dict(said["flavors"])
        data = None if "onnx" not in flavors else str(flavors["onnx"].get("data", "model.onnx"))
        schema = json.loads((said.get("signature") or {}).get("inputs") or "[]")
        names = tuple(str(one["name"]) for one in schema if one.get("type") != "tensor" and "name" in one)
    except FileNotFoundError:
        raise Mistake(
            "it is neither a package nor an MLflow model", where=str(place), remedy="name an exported package, an MLflow model or an .onnx file"
        ) from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, OSError):
        raise Mistake("its MLmodel cannot be read", where=str(place), remedy="save the model with MLflow again") from None
    if data is None:
        what = f"it has the flavors {', '.join(sorted(flavors))} and not onnx: loading them runs their maker's code"
        raise Mistake(what, where=str(place), remedy=_ONNX)
    file = (place / data).resolve()
    if not file.is_relative_to(place.resolve()) or not file.is_file():
        raise Mistake("its graph is not in its folder", where=str(place), remedy="save the model with MLflow again")
    return Graph(file.read_bytes(), names)


def maker(graph: Graph) -> str:
    """The library that wrote a graph, such as ``skl2onnx``, by what the graph says; empty where it says nothing."""
    return str(onnx.load_model_from_string(graph.data).producer_name)


def match(graph: Graph, columns: Sequence[Column], *, task: Task, classes: Sequence[str], positive: str | None) -> Layout:
    """How the graph takes the project's columns and where its scores are.

    Raises
    ------
    Mistake
        When the file is no graph, an input is no column, or no output can be told to be the scores; says what would do.
    """
    try:
        model = onnx.load_model_from_string(graph.data)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(graph.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries' errors share no narrower class
        raise Mistake(f"it is no ONNX graph that onnxruntime {onnxruntime.__version__} can load ({type(error).__name__})", where="PATH", remedy=_ONNX) from None
    known = {column.name: column for column in columns}
    inputs = tuple(_input(one, graph.columns, known) for one in session.get_inputs())
    output, pick = _scores(session.get_outputs(), _labels(model), task=task, classes=classes, positive=positive)
    return Layout(inputs, output, pick)


def _input(one: Any, wide: tuple[str, ...], known: Mapping[str, Column]) -> Input:
    kind = _KINDS.get(one.type)
    if kind is None:
        raise Mistake(f"its input {one.name!r} is {one.type}", where="PATH", remedy=f"export it with inputs among {', '.join(_KINDS)}")
    shape = list(one.shape or [])
    width = shape[1] if len(shape) == 2 else 1
    names = (one.name,) if one.name in known else wide
    if len(shape) > 2 or not names or (isinstance(width, int) and width != len(names)):
        what = f"its input {one.name!r} of shape {shape} is no column of the table"
        remedy = f"export it with one input for each column, named as in the table: {', '.join(known)}"
        raise Mistake(what, where="PATH", remedy=remedy)
    for name in names:
        if name not in known:
            raise Mistake(f"it reads {name!r}, which is no column of the table", where="PATH", remedy=f"there are: {', '.join(known)}")
        if (kind == "text") == (known[name].type in _NUMBERS) or known[name].type in ("date", "datetime"):
            what = f"its input for {name!r} is {one.type}, and the column is {known[name].type}"
            raise Mistake(what, where=f"data.contract.{name}", remedy="give the column the type that the model takes, or export the model with another")
    return Input(one.name, names, kind, flat=len(shape) == 1)


def _labels(model: onnx.ModelProto) -> list[str | int] | None:
    """The classes that the graph's classifier names, in its order."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in _LABELS and (len(attribute.strings) or len(attribute.ints)) and "Encoder" not in node.op_type:
                return [value.decode() for value in attribute.strings] or list(attribute.ints)
    return None


def _scores(
    outputs: Sequence[Any], labels: list[str | int] | None, *, task: Task, classes: Sequence[str], positive: str | None
) -> tuple[str, tuple[int | str, ...]]:
    """The output that holds the scores, and what is picked from each row."""
    maps = [one for one in outputs if one.type.startswith("seq(map(")]
    found = [*maps, *(one for one in outputs if one.type in _FLOATS)]
    if len(found) != 1:
        said = ", ".join(f"{one.name} {one.type}" for one in outputs)
        raise Mistake(
            f"which of its outputs are the scores cannot be told: {said}",
            where="PATH",
            remedy="export it with one float output, or a label and the probabilities",
        )
    one, width = found[0], None if maps else (list(found[0].shape or [1, 1])[1:] or [1])[0]
    if task == "regression":
        if maps or width not in (1, None) and isinstance(width, int):
            raise Mistake("it gives several scores, and the outcome is one number", where="PATH", remedy="export a regression")
        return one.name, (0,)
    if task == "binary" and not maps and width == 1:
        return one.name, (0,)
    return one.name, tuple(_place(label, labels, bool(maps), classes) for label in ([positive] if task == "binary" else classes))


def _place(label: str | None, labels: list[str | int] | None, is_map: bool, classes: Sequence[str]) -> int | str:
    """Where the score of a class is: by the graph's own names, or 0 and 1 where it has just these for two classes."""
    if labels is None:
        raise Mistake("its graph does not name its classes", where="PATH", remedy=f"export it with the classes {', '.join(classes)} as labels")
    said = [str(one) for one in labels]
    if label in said:
        place = said.index(label)
    elif len(classes) == 2 and said == ["0", "1"]:
        place = 1
    else:
        raise Mistake(
            f"its classes are {', '.join(said)}, and the outcome's are {', '.join(classes)}", where="PATH", remedy="train it on the project's own outcome"
        )
    return labels[place] if is_map else place
