"""Criteria that no model can keep are named when they are read; those that one can keep never are."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.contradictions import contradiction, require_possible
from loopline.charter.metrics import METRICS, slice_columns
from loopline.charter.spec import CharterSpec, Criterion
from loopline.errors import Mistake
from loopline.expression.language import parse
from loopline.expression.on_numpy import evaluate
from loopline.project import parse as parsed

GRID = [number / 4 for number in range(-1, 6)]
NAMES = ["precision", "worst_slice(place).precision", "brier", "worst_slice(place).brier", "roc_auc", "worst_slice(place).roc_auc"]


def reading(*checks: str, **charter: Any) -> CharterSpec:
    acceptance = [{"id": f"A{place}", "check": check} for place, check in enumerate(checks, 1)]
    read = CharterSpec.model_validate({"predict": "y", "acceptance": acceptance, **charter})
    require_possible(read)
    return read


@pytest.mark.parametrize(
    ("checks", "says", "remedy"),
    [
        (("precision >= 0.6", "recall > 0.1", "0.5 > precision"), r"A1 \(precision >= 0.6\) and A3 \(0.5 > precision\) cannot both hold", "leave A1 or A3 out"),
        (("worth > 0.2", "worth_per_decision <= 0.2"), "A1 .* and A2 .* cannot both hold", "change one"),
        (("precision < 0.4", "worst_slice(place).precision >= 0.45"), "the worst slice of place is never better than the whole", "change one"),
        (("mae >= 3", "worst_slice(place).mae < 3"), "the worst slice of place is never better than the whole", "change one"),
        (("precision >= 0.6 and precision < 0.5",), "A1 .* cannot hold", "keeps both of its bounds"),
        (
            ("precision > recall", "recall > precision"),
            r"A1 .* and A2 \(recall > precision\) cannot both hold",
            "turn one of the two round, or leave A1 or A2 out",
        ),
        (("not precision >= 0.5", "precision > 0.6"), "A1 .* and A2 .* cannot both hold", "change one"),
        (("precision == recall", "recall < precision"), "cannot both hold", "turn one"),
        (("worst_slice(place).recall > recall",), "A1 .* cannot hold: the worst slice of place is never better", "either may be the greater"),
        (("worst_slice(place).recall > act_share", "act_share >= recall"), "cannot both hold: the worst slice of place is never better", "turn one"),
        (("recall < recall",), "A1 .* cannot hold", "either may be the greater"),
        (("worth > 1",), "worth is never above 1, the most that charter.worth gives for a decision", "ask for less, or mend the amounts"),
        (("precision >= 1.2",), "A1 .* asks for what cannot be: precision is never above 1", "ask for a number that precision can be"),
        (("worst_slice(place).recall >= 50",), "recall is never above 1", "write a share of 1: 0.5 for 50%"),
        (("recall < 0",), "recall is never below 0", "can be"),
        (("r2 > 1",), "r2 is never above 1", "can be"),
        (("recal >= 0.5",), "names 'recal', which is no metric", "did you mean 'recall'"),
        (("precision >= 0.5", "mae <= 3"), "A2 .* names mae, and precision of A1 is of another task", "one task: binary: "),
    ],
)
def test_what_no_model_can_keep_is_named_with_its_remedy(checks: tuple[str, ...], says: str, remedy: str) -> None:
    with pytest.raises(Mistake, match=says) as told:
        reading(*checks)
    assert remedy in told.value.remedy


@pytest.mark.parametrize(
    "checks",
    [
        ("precision >= 0.5", "precision <= 0.5"),
        ("precision >= 0.6 or recall >= 0.9", "precision < 0.5"),
        ("worst_slice(place).precision >= 0.6", "worst_slice(carrier).precision <= 0.5"),
        # Each slice may be ordered worse than the whole, or better.
        ("worst_slice(place).roc_auc >= 0.6", "roc_auc <= 0.5"),
        ("worst_slice(place).mae >= 3", "mae < 3"),
        ("precision - recall >= 0.5", "precision < 0.4"),
        ("precision > recall", "recall > worst_slice(place).precision"),
        ("precision >= recall", "recall >= precision"),
        ("not precision < 0.5", "precision <= 0.5"),
        ("worth >= 1",),
        ("precision >= 0", "precision <= 1", "worth > -1e9"),
    ],
)
def test_what_a_model_can_keep_is_read(checks: tuple[str, ...]) -> None:
    assert len(reading(*checks).acceptance) == len(checks)


def test_a_metric_is_looked_for_in_the_task_where_that_is_known() -> None:
    for known in ({"task": "binary"}, {"worth": {"act_right": 1, "act_wrong": -1}}):
        with pytest.raises(Mistake, match="names 'mae', which is no binary metric"):
            reading("mae <= 3", **known)
    assert reading("mae <= 3")


@pytest.mark.parametrize(
    ("worth", "most"),
    [
        ({"act_right": 140, "act_wrong": -60}, 140),
        ({"act_right": "100..130..180", "rest": 2}, 130),
        ({"act_wrong": -60, "miss": -9}, 0),
        ({"right": 3, "wrong": -1}, 3),
        ({"over": -2, "under": -1}, 0),
        ({"over": -2, "under": 1}, float("inf")),
        ({"act_right": "amount * 0.1", "act_wrong": -60}, float("inf")),
    ],
)
def test_what_decisions_are_worth_at_most_is_known_from_constant_amounts(worth: dict[str, Any], most: float) -> None:
    for beyond in (f"worth > {most}", f"worst_slice(place).worth >= {most + 1}"):
        if most < float("inf"):
            with pytest.raises(Mistake, match=f"worth is never above {most:g}, the most"):
                reading(beyond, worth=worth)
    assert reading("worth >= 0" if most == float("inf") else f"worth >= {most}", worth=worth)


def test_two_criteria_with_one_id_are_a_mistake_that_names_its_line() -> None:
    acceptance = "  acceptance:\n    - {id: A1, says: One}\n    - {id: A1, says: Two}\n"
    text = f"project: p\ncharter:\n  predict: y\n{acceptance}data: {{sources: {{rows: {{path: rows.csv}}}}}}\n"
    with pytest.raises(Mistake, match="two criteria have the id 'A1'") as told:
        parsed(text)
    assert told.value.where == "loopline.yaml, line 6"


@pytest.mark.parametrize("check", ["precision", "1 > 0", "precision + 1", "0.5"])
def test_a_check_that_holds_nothing_to_a_limit_is_a_mistake(check: str) -> None:
    with pytest.raises(ValueError, match="holds no metric to a limit; write it as precision >= 0.5"):
        Criterion(id="A1", check=check)


def test_a_criterion_may_have_no_check_yet_but_not_say_nothing() -> None:
    assert Criterion(id="A1", says="Nobody waits").names == frozenset()
    with pytest.raises(ValueError, match="A1 says nothing"):
        Criterion(id="A1")


links = st.sampled_from([">=", ">", "<=", "<", "=="])
comparisons = st.builds(lambda name, link, limit: f"{name} {link} {limit}", st.sampled_from(NAMES), links, st.sampled_from(GRID))
checks = st.lists(comparisons, min_size=1, max_size=2).map(" and ".join)


@given(st.lists(checks, min_size=1, max_size=3))
def test_a_contradiction_is_told_only_where_no_numbers_meet_all_and_wherever_none_do(said: list[str]) -> None:
    """Every bound lies on the grid, so that numbers on it or between its points meet all that can be met."""
    possible = [number / 8 for number in range(9)]
    holds = all(
        any(
            all(_holds(check, {name: whole, f"worst_slice(place).{name}": worst}) for check in said)
            for whole, worst in product(possible, possible)
            if not METRICS[name].pools or (worst >= whole if METRICS[name].less_is_better else worst <= whole)
        )
        for name in ("precision", "brier", "roc_auc")
    )
    found = contradiction([(f"A{place}", check) for place, check in enumerate(said)])
    assert (found is None) is holds


def _holds(check: str, numbers: dict[str, float]) -> bool:
    """Whether every comparison of a check that is about these numbers holds."""
    about = [part for part in check.split(" and ") if part.split(" ")[0] in numbers]
    return all(bool(evaluate(parse(part), numbers)) for part in about)


def test_the_columns_whose_slices_are_asked_for_are_known() -> None:
    charter = reading("precision >= 0.5 and worst_slice(place).recall > 0.1", "worst_slice(emp.var).worth > 0")
    assert slice_columns(charter.acceptance) == {"place", "emp.var"}
