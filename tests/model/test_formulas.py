"""Numbers by declared expressions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.model.encode import encode
from loopline.model.plan import Formula, Kind, Plan


def made(text: str, columns: dict[str, list[object]], kinds: dict[str, Kind]) -> list[float]:
    return encode(Plan((), (), (), formulas=(Formula("made", text, tuple(kinds.items())),)), columns).numbers[:, 0].tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("distance / air_time", [2.0, np.nan, np.nan, np.nan]),
        ("distance > 5", [1, 1, 0, 0]),
        ("is_null(distance)", [0, 0, 1, 0]),
        ("coalesce(distance, -1)", [10, 8, -1, 0]),
        ("arrives - leaves", [1.5, np.nan, np.nan, -1]),
        ("1 if kind == 'a' else 0", [1, 0, 0, 0]),
        ("kind < 'b'", [1, np.nan, 0, 1]),
        ("length(kind) * 2", [2, np.nan, 2, 0]),
    ],
)
def test_an_expression_is_a_number_in_each_row_or_null(text: str, expected: list[float]) -> None:
    columns: dict[str, list[object]] = {
        "distance": [10, 8, None, 0],
        "air_time": [5, 0, 3, 0],
        "leaves": ["2026-01-01", None, "2026-01-01", "2026-01-02"],
        "arrives": ["2026-01-02T12:00:00", "2026-01-01", None, "2026-01-01"],
        "kind": ["a", None, "b", ""],
    }
    kinds: dict[str, Kind] = {"distance": "number", "air_time": "number", "leaves": "date", "arrives": "date", "kind": "text"}
    read = {name: kind for name, kind in kinds.items() if name in text}
    assert np.array_equal(made(text, columns, read), expected, equal_nan=True)


@given(st.lists(st.tuples(st.none() | st.sampled_from(["a", "b", ""]), st.none() | st.floats(-9, 9)), min_size=1, max_size=9))
def test_each_row_alone_is_computed_as_among_others(rows: list[tuple[str | None, float | None]]) -> None:
    kinds: dict[str, Kind] = {"kind": "text", "x": "number"}
    text = "x * 2 if kind >= 'a' else -x"
    together = made(text, {"kind": [kind for kind, _ in rows], "x": [x for _, x in rows]}, kinds)
    alone = [made(text, {"kind": [kind], "x": [x]}, kinds)[0] for kind, x in rows]
    assert np.array_equal(together, alone, equal_nan=True)


def test_a_column_that_is_absent_is_null() -> None:
    assert np.isnan(made("x + y", {"x": [1, 2]}, {"x": "number", "y": "number"})).all()
