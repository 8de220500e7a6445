"""Encoded rows as the matrix that is learned from."""

from __future__ import annotations

import numpy as np

from loopline.model.encode import encode
from loopline.model.matrix import matrix
from loopline.model.plan import MISSING, Plan


def test_kept_values_have_a_column_each_and_others_none() -> None:
    plan = Plan(("size",), (), (("colour", ("red", MISSING)), ("kind", ("a", "b"))))
    rows = {"size": [1.5, None, 3.0], "colour": ["red", None, "mauve"], "kind": ["b", "a", None]}
    found = matrix(plan, encode(plan, rows))
    assert found.dtype == np.float32
    assert np.array_equal(found, np.array([[1.5, 1, 0, 0, 1], [np.nan, 0, 1, 1, 0], [3.0, 0, 0, 0, 0]], dtype=np.float32), equal_nan=True)
    assert [name for _, name in plan.features] == ["size", "colour = red", f"colour = {MISSING}", "kind = a", "kind = b"]
