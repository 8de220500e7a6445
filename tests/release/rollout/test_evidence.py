"""Evidence merges: windows, replicas and late outcomes give what one pass over all values gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.release.rollout.evidence import Arm, Evidence, Moments, pairs

VALUES = st.lists(st.floats(-1e4, 1e4), max_size=30)
MOMENTS = VALUES.map(Moments.of)
ARMS = st.builds(Arm, requests=st.integers(0, 99), errors=st.integers(0, 9), latency=MOMENTS, worth=MOMENTS)
EVIDENCE = st.builds(Evidence, champion=ARMS, challenger=ARMS, paired=st.none() | MOMENTS, differ=st.integers(0, 9))


def close(one: Moments, other: Moments) -> bool:
    return one.n == other.n and np.allclose([one.mean, one.m2], [other.mean, other.m2], rtol=1e-9, atol=1e-6)


@given(VALUES, VALUES)
def test_merged_moments_are_those_of_one_pass(left: list[float], right: list[float]) -> None:
    merged, whole = Moments.of(left) + Moments.of(right), Moments.of(left + right)
    assert close(merged, whole)
    if merged.n > 1:
        assert merged.variance == pytest.approx(np.var(left + right, ddof=1), rel=1e-6, abs=1e-6)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_the_order_of_merging_does_not_matter(one: Moments, two: Moments, three: Moments) -> None:
    assert close((one + two) + three, one + (three + two))
    assert one + Moments() == one == Moments() + one


@given(VALUES, st.integers(0, 50))
def test_pairs_that_decide_alike_count_as_zeros_without_being_seen(differences: list[float], alike: int) -> None:
    found, differ = pairs(differences, alike)
    assert close(found, Moments.of(differences + [0.0] * alike)) and differ == len(differences)


@given(EVIDENCE, EVIDENCE)
def test_evidence_merges_part_by_part(one: Evidence, other: Evidence) -> None:
    both = one + other
    assert both.challenger.requests == one.challenger.requests + other.challenger.requests
    assert both.champion.worth == one.champion.worth + other.champion.worth
    assert (both.paired is None) == (one.paired is None and other.paired is None)


@given(EVIDENCE)
def test_evidence_comes_back_from_its_json(one: Evidence) -> None:
    assert Evidence.of_json(json.loads(json.dumps(one.as_json()))) == one


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Moments.of([1.0, float("nan")])
