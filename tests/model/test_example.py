"""Made-up rows that show what a package takes, from what the package tells of its columns."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loopline.model.example import ROWS, example
from loopline.model.package import Package, written


def package(**files: Any) -> Package:
    """A package that holds just these files."""
    return Package("0" * 64, {}, {f"{name}.json": written(value) for name, value in files.items()})


def test_without_a_background_the_example_is_of_the_reference_profile_and_names_no_rare_text() -> None:
    features = {
        "size": {"kind": "number", "edges": [0.123456, 1.5, 2.5], "counts": [9, 9, 9, 9, 0]},
        "kind": {"kind": "category", "values": ["often", "Ann's own"], "counts": [40, 2, 0, 0]},
    }
    columns = [{"name": name, "type": kind, "required": name == "day"} for name, kind in (("size", "number"), ("kind", "text"), ("day", "date"))]
    assert example(package(reference={"features": features}), columns) == {
        "size": [1.5, 2.5, 0.1235, None],
        "kind": ["often", "often", "often", None],
        "day": ["2000-01-01"] * 4,
    }


KINDS = {"number": float, "integer": int, "boolean": bool, "date": str, "datetime": str, "text": str, "category": str}


@given(st.sampled_from(sorted(KINDS)), st.booleans(), st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=5))
def test_values_have_their_columns_type_and_only_the_last_row_has_nulls_where_they_may_be(kind: str, required: bool, values: list[int | None]) -> None:
    told = {"columns": {"x": {"kind": "number", "values": values, "typical": None}}, "units": {}}
    shown = example(package(background=told), [{"name": "x", "type": kind, "required": required}])["x"]
    assert len(shown) == ROWS and all(type(value) is KINDS[kind] for value in shown[:-1])
    assert shown[-1] == (shown[0] if required else None)
