"""Models that were made elsewhere, as scikit-learn's exporters write them: a graph for each kind of output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

KINDS = {"float": TensorProto.FLOAT, "double": TensorProto.DOUBLE, "int64": TensorProto.INT64, "string": TensorProto.STRING, "bool": TensorProto.BOOL}


def classifier(
    columns: Sequence[tuple[str, str]] = (("size", "float"), ("count", "int64")),
    *,
    labels: Sequence[str | int] = ("no", "yes"),
    is_map: bool = True,
    wide: str = "",
) -> bytes:
    """A linear classifier over numbers: a label, and the probabilities as maps or as one tensor. With `wide` one tensor holds all columns."""
    names = [wide] if wide else [name for name, _ in columns]
    inputs = [helper.make_tensor_value_info(wide, TensorProto.FLOAT, [None, len(columns)])] if wide else []
    inputs = inputs or [helper.make_tensor_value_info(name, KINDS[kind], [None, 1]) for name, kind in columns]
    nodes = [helper.make_node("Cast", [name], [f"{name} cast"], to=TensorProto.FLOAT) for name in names]
    nodes.append(helper.make_node("Concat", [f"{name} cast" for name in names], ["joined"], axis=1))
    nodes.append(helper.make_node("IsNaN", ["joined"], ["absent"]))
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    nodes.append(helper.make_node("Where", ["absent", "zero", "joined"], ["whole"]))
    k = len(labels)
    weights = np.zeros((k, len(columns)))
    weights[:, 0] = np.linspace(-1.5, 1.5, k)
    said = {"classlabels_strings": list(labels)} if isinstance(labels[0], str) else {"classlabels_ints": list(labels)}
    post = "SOFTMAX"
    nodes.append(
        helper.make_node(
            "LinearClassifier",
            ["whole"],
            ["label", "p"],
            domain="ai.onnx.ml",
            coefficients=weights.ravel().tolist(),
            intercepts=[0.0] * k,
            post_transform=post,
            **said,
        )
    )
    text = isinstance(labels[0], str)
    label = helper.make_tensor_value_info("label", TensorProto.STRING if text else TensorProto.INT64, [None])
    if is_map:
        zipped = {"classlabels_strings": list(labels)} if text else {"classlabels_int64s": list(labels)}
        nodes.append(helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", **zipped))
        kind = helper.make_map_type_proto(TensorProto.STRING if text else TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        out = helper.make_value_info("probabilities", helper.make_sequence_type_proto(kind))
    else:
        nodes.append(helper.make_node("Identity", ["p"], ["probabilities"]))
        out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, k])
    return _graph(nodes, inputs, [label, out], [zero])


def regressor(column: str = "size") -> bytes:
    """Twice a number, and nothing where it is null."""
    zero, two = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]), helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])
    nodes = [
        helper.make_node("IsNaN", [column], ["absent"]),
        helper.make_node("Where", ["absent", "zero", column], ["whole"]),
        helper.make_node("Mul", ["whole", "two"], ["variable"]),
    ]
    inputs = [helper.make_tensor_value_info(column, TensorProto.FLOAT, [None, 1])]
    return _graph(nodes, inputs, [helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1])], [zero, two])


def _graph(nodes: list[object], inputs: list[object], outputs: list[object], constants: list[object]) -> bytes:
    graph = helper.make_graph(nodes, "foreign", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return data
