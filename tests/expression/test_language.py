import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.expression.language import parse
from loopline.expression.on_numpy import evaluate
from loopline.expression.on_polars import as_polars

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
LEAVES = st.one_of(st.sampled_from(["a", "b", "`c d`"]), st.integers(-99, 99).map(lambda number: f"({number})"))


def branches(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda part: f"{part[0]}({part[1]}, {part[2]})"),
        inner.map(lambda part: f"abs({part})"),
        st.tuples(inner, inner, inner, inner).map(lambda part: f"({part[0]} if {part[1]} < {part[2]} and not {part[1]} == {part[3]} else {part[3]})"),
    )


@given(st.recursive(LEAVES, branches, max_leaves=8), st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_numpy_and_polars_agree(text, rows):
    columns = {name: np.array(values) for name, values in zip(["a", "b", "c d"], zip(*rows, strict=True), strict=True)}
    expression = parse(text)
    ours = np.broadcast_to(evaluate(expression, columns), (len(rows),))
    theirs = pl.DataFrame(columns).with_columns(as_polars(expression).cast(pl.Float64).alias("value"))["value"].to_numpy()
    assert np.allclose(ours, theirs, equal_nan=True)


def test_names_are_columns_quoted_columns_and_slices():
    assert parse("a + `emp.var.rate` > worst_slice(origin).precision").names == {"a", "emp.var.rate", "worst_slice(origin).precision"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.b()",
        "lambda: 1",
        "[x for x in a]",
        "open('f')",
        "a if",
        "f'{a}'",
        "a[0]",
        "a := 1",
        "abs()",
        "abs(a, b)",
        "abs(x=1)",
        "a in b",
        "",
        "a; b",
    ],
)
def test_what_is_not_of_the_language_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize("text", ["1 / 0", "a + 2 % (1 - 1)", "a if b else 1 / (1 > 2)", "9 ** 9 ** 9", "(-8) ** 0.5", "'a' - 1"])
def test_constants_of_which_no_number_comes_are_named_with_the_remedy(text):
    with pytest.raises(ValueError, match=r"write the (number that is meant|one that is meant) \(at character \d+\)$"):
        parse(text)


@pytest.mark.parametrize("text", ["1, 5", "(1, 2)", "a + (1, 2)", "a == [1]"])
def test_a_list_stands_after_in_alone(text):
    with pytest.raises(ValueError, match="may stand here"):
        parse(text)


def test_an_unknown_function_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean sqrt"):
        parse("sqr(a)")


def test_an_unknown_column_names_the_nearest():
    with pytest.raises(Mistake, match="did you mean 'distance'"):
        parse("distnce * 2").require({"distance", "origin"}, where="charter.worth.act_right")


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_a_value_error(text):
    try:
        parse(text)
    except ValueError:
        return


def test_membership_nulls_and_texts():
    frame = pl.DataFrame({"city": ["Oslo", None, "Rome"], "x": [1.0, None, 3.0]})
    columns = {"city": np.array(["Oslo", None, "Rome"], dtype=object), "x": np.array([1.0, math.nan, 3.0])}
    for text, expected in [
        ("city in ('Oslo', 'Bonn')", [True, False, False]),
        ("coalesce(x, 2) > 1.5", [False, True, True]),
        ("is_null(x)", [False, True, False]),
    ]:
        assert list(np.asarray(evaluate(parse(text), columns), dtype=bool)) == expected
        assert frame.select(as_polars(parse(text)).fill_null(False).alias("x"))["x"].to_list() == expected
