"""What-if: the effect of prices, threshold, capacity and volume on rows whose outcome is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.declaration import Rate
from loopline.errors import Mistake
from loopline.value.replayed import Change
from loopline.value.whatif import Effect, what_if
from loopline.value.whatif_picture import picture
from loopline.watch.decisions import Decisions
from tests.value.decided import PRICES, decided

POLICY = {"kind": "threshold", "threshold": 0.5}
MANY = decided()


def effect(change: Change, decisions: Decisions = MANY, *, policy: dict[str, Any] | None = None, **more: Any) -> Effect:
    return what_if(decisions, policy or POLICY, more.pop("prices", PRICES), change, **{"per_year": 36525.0, "sees_all": True, "confidence": 0.9, **more})


def money(decisions: Decisions, acted: np.ndarray, right: float = 10.0, wrong: float = -10.0) -> float:
    return float(np.where(acted, np.where(decisions.judged.outcome, right, wrong), 0.0).mean())


def test_nothing_changed_earns_nothing_more() -> None:
    made = effect(Change())
    assert made.difference.value == made.difference.low == made.difference.high == 0
    assert (made.changed, made.unknown, made.before, made.after) == (0, 0, made.after, made.before)


def test_other_prices_change_what_the_same_decisions_earn() -> None:
    made = effect(Change(prices={"act_right": "25"}))
    acted = MANY.judged.decision
    assert made.after.each.value == pytest.approx(money(MANY, acted, right=25.0))
    assert made.difference.value == pytest.approx(made.after.each.value - made.before.each.value)
    assert made.changed == 0
    assert any("chosen at the old prices" in line for line in made.assumptions)


def test_a_price_may_be_an_expression_over_the_row_s_columns() -> None:
    made = effect(Change(prices={"act_right": "0.5 * fare"}))
    acted = MANY.judged.decision & MANY.judged.outcome
    wrong = MANY.judged.decision & ~MANY.judged.outcome
    assert made.after.each.value == pytest.approx((0.5 * MANY.columns["fare"][acted].sum() - 10 * wrong.sum()) / len(MANY))


def test_what_the_charter_leaves_unsaid_stays_as_it_counts_now() -> None:
    points = WorthSpec()
    decisions = decided(prices=points)
    made = effect(Change(prices={"act_right": 3}), decisions, prices=points)
    assert made.after.each.value == pytest.approx(money(decisions, decisions.judged.decision, right=3.0, wrong=-1.0))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1))
def test_a_threshold_acts_on_just_the_scores_that_reach_it_and_the_pairs_agree_with_both_sides(threshold: float) -> None:
    made = effect(Change(threshold=threshold))
    acted = MANY.judged.score >= threshold
    assert made.after.each.value == pytest.approx(money(MANY, acted))
    assert made.after.acted == pytest.approx(acted.mean())
    assert made.changed == int(np.sum(acted != MANY.judged.decision))
    assert made.difference.value == pytest.approx(made.after.each.value - made.before.each.value)
    assert made.difference.low <= made.difference.value <= made.difference.high


def test_the_interval_of_the_pairs_is_narrower_than_that_of_either_side() -> None:
    made = effect(Change(threshold=0.55))
    assert made.difference.high - made.difference.low < (made.after.each.high - made.after.each.low) / 2


def test_a_capacity_acts_on_the_best_of_each_day() -> None:
    made = effect(Change(capacity=Rate(amount=20, period="day")))
    best = np.zeros(len(MANY), dtype=bool)
    days = MANY.time.astype("datetime64[D]")
    for day in np.unique(days):
        here = np.flatnonzero((days == day) & (MANY.judged.score >= 0.5))
        best[here[np.argsort(-MANY.judged.score[here])][:20]] = True
    # The year has 36,525 decisions, as many as come at the pace of these rows.
    assert made.after.each.value == pytest.approx(money(MANY, best), rel=0.02)
    assert made.after.acted == pytest.approx(0.2, abs=0.005)


def test_why_rows_have_a_part_of_a_capacity_is_said() -> None:
    asked = Change(capacity=Rate(amount=20, period="day"), per_year=73050.0)
    assert asked.says == "a capacity of 20 per day, 200 decisions per day"
    made = effect(asked)
    part = "These rows came at 50.0% of the pace that is counted on, and have that part of the 20 per day: at most 10 are acted on per day"
    assert any(line.startswith(part) for line in made.assumptions)
    assert any(line.startswith("Of these rows at most 20 are acted on per day") for line in effect(Change(capacity=asked.capacity)).assumptions)
    picture_of = json.dumps(picture(made, asked.says, "EUR"))
    assert "A capacity of 20 per day, 200 decisions per day; 2,000 decisions" in picture_of


def test_of_more_decisions_the_same_capacity_takes_a_smaller_share() -> None:
    shares = [effect(Change(capacity=Rate(amount=20, period="day"), per_year=36525.0 * times)).after.acted for times in (1, 2, 4)]
    assert shares == [pytest.approx(0.2, abs=0.01), pytest.approx(0.1, abs=0.01), pytest.approx(0.05, abs=0.01)]


def test_rows_without_a_time_keep_the_capacity_on_average_and_need_a_volume() -> None:
    rows = decided(timeless=True)
    made = effect(Change(capacity=Rate(amount=10, period="day")), rows)
    assert made.after.acted == pytest.approx(0.1, abs=0.01)
    assert any("on average" in line for line in made.assumptions)
    with pytest.raises(Mistake, match="--volume"):
        effect(Change(capacity=Rate(amount=10, period="day")), rows, per_year=None)


def test_the_volume_scales_the_year_and_not_the_decision() -> None:
    made = effect(Change(per_year=73050.0))
    assert made.difference.value == 0
    assert made.before.per_year is not None and made.after.per_year is not None and made.added_per_year is not None
    assert made.after.per_year.value == pytest.approx(2 * made.before.per_year.value)
    assert made.added_per_year.value == pytest.approx(made.before.per_year.value)


def test_without_any_volume_the_year_is_unknown() -> None:
    made = effect(Change(threshold=0.6), per_year=None)
    assert (made.before.per_year, made.after.per_year, made.added_per_year) == (None, None, None)


def test_where_only_acting_shows_the_outcome_it_says_how_much_is_not_known() -> None:
    rows = decided(sees_all=False)
    lower = effect(Change(threshold=0.4), rows, sees_all=False)
    assert lower.unknown == int(np.sum((MANY.judged.score >= 0.4) & (MANY.judged.score < 0.5)))
    assert lower.changed == 0
    assert any("not known" in line for line in lower.assumptions)
    higher = effect(Change(threshold=0.6), rows, sees_all=False)
    assert higher.unknown == 0 and higher.changed > 0


def test_the_curve_passes_through_what_the_policy_earns() -> None:
    curve = effect(Change(prices={"act_right": 25})).curve
    assert curve is not None
    for name, right in (("before", 10.0), ("after", 25.0)):
        for at, value in zip(curve["threshold"], curve[name], strict=True):
            assert value == pytest.approx(money(MANY, MANY.judged.score >= at, right=right))


@pytest.mark.parametrize(
    ("change", "words"),
    [(Change(prices={"miss_it": 3}), "act_right"), (Change(prices={"act_right": "nan"}), "finite"), (Change(prices={"act_right": "2 **"}), "price")],
)
def test_a_price_that_is_none_is_told_with_the_remedy(change: Change, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        effect(change)


def test_a_column_with_a_slip_in_its_name_is_told_and_not_listed() -> None:
    rows = replace(MANY, judged=replace(MANY.judged, columns={**MANY.columns, "fares": np.full(len(MANY), np.nan)}))
    with pytest.raises(Mistake, match=r"no row holds a value of fares; did you mean 'fare'\?"):
        effect(Change(prices={"act_right": "fares * 2"}), rows)


def test_the_effect_is_plain() -> None:
    said = effect(Change(threshold=0.4, capacity=Rate(amount=30, period="day"))).as_json()
    assert json.loads(json.dumps(said)) == said
