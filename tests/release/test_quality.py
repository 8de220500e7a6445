"""The gates on the data's tests, on slices, groups and probabilities."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.release.quality import calibration, data_tests, fairness, worst_slice
from tests.release.judging import evidence, held


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def piece(name: str, *, loss: float = 0.0, worth: float = 5.0, happened: float = 0.5, score: float = 0.5, sure: bool = True) -> dict[str, Any]:
    return {"name": name, "rows": 100, "worth": estimate(worth), "happened": estimate(happened), "score": score, "gap": estimate(loss), "sure": sure}


def slices(*most_lost: dict[str, Any], misjudged: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"worst_slices": {"most_lost": {"slices": list(most_lost)}, "misjudged": {"slices": list(misjudged)}, "says": "."}}


def groups(ratio: float, difference: float) -> dict[str, Any]:
    gap = {"low": "north", "high": "south", "difference": estimate(difference), "ratio": ratio, "sure": True}
    return {"fairness": {"columns": {"region": {"groups": [], "gaps": {"act_share": gap}, "says": "."}}, "says": "."}}


def test_a_test_of_the_data_that_found_too_many_rows_is_named() -> None:
    tests = {"few": (1, 1000), "many, in items": (30, 300)}
    verdict = data_tests(evidence(tests=tests, limits=held(data_tests=0.05)))
    assert (verdict.passed, verdict.value, verdict.threshold) == (False, 0.1, 0.05)
    assert verdict.says == "many, in items found 10.00% of the rows, the most of 2 tests"
    assert data_tests(evidence(tests=tests, limits=held(data_tests=0.1))).passed


def test_tests_that_found_nothing_pass_and_without_a_share_nothing_is_asked() -> None:
    assert data_tests(evidence(limits=held(data_tests=0))).says == "no test of the data found a row"
    silent = data_tests(evidence(tests={"many": (30, 300)}))
    assert silent.passed and not silent.asked and "many found 10.00%" in silent.says


@pytest.mark.parametrize(
    ("bound", "told", "says"),
    [
        ({"loss": 2}, piece("origin = JFK", loss=3), "where origin = JFK it loses 3 USD per decision more than elsewhere"),
        ({"worth": 0}, piece("origin = JFK", worth=-1), "where origin = JFK it earns -1 USD per decision"),
        ({"off": 0.1}, piece("origin = JFK", happened=0.2), "where origin = JFK what it says is off by 0.3 on average"),
    ],
)
def test_a_slice_that_breaks_a_bound_is_named(bound: dict[str, float], told: dict[str, Any], says: str) -> None:
    verdict = worst_slice(evidence(evaluation=slices(told), limits=held(worst_slice=bound)))
    assert (verdict.passed, verdict.says) == (False, says)
    assert verdict.threshold == next(iter(bound.values()))


def test_a_slice_that_chance_may_have_made_breaks_nothing() -> None:
    verdict = worst_slice(evidence(evaluation=slices(piece("a", loss=9, sure=False)), limits=held(worst_slice={"loss": 1})))
    assert verdict.passed
    assert verdict.says == "every slice keeps to it; 0 slices stand out beyond chance"


def test_the_slice_that_breaks_a_bound_most_is_told_and_how_many_more_do() -> None:
    found = slices(piece("a", loss=3), piece("b", loss=9), misjudged=(piece("c", worth=-2),))
    verdict = worst_slice(evidence(evaluation=found, limits=held(worst_slice={"loss": 2, "worth": 0})))
    assert verdict.says == "where b it loses 9 USD per decision more than elsewhere, and so do 2 more"


def test_slices_of_values_are_off_by_their_bias() -> None:
    told = {**piece("a"), "bias": estimate(-4.0)}
    assert worst_slice(evidence(evaluation=slices(told), limits=held(worst_slice={"off": 3}))).value == 4.0


@pytest.mark.parametrize("gates", [{"worst_slice": {"loss": 1}}, {"calibration": 0.1}, {"fairness": {"region": {"act_share": {"ratio": 0.8}}}}])
def test_a_bound_on_what_the_package_does_not_tell_is_not_kept(gates: dict[str, Any]) -> None:
    judge = {"worst_slice": worst_slice, "calibration": calibration, "fairness": fairness}[next(iter(gates))]
    verdict = judge(evidence(limits=held(**gates)))
    assert not verdict.passed
    assert verdict.says.startswith("it cannot be told: ")


def test_groups_that_lie_too_far_apart_are_named() -> None:
    bounds = {"region": {"act_share": {"ratio": 0.8, "difference": 0.1}}}
    verdict = fairness(evidence(evaluation=groups(0.7, 0.15), limits=held(fairness=bounds)))
    assert (verdict.passed, verdict.value, verdict.threshold) == (False, 0.7, 0.8)
    assert verdict.says == "by region, act_share is least where north and greatest where south: a difference of 0.15, a ratio of 70%"
    assert verdict.asked == "by region, act_share of the least is at least 80% of the greatest and differs by at most 0.1"
    assert fairness(evidence(evaluation=groups(0.9, 0.05), limits=held(fairness=bounds))).passed


def test_a_column_or_a_measure_without_groups_is_said() -> None:
    for bounds, says in (
        ({"age": {"act_share": {"ratio": 0.8}}}, "name it in model.fairness"),
        ({"region": {"recall": {"ratio": 0.8}}}, "fewer than two groups"),
    ):
        verdict = fairness(evidence(evaluation=groups(0.9, 0.05), limits=held(fairness=bounds)))
        assert not verdict.passed
        assert says in verdict.says


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_bound_on_groups_never_fails_what_a_narrower_one_passed(ratio: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    passed = [
        fairness(evidence(evaluation=groups(ratio, 0.1), limits=held(fairness={"region": {"act_share": {"ratio": bound}}}))).passed for bound in (low, high)
    ]
    assert passed[0] or not passed[1]


@pytest.mark.parametrize(("limit", "passed"), [(0.03, False), (0.05, True), ("chance", False)])
def test_probabilities_are_held_to_a_share_or_to_chance(limit: float | str, passed: bool) -> None:
    part = {"calibration": {"error": 0.04, "by_chance": 0.02, "says": "."}}
    assert calibration(evidence(evaluation=part, limits=held(calibration=limit))).passed == passed


@pytest.mark.parametrize(("limit", "passed"), [(0.05, False), (0.2, True), ("chance", True)])
def test_values_are_held_to_the_quantile_that_the_prices_ask_for(limit: float | str, passed: bool) -> None:
    part = {"calibration": {"below": {"value": 0.6, "low": 0.45, "high": 0.75}, "quantile": 0.5, "says": "."}}
    verdict = calibration(evidence(evaluation=part, limits=held(calibration=limit)))
    assert verdict.passed == passed
    assert "60.0% of the outcomes lie at or below what it says" in verdict.says
