"""Trees of any library as one node of a graph."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loopline.model.graph import Piece
from loopline.model.trees import Forest, Tree


def run(piece: Piece, features: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """What a piece says of features."""
    given, made = (helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, size]) for name, size in (("features", features.shape[1]), ("scores", width)))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(helper.make_graph(list(piece.nodes), "one", [given], [made], list(piece.tensors)), opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    scores: NDArray[np.float64] = session.run(None, {"features": features})[0]
    return scores


def tree(threshold: float, low: float, high: float, *, null_left: bool = True) -> Tree:
    """A tree with one question about the first feature."""
    return Tree(*(np.array(part) for part in ([0, 0, 0], [threshold, 0, 0], [1, -1, -1], [2, -1, -1], [null_left] * 3, [0, low, high])))


@pytest.mark.parametrize(("strict", "at_the_threshold"), [(False, 10.0), (True, 20.0)])
def test_a_value_at_the_threshold_goes_where_its_library_sends_it(strict: bool, at_the_threshold: float) -> None:
    forest = Forest(strict=strict)
    forest.plant(tree(0.1, 10, 20))
    below, above = np.nextafter(0.1, 0), np.nextafter(0.1, 1)
    assert run(forest.graph("features", "scores", 1), np.array([[below], [0.1], [above]]), 1)[:, 0].tolist() == [10, at_the_threshold, 20]


@pytest.mark.parametrize(("null_left", "said"), [(True, 10.0), (False, 20.0)])
def test_a_null_goes_where_the_tree_says(null_left: bool, said: float) -> None:
    forest = Forest()
    forest.plant(tree(0.0, 10, 20, null_left=null_left))
    assert run(forest.graph("features", "scores", 1), np.array([[np.nan]]), 1)[0, 0] == said


def test_trees_add_to_their_sums_after_the_start() -> None:
    forest = Forest()
    forest.plant(tree(0.0, 1, 2), 0)
    forest.plant(tree(5.0, 10, 20), 0)
    forest.plant(Tree(*(np.array([part]) for part in (0, 0.0, -1, -1, True, 7.0))), 1)
    piece = forest.graph("features", "scores", 2, start=np.array([100.0, 200.0]))
    assert run(piece, np.array([[1.0, 9.0]]), 2).tolist() == [[112.0, 207.0]]


def test_the_sums_go_through_the_link() -> None:
    forest = Forest()
    forest.plant(tree(0.0, -2, 0))
    piece = forest.graph("features", "scores", 1, start=np.array([0.0]), through="Sigmoid")
    np.testing.assert_allclose(run(piece, np.array([[1.0], [-1.0]]), 1)[:, 0], [0.5, 1 / (1 + np.exp(2))], rtol=1e-14)
