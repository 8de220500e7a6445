"""The encoding plan: its JSON, and that its graph computes what its matrix holds."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from loopline.model.columns import raw
from loopline.model.encode import encode
from loopline.model.features import Column, make_plan
from loopline.model.graph import Piece, assemble
from loopline.model.matrix import matrix
from loopline.model.package import written
from loopline.model.plan import CROSSED, MISSING, DatePart, Formula, Plan, Statistic, Table, Words
from loopline.model.spec import FeatureSpec
from tests.model.studies import column_type

_WORDS = ["a", "b", "", "Genève, 12", "👍🏽", "a × b", MISSING, "x\x1fy"]
_finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
_value = _finite | st.none()


def _distinct(elements: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(elements, unique=True, min_size=least, max_size=4).map(tuple)


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    key = draw(st.sampled_from([("kind",), ("place",), ("kind", "place")]))
    pool = [CROSSED.join((one, other)) for one in _WORDS[:4] for other in _WORDS[:4]] if len(key) > 1 else _WORDS
    values = draw(_distinct(st.sampled_from(pool), 1))
    numbers = st.lists(_value, min_size=len(values) + 1, max_size=len(values) + 1).map(tuple)
    kinds = draw(st.lists(st.sampled_from(["outcome", "frequency", "minus", "over"]), min_size=1, max_size=5))
    order = {"outcome": 0, "frequency": 0, "minus": 1, "over": 2}
    made = []
    for at, kind in enumerate(sorted(kinds, key=lambda one: order[one])):
        of = draw(st.sampled_from(["size", "count"])) if order[kind] else ""
        made.append(Statistic(f"statistic {at}", kind, draw(numbers), of, draw(st.none() | st.integers(0, 3)) if kind == "outcome" else None))  # type: ignore[arg-type]
    return Table(key, values, tuple(made))


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    return Plan(
        ("size", "count"),
        draw(st.sampled_from([(), (DatePart("at", "hour_sin"), DatePart("at", "weekday"))])),
        tuple((name, draw(_distinct(st.sampled_from(_WORDS)))) for name in ("kind", "place")),
        draw(st.sampled_from([(), ((("kind", "place"), ("a × b", f"a × {MISSING}")),)])),
        draw(st.sampled_from([(), (Formula("ratio", "size / count", (("size", "number"), ("count", "number"))),)])),
        draw(st.sampled_from([(), ("place",)])),
        draw(st.sampled_from([(), (Words("note", ("late", "👍"), 1),)])),
        tuple(draw(st.lists(_tables(), max_size=3, unique_by=lambda table: table.key))),
    )


_rows = st.lists(
    st.fixed_dictionaries(
        {
            "size": st.none() | st.floats(),
            "count": st.none() | st.integers(-5, 5),
            "at": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
            "kind": st.none() | st.sampled_from([*_WORDS, "unseen"]),
            "place": st.none() | st.sampled_from(_WORDS),
            "note": st.none() | st.sampled_from(["", "Late, late 👍👍", "on time"]),
        }
    ),
    min_size=1,
    max_size=8,
)


def through_graph(plan: Plan, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    piece = Piece([helper.make_node("Identity", ["features"], ["scores"])])
    session = onnxruntime.InferenceSession(assemble(plan, [piece], width=len(plan.features)), providers=["CPUExecutionProvider"])
    found: NDArray[np.float64] = session.run(None, inputs)[0]
    return found


@settings(max_examples=60)
@given(_plans(), _rows)
def test_the_graph_of_a_plan_gives_its_matrix_to_the_last_bit(plan: Plan, rows: list[dict[str, Any]]) -> None:
    encoded = encode(plan, {name: [row[name] for row in rows] for name in rows[0]})
    found = matrix(plan, encoded)
    assert found.shape == (len(rows), len(plan.features))
    assert not np.isinf(found).any()
    assert np.array_equal(through_graph(plan, encoded.inputs()), found.astype(np.float64), equal_nan=True)


@given(_plans())
def test_a_plan_comes_back_from_its_json(plan: Plan) -> None:
    again = Plan.of_json(json.loads(written(plan.as_json())))
    assert again == plan
    assert again.features == plan.features and again.keys == plan.keys and again.columns == plan.columns
    assert written(plan.as_json()) == written(again.as_json())


def test_features_follow_one_another_as_the_matrix_has_them() -> None:
    plan = Plan(
        ("size",),
        (DatePart("at", "hour"),),
        (("kind", ("a",)),),
        ((("kind", "place"), ("a × b",)),),
        (Formula("speed", "size / weight", (("size", "number"), ("weight", "number"))),),
        ("place",),
        (Words("note", ("late",), 1),),
        (
            Table(
                ("city",), ("Bern",), (Statistic("city: frequency", "frequency", (1.0, 0.0)), Statistic("size - its mean by city", "minus", (2.0, 3.0), "size"))
            ),
        ),
    )
    assert plan.features == (
        ("size", "size"),
        ("at", "at.hour"),
        ("size", "speed"),
        ("place", "place is missing"),
        ("note", "note.words"),
        ("note", "note.characters"),
        ("note", "note has late"),
        ("city", "city: frequency"),
        ("size", "size - its mean by city"),
        ("kind", "kind = a"),
        ("kind", "kind × place = a × b"),
    )
    assert plan.columns == ("size", "at", "weight", "place", "note", "kind", "city")
    assert (plan.count_inputs, plan.count_numbers) == (7, 9)
    assert plan.keys == (("kind",), ("kind", "place"), ("city",))


def test_a_whole_plan_of_real_rows_goes_through_its_graph() -> None:
    rng = np.random.default_rng(0)
    rows = 3_000
    frame = pl.DataFrame(
        {
            "size": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "weight": rng.integers(0, 5, rows),
            "at": [datetime(2026, 1, 1) + timedelta(hours=index) for index in range(rows)],
            "city": [f"city, no. {index} 😀" for index in rng.integers(0, 400, rows)],
            "kind": rng.choice(["a", "b", None], rows),
            "note": [f"{word} bag of row{index}" for index, word in enumerate(rng.choice(["late", "lost", "good"], rows))],
        }
    ).with_columns(pl.col("size").fill_nan(None))
    columns = [Column(name, "text" if name == "note" else column_type(kind)) for name, kind in frame.schema.items()]  # type: ignore[arg-type]
    spec = FeatureSpec(expressions={"density": "weight / size"}, interactions=(("size", "weight"), ("kind", "city"), ("kind", "size")))
    target = rng.integers(0, 3, rows).astype(np.float64)
    plan = make_plan(frame, columns, target=target, task="multiclass", classes=("x", "y", "z"), time="at", spec=spec).plan
    assert {table.key for table in plan.tables} == {("city",), ("kind", "city"), ("kind",)}
    assert [one.place for one in plan.tables[0].of_kind("outcome")] == [0, 1, 2]
    encoded = encode(plan, raw(frame, plan.columns))
    assert np.array_equal(through_graph(plan, encoded.inputs()), matrix(plan, encoded).astype(np.float64), equal_nan=True)
    assert Plan.of_json(plan.as_json()) == plan
