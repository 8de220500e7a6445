"""The bounds that a check sets to metrics: all that it says plainly, and nothing that need not hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.bounds import Bound, bounds, is_plain, orders
from loopline.expression.language import parse
from loopline.expression.on_numpy import evaluate


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("precision >= 0.5", [Bound("precision", 0.5, True, False)]),
        ("-2 < worth", [Bound("worth", -2.0, True, True)]),
        ("worst_slice(`emp.var`).mae < 3", [Bound("worst_slice(emp.var).mae", 3.0, False, True)]),
        ("recall == 1", [Bound("recall", 1.0, True, False), Bound("recall", 1.0, False, False)]),
        ("precision >= 0.5 or recall >= 0.5", []),
        ("not precision >= 0.5", [Bound("precision", 0.5, False, True)]),
        ("not 0.5 != recall", [Bound("recall", 0.5, True, False), Bound("recall", 0.5, False, False)]),
        ("not 0.2 < recall <= 0.5", []),
        ("not (precision >= 0.5 or recall >= 0.5)", []),
        ("precision >= recall", []),
        ("precision + 0.1 >= 0.5", []),
        ("precision != 0.5", []),
    ],
)
def test_what_a_check_says_plainly_is_a_bound(check: str, found: list[Bound]) -> None:
    assert bounds(parse(check)) == found


numbers = st.sampled_from([-1.0, 0.0, 0.5, 1.0])
comparisons = st.builds("{} {} {}".format, st.sampled_from(["a", "b", "0.5", "-1"]), st.sampled_from([">=", "<", "==", "!="]), st.sampled_from(["a", "0.5"]))
checks = st.recursive(
    comparisons | comparisons.map("not {}".format), lambda inner: st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=4
)


@given(checks, numbers, numbers)
def test_where_a_check_holds_all_its_bounds_do(check: str, a: float, b: float) -> None:
    said = {"a": a, "b": b}
    kept = all(bound.allows(said[bound.name]) for bound in bounds(parse(check)))
    ordered = all(said[one.lower] <= said[one.upper] - 0.5 * one.is_strict for one in orders(parse(check)))
    if bool(evaluate(parse(check), said)):
        assert kept and ordered
    elif is_plain(parse(check)):
        assert not kept
