"""Models that were made elsewhere: matched by name, scored as they score, refused with what would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml

from loopline.errors import Mistake
from loopline.model.features import Column
from loopline.model.foreign import Graph, maker, match, read
from loopline.model.layout import Layout
from tests.model.foreigners import classifier, regressor

COLUMNS = [Column("size", "number"), Column("count", "integer"), Column("kind", "category"), Column("at", "datetime")]
BINARY: Mapping[str, Any] = {"task": "binary", "classes": ("no", "yes"), "positive": "yes"}
THREE: Mapping[str, Any] = {"task": "multiclass", "classes": ("high", "low", "middle"), "positive": None}


def scored(data: bytes, layout: Layout, columns: Mapping[str, Any]) -> np.ndarray:
    return layout.scores(onnxruntime.InferenceSession(data).run([layout.output], layout.feed(columns))[0])


ROWS = {"size": [0.5, None, -2.0], "count": [1, 2, 3]}
EXPECTED = 1 / (1 + np.exp(-3 * np.array([0.5, 0.0, -2.0])))


@pytest.mark.parametrize("labels", [("no", "yes"), (0, 1)])
@pytest.mark.parametrize("is_map", [True, False])
@pytest.mark.parametrize("kind", ["int64", "float", "double"])
def test_a_label_and_probabilities_give_the_positive_class(labels: tuple[Any, ...], is_map: bool, kind: str) -> None:
    data = classifier([("size", "float"), ("count", kind)], labels=labels, is_map=is_map)
    layout = match(Graph(data), COLUMNS, **BINARY)
    assert layout.columns == ("size", "count")
    assert Layout.of_json(layout.as_json()) == layout
    np.testing.assert_allclose(scored(data, layout, ROWS)[:, 0], EXPECTED, rtol=1e-5)


@pytest.mark.parametrize("is_map", [True, False])
def test_classes_are_found_by_name_in_whatever_order(is_map: bool) -> None:
    data = classifier(labels=("low", "middle", "high"), is_map=is_map)
    scores = scored(data, match(Graph(data), COLUMNS, **THREE), {"size": [3.0, -3.0], "count": [1, 1]})
    assert [THREE["classes"][place] for place in scores.argmax(axis=1)] == ["high", "low"]
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-5)


def test_one_tensor_of_all_columns_is_matched_by_the_names_that_mlflow_keeps() -> None:
    data = classifier(wide="X")
    np.testing.assert_allclose(scored(data, match(Graph(data, ("size", "count")), COLUMNS, **BINARY), ROWS)[:, 0], EXPECTED, rtol=1e-5)
    with pytest.raises(Mistake, match="its input 'X' of shape .* is no column.*one input for each column, named as in the table: size, count, kind, at"):
        match(Graph(data), COLUMNS, **BINARY)


def test_a_number_is_predicted() -> None:
    layout = match(Graph(regressor()), COLUMNS, task="regression", classes=(), positive=None)
    np.testing.assert_allclose(scored(regressor(), layout, {"size": [1.5, None]})[:, 0], [3.0, 0.0])


def test_a_null_where_the_graph_takes_none_is_refused() -> None:
    layout = match(Graph(classifier()), COLUMNS, **BINARY)
    with pytest.raises(Mistake, match="count: a value is null.*require the column in data.contract"):
        layout.feed({"size": [1.0], "count": [None]})
    with pytest.raises(Mistake, match="size: a value is not a number"):
        layout.feed({"size": ["x"], "count": [1]})
    with pytest.raises(Mistake, match="none of the model's columns is there; it reads: size, count"):
        layout.feed({"other": [1]})


@pytest.mark.parametrize(
    ("data", "asked", "says"),
    [
        (b"not a graph", BINARY, "no ONNX graph"),
        (classifier([("weight", "float")]), BINARY, "its input 'weight' of shape .* is no column of the table"),
        (classifier([("kind", "float")]), BINARY, r"its input for 'kind' is tensor\(float\), and the column is category"),
        (classifier([("at", "float")]), BINARY, "and the column is datetime"),
        (classifier(labels=("a", "b", "c")), THREE, "its classes are a, b, c, and the outcome's are high, low, middle"),
        (classifier(), {"task": "regression", "classes": (), "positive": None}, "several scores"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(data: bytes, asked: Mapping[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says) as error:
        match(Graph(data), COLUMNS, **asked)
    assert "\n" not in str(error.value)


def test_only_onnx_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(Mistake, match=".pkl is no ONNX: loading it may run its maker's code; export it as ONNX.*skl2onnx"):
        read(tmp_path / "model.pkl")
    with pytest.raises(Mistake, match="no such file"):
        read(tmp_path / "absent.onnx")
    with pytest.raises(Mistake, match="neither a package nor an MLflow model"):
        read(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {}, sklearn: {}}")
    with pytest.raises(Mistake, match="it has the flavors python_function, sklearn and not onnx"):
        read(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {data: ../evil.onnx}}")
    with pytest.raises(Mistake, match="not in its folder"):
        read(tmp_path)
    (tmp_path / "model.onnx").write_bytes(regressor())
    schema = '[{"type": "double", "name": "size"}]'
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": {"onnx": {"data": "model.onnx"}}, "signature": {"inputs": schema}}))
    assert read(tmp_path) == Graph(regressor(), ("size",))


@pytest.mark.parametrize(
    "said",
    [
        "flavors: {onnx: model.onnx}",
        "flavors: {onnx: {data: model.onnx}}\nsignature: plain",
        "flavors: {onnx: {data: model.onnx}}\nsignature: {inputs: '{\"name\": 1}'}",
        "flavors: {onnx: {data: model.onnx}}\nsignature: {inputs: 'no json'}",
        "flavors: 3",
        "[",
    ],
)
def test_an_mlmodel_that_is_not_understood_is_one_line(tmp_path: Path, said: str) -> None:
    (tmp_path / "MLmodel").write_text(said)
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(Mistake, match="its MLmodel cannot be read"):
        read(tmp_path)


def test_a_graph_names_the_library_that_wrote_it() -> None:
    said = onnx.load_model_from_string(classifier())
    said.producer_name = "skl2onnx"
    assert maker(Graph(said.SerializeToString())) == "skl2onnx"
    assert maker(Graph(classifier())) == ""
