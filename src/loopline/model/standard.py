"""Features made ready for families that measure them: nulls filled by the median and flagged, standardised, cut off far out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loopline.model.families import Features
from loopline.model.graph import Piece, tensor

FAR = 10.0
"""Standardised values are cut off here: one wild value does not carry the score away."""


@dataclass(frozen=True, eq=False)
class Standard:
    """How features are made ready: nulls filled, standardised, flagged.

    Parameters
    ----------
    fill, centre, scale
        Shape (d,): what a null becomes, and then (value - centre) * scale.
    flagged
        The features (their places) beside which a zero or one says that the value was null: those that were null in some rows, not in all.
    """

    fill: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    flagged: NDArray[np.int64]

    @classmethod
    def of(cls, features: Features, count_numbers: int) -> Standard:
        """The preparation that training rows ask for; zeros and ones stay as they are."""
        width = features.shape[1]
        fill, centre, scale = np.zeros(width), np.zeros(width), np.ones(width)
        nulls = np.isnan(features[:, :count_numbers])
        for index in range(count_numbers):
            known = features[~nulls[:, index], index].astype(np.float64)
            spread = float(known.std()) if len(known) else 0.0
            # A number that these rows do not tell apart says nothing about others: it stays at zero.
            scale[index] = 1 / spread if spread > 0 else 0.0
            if len(known):
                fill[index], centre[index] = float(np.median(known)), float(known.mean())
        return cls(fill, centre, scale, np.flatnonzero(nulls.any(axis=0) & ~nulls.all(axis=0)))

    @property
    def width(self) -> int:
        """How many prepared features there are, flags included."""
        return len(self.fill) + len(self.flagged)

    def apply(self, features: Features) -> NDArray[np.float64]:
        """The prepared features, shape (n, d + flags)."""
        nulls = np.isnan(features)
        ready = np.where(nulls, self.fill, features.astype(np.float64))
        ready = np.clip((ready - self.centre) * self.scale, -FAR, FAR)
        return np.concatenate([ready, nulls[:, self.flagged].astype(np.float64)], axis=1)

    def graph(self, features: str, ready: str) -> Piece:
        """The same as a piece of a graph, to the double tensor `ready` (n, d + flags): Where, Sub, Mul, Clip."""
        clipped = "clipped" if len(self.flagged) else ready
        nodes = [
            helper.make_node("IsNaN", [features], ["is_null"]),
            helper.make_node("Where", ["is_null", "fill", features], ["filled"]),
            helper.make_node("Sub", ["filled", "centre"], ["centred"]),
            helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
            helper.make_node("Clip", ["scaled", "near", "far"], [clipped]),
        ]
        tensors = [
            tensor("fill", self.fill),
            tensor("centre", self.centre),
            tensor("scale", self.scale),
            tensor("near", -FAR),
            tensor("far", FAR),
        ]
        if len(self.flagged):
            tensors.append(tensor("flagged", self.flagged))
            nodes.append(helper.make_node("Gather", ["is_null", "flagged"], ["flags"], axis=1))
            nodes.append(helper.make_node("Cast", ["flags"], ["flags_as_numbers"], to=TensorProto.DOUBLE))
            nodes.append(helper.make_node("Concat", [clipped, "flags_as_numbers"], [ready], axis=1))
        return Piece(nodes, tensors)

    def whole(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """What counts for each feature, shape (d,), as shares, from what counts for each prepared one; a flag counts for its feature."""
        width = len(self.fill)
        sums = parts[:width].copy()
        sums[self.flagged] += parts[width:]
        return np.asarray(sums / sums.sum()) if sums.sum() > 0 else sums
