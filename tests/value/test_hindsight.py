"""Another policy in hindsight: found where it surely pays, and not where only choosing flatters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.value.hindsight import better
from loopline.watch.decisions import Decisions
from tests.value.decided import decided

POLICY = {"kind": "threshold", "threshold": 0.5}


def test_a_threshold_that_is_far_off_is_found_to_cost_money() -> None:
    found = better(decided(4000, threshold=0.9), POLICY, confidence=0.9)
    assert found is not None
    assert found.threshold == pytest.approx(0.5, abs=0.1)
    # Acting on all above one half earns 2.5 each, from 0.9 on 0.9.
    assert found.gain.value == pytest.approx(1.6, abs=0.4)
    assert found.acted > found.acted_now


def test_a_policy_that_is_right_already_is_left_alone_but_by_the_chance_that_the_confidence_leaves() -> None:
    found = [better(decided(800, seed=seed), POLICY, confidence=0.9) for seed in range(40)]
    assert sum(one is not None for one in found) <= 5  # 2 are expected at most


def test_a_capacity_that_binds_is_named_as_what_would_be_broken() -> None:
    found = better(decided(4000, threshold=0.9), {"kind": "top", "threshold": 0.9, "floor": 0.5, "at_most": 20, "per": "day"}, confidence=0.9)
    assert found is not None and found.breaks_limit


@pytest.mark.parametrize("kind", ["budget", "value", "most_likely"])
def test_policies_of_other_kinds_are_not_judged(kind: str) -> None:
    assert better(decided(threshold=0.9), {"kind": kind}, confidence=0.9) is None


def test_where_only_acting_shows_the_outcome_it_can_still_find_that_fewer_should_be_acted_on() -> None:
    found = better(decided(4000, threshold=0.1, sees_all=False), POLICY, confidence=0.9)
    assert found is not None and found.threshold == pytest.approx(0.5, abs=0.1)


def test_acting_on_nothing_is_no_policy_but_an_end() -> None:
    wrong = decided(4000, threshold=0.2)
    contrary = replace(wrong, judged=replace(wrong.judged, outcome=~wrong.judged.outcome))
    assert better(with_money(contrary), POLICY, confidence=0.9) is None


def with_money(decisions: Decisions) -> Decisions:
    """The same with the money of its outcomes."""
    money = decisions.yardstick.worth.per_row(decisions.judged.decision, decisions.judged.outcome, decisions.columns)
    return replace(decisions, judged=replace(decisions.judged, money=money), gain=money)
