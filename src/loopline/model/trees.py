"""Trees of any library as one node of an ONNX graph, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from loopline.model.graph import ML, Piece, link, tensor


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree as flat arrays over its m nodes, the root first.

    Parameters
    ----------
    feature, threshold
        Shape (m,): what a node asks; a row whose feature is at most (or, in a strict forest, below) the threshold goes left.
    left, right
        Shape (m,): the places of a node's children; -1 in both makes it a leaf.
    null_left
        Shape (m,): whether a null goes left.
    value
        Shape (m,): what a leaf adds; not read elsewhere.
    """

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    null_left: NDArray[Any]
    value: NDArray[Any]


class Forest:
    """Trees that add to one or more sums, and the flat lists in which ONNX's TreeEnsemble holds them.

    Parameters
    ----------
    strict
        Whether a value that equals the threshold goes right, as in XGBoost; else it goes left, as in LightGBM and scikit-learn.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._nodes = self._leaves = 0
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self.roots: list[int] = []

    def plant(self, tree: Tree, target: int = 0) -> None:
        """Adds a tree whose leaves add to one of the sums; a tree that is one leaf becomes a node with two leaves alike."""
        if len(tree.left) == 1:
            tree = _doubled(float(tree.value[0]))
        is_leaf = np.asarray(tree.left) < 0
        place = np.where(is_leaf, self._leaves + np.cumsum(is_leaf) - 1, self._nodes + np.cumsum(~is_leaf) - 1)
        inner = np.flatnonzero(~is_leaf)
        left, right = np.asarray(tree.left)[inner], np.asarray(tree.right)[inner]
        self.roots.append(self._nodes)
        self._add("nodes_featureids", np.asarray(tree.feature)[inner])
        self._add("nodes_splits", np.asarray(tree.threshold, dtype=np.float64)[inner])
        self._add("nodes_missing_value_tracks_true", np.asarray(tree.null_left)[inner])
        self._add("nodes_truenodeids", place[left])
        self._add("nodes_trueleafs", is_leaf[left])
        self._add("nodes_falsenodeids", place[right])
        self._add("nodes_falseleafs", is_leaf[right])
        self._add("leaf_weights", np.asarray(tree.value, dtype=np.float64)[is_leaf])
        self._add("leaf_targetids", np.full(int(is_leaf.sum()), target))
        self._nodes += len(inner)
        self._leaves += int(is_leaf.sum())

    def _add(self, name: str, values: NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(values)

    def graph(self, features: str, scores: str, width: int, *, start: NDArray[np.float64] | None = None, through: str = "") -> Piece:
        """The sums as a piece of a graph, from the double tensor `features` (n, d) to `scores` (n, width).

        Parameters
        ----------
        start
            Shape (width,): what is added to the sums.
        through
            The link from sums to scores: ``Sigmoid``, ``Softmax``, ``Exp``, ``Expm1`` or none.
        """
        whole = "whole" if through else scores
        sums = whole if start is None else "sums"
        nodes, tensors = [self._node(features, sums, width)], []
        if start is not None:
            tensors.append(tensor("start", np.asarray(start, dtype=np.float64)))
            nodes.append(helper.make_node("Add", [sums, "start"], [whole]))
        end = link(through, whole, scores) if through else Piece([])
        return Piece([*nodes, *end.nodes], [*tensors, *end.tensors])

    def _node(self, features: str, sums: str, width: int) -> Any:
        whole = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        doubles = {name: tensor("", whole.pop(name)) for name in ("nodes_splits", "leaf_weights")}
        return helper.make_node(
            "TreeEnsemble",
            [features],
            [sums],
            domain=ML,
            n_targets=width,
            aggregate_function=1,
            post_transform=0,
            tree_roots=self.roots,
            nodes_modes=tensor("", np.full(self._nodes, int(self._strict), dtype=np.uint8)),
            **doubles,
            **{name: values.astype(np.int64).tolist() for name, values in whole.items()},
        )


def _doubled(value: float) -> Tree:
    """A tree of two leaves that say the same: ONNX knows no tree without a question."""
    left, right = np.array([1, -1, -1]), np.array([2, -1, -1])
    return Tree(np.zeros(3, dtype=np.int64), np.zeros(3), left, right, np.ones(3, dtype=bool), np.full(3, value))
