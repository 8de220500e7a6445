"""The ONNX graph of a package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from loopline.model.families import find
from loopline.model.graph import assemble, encoder
from loopline.model.plan import MISSING, Plan
from tests.model import problems
from tests.model.problems import problem


def test_raw_numbers_and_texts_go_in_and_doubles_come_out() -> None:
    posed = problem("binary")
    graph = onnx.load_from_string(assemble(problems.PLAN, [find("linear").fit(posed, {"strength": 1.0}).graph("features", "scores")], width=1)).graph
    kinds = {put.name: put.type.tensor_type.elem_type for put in (*graph.input, *graph.output)}
    assert kinds == {"numbers": onnx.TensorProto.FLOAT, "categories": onnx.TensorProto.STRING, "scores": onnx.TensorProto.DOUBLE}


def test_the_bytes_say_nothing_of_when_and_where_they_were_made() -> None:
    posed = problem("binary")
    piece = find("linear").fit(posed, {"strength": 1.0}).graph("features", "scores")
    made = onnx.load_from_string(assemble(problems.PLAN, [piece], width=1))
    assert (made.producer_name, made.doc_string, list(made.metadata_props)) == ("loopline", "", [])


@pytest.mark.parametrize(
    ("plan", "inputs"),
    [(Plan(("size",), (), ()), {"numbers"}), (Plan((), (), (("kind", ("a", MISSING)),)), {"categories"})],
)
def test_an_input_without_columns_is_not_there(plan: Plan, inputs: set[str]) -> None:
    posed = problem("binary")
    width = len(plan.features)
    narrow = replace(posed, count_numbers=plan.count_numbers, train=replace(posed.train, features=np.eye(300, width, dtype=np.float32)), memo={})
    made = onnx.load_from_string(assemble(plan, [find("linear").fit(narrow, {"strength": 1.0}).graph("features", "scores")], width=1))
    assert {put.name for put in made.graph.input} == inputs


def test_each_category_is_one_column_of_the_texts() -> None:
    plan = Plan((), (), (("colour", ("red",)), ("kind", ("a", "b"))))
    nodes = encoder(plan, "features").nodes
    assert [node.op_type for node in nodes] == ["Gather", "Gather", "OneHotEncoder", "OneHotEncoder", "Concat", "Cast"]
