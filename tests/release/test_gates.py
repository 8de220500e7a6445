"""Each gate judges its own piece of evidence, and says what it found."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loopline.charter.spec import Criterion
from loopline.release.gates import (
    ROWS_NEEDED,
    Gate,
    acceptance,
    beats_baseline,
    beats_champion,
    contract,
    judge,
    latency,
    memory,
    parity,
)
from loopline.release.spec import GATES, ReleaseSpec
from tests.release.judging import evidence

CRITERIA = (
    Criterion(id="A1", says="When we act, it was needed", check="precision >= 0.5"),
    Criterion(id="A2", check="worst_slice(origin).precision >= 0.45 and recall > 0.1"),
)
money = st.floats(-1e6, 1e6, allow_subnormal=False)


def test_good_evidence_passes_every_gate_in_a_fixed_order() -> None:
    verdicts = judge(evidence(rival="bb" * 32, rival_earned=np.full(100, 2.0)), CRITERIA)
    names = [verdict.name for verdict in verdicts]
    assert [name for name in names if name != "acceptance A2"] == [name.replace("acceptance", "acceptance A1") for name in GATES]
    assert names.index("acceptance A2") == names.index("acceptance A1") + 1
    assert all(verdict.passed for verdict in verdicts)


def test_a_gate_without_a_bound_says_that_nothing_was_asked() -> None:
    silent = {verdict.name: verdict.says for verdict in judge(evidence(), ()) if not verdict.asked}
    assert list(silent) == ["data_tests", "worst_slice", "fairness", "calibration", "vulnerabilities", "budget", "where_to_run"]
    assert all(says.startswith("not asked: ") for says in silent.values())


def test_without_another_champion_there_is_nobody_to_beat() -> None:
    assert "beats_champion" not in [verdict.name for verdict in judge(evidence(), ())]


@pytest.mark.parametrize(
    ("gate", "bad", "value", "says"),
    [
        (contract, {"refused": 201}, 0.201, "201 of 1,000 rows refused; at most 0.2 of them may be"),
        (contract, {"read": 0, "refused": 0}, None, "0 of 0 rows"),
        (beats_baseline, {"unaided": np.full(100, 3.5)}, -0.5, "earned 0.5 USD less per decision than without a model (95 % interval -0.5 to -0.5, 100 rows)"),
        (beats_champion, {"rival": "bb" * 32, "rival_earned": np.full(100, 3.12)}, -0.12, "earned 0.12 USD less per decision than champion bbbbbbbb"),
        (latency, {"latency_ms": np.full(100, 7.5)}, 7.5, "99 of 100 take at most 7.5 ms; at most 5 ms are allowed"),
        (memory, {"memory_mb": 1234.5}, 1234.5, "takes 1,234 MB; at most 200 MB"),
        (parity, {"parity": {"a": 0.5, "b": 1.5}}, 1.5, "shares of what is allowed: a: 0.5, b: 1.5"),
        (parity, {"parity": {"a": 0.5, "b": None}}, 0.5, "b: nothing was compared"),
        (parity, {"parity": {"a": 1.5, "b": 3.3e-11, "c": 0.0}}, 1.5, "a: 1.5, b: under a millionth, c: none"),
        (parity, {"parity": {}}, None, "largest differences"),
    ],
)  # fmt: skip
def test_a_gate_that_fails_says_the_number_and_its_limit(gate: Gate, bad: dict[str, Any], value: float | None, says: str) -> None:
    verdict = gate(evidence(**bad))
    assert not verdict.passed
    assert verdict.value == (None if value is None else pytest.approx(value))
    assert says in verdict.says


def test_each_gate_fails_for_its_own_reason_alone() -> None:
    spoiled = replace(evidence(), memory_mb=999.0)
    assert [verdict.name for verdict in judge(spoiled, CRITERIA) if not verdict.passed] == ["memory"]


def test_what_earns_just_the_same_does_not_replace_the_champion() -> None:
    assert not beats_champion(evidence(rival="bb" * 32, rival_earned=np.full(100, 3.0))).passed


def test_a_champion_that_cannot_score_the_data_gives_way() -> None:
    verdict = beats_champion(evidence(rival="bb" * 32, rival_note="column 'age' is missing"))
    assert verdict.passed
    assert "column 'age' is missing" in verdict.says


def test_a_criterion_shows_its_words_the_metric_the_slice_and_the_check() -> None:
    first, second = (acceptance(criterion)(evidence()) for criterion in CRITERIA)
    assert first.says == "When we act, it was needed: precision is 0.6; asked for precision >= 0.5"
    assert (first.value, first.threshold) == (0.6, 0.5)
    assert "worst_slice(origin).precision is 0.5 (JFK)" in second.says
    assert (second.value, second.threshold) == (None, None)


@pytest.mark.parametrize("check", ["undefined >= 0.1", "undefined < 0.1", "not (undefined > 0.1)", "undefined > 0.1 or precision > 0.1"])
def test_a_criterion_over_a_metric_that_is_not_defined_fails(check: str) -> None:
    verdict = acceptance(Criterion(id="A1", check=check))(evidence())
    assert not verdict.passed
    assert "undefined is not defined on the test part" in verdict.says


def test_a_criterion_that_nothing_checks_yet_stops_nothing_and_says_so() -> None:
    verdict = acceptance(Criterion(id="A3", says="Nobody waits"))(evidence())
    assert (verdict.passed, verdict.asked) == (True, "")
    assert verdict.says.startswith("not asked: nothing checks it yet; say its check in charter.acceptance, such as precision >= 0.5")


@given(arrays(np.float64, st.integers(0, ROWS_NEEDED - 1), elements=money))
def test_few_rows_never_pass(earned: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    other = earned - 1000.0
    judged = evidence(earned=earned, unaided=other, rival="bb" * 32, rival_earned=other)
    assert not beats_baseline(judged).passed
    assert not beats_champion(judged).passed


@given(arrays(np.float64, st.integers(ROWS_NEEDED, 200), elements=money))
def test_the_sign_of_the_mean_difference_decides(more: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    verdict = beats_baseline(evidence(earned=more, unaided=np.zeros(len(more))))
    assert verdict.passed == (float(more.mean()) > 0)
    assert verdict.value == float(more.mean())


def test_a_mean_above_zero_passes_though_the_interval_reaches_below_it_and_the_interval_is_shown() -> None:
    verdict = beats_baseline(evidence(earned=np.array([10.0, -9.0] * 50)))
    assert verdict.passed
    low, high = re.findall(r"interval (\S+) to (\S+),", verdict.says)[0]
    assert float(low) < 0 < 0.5 < float(high)


@pytest.mark.parametrize(("gate", "other"), [(beats_baseline, "unaided"), (beats_champion, "rival_earned")])
def test_rows_that_belong_together_make_the_interval_wide(gate: Gate, other: str) -> None:
    def width(**more: Any) -> float:
        verdict = gate(evidence(earned=np.repeat(np.arange(20.0), 50), rival="bb" * 32, **{other: np.zeros(1000)}, **more))
        low, high = re.findall(r"interval (\S+) to (\S+),", verdict.says)[0]
        return float(high) - float(low)

    assert width(blocks=np.repeat(np.arange(20), 50)) > 4 * width()


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0, 1))
def test_refusing_fewer_rows_never_fails_the_contract(read: int, refused: int, limit: float) -> None:
    refused = min(refused, read)
    limits = ReleaseSpec(refused_share=limit)
    if contract(evidence(read=read, refused=refused, limits=limits)).passed and refused:
        assert contract(evidence(read=read, refused=refused - 1, limits=limits)).passed
