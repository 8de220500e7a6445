"""The choice of a policy: limits that hold, prices by the row, what is left to a person, and how sure the choice is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.model.candidates import Judge, Part
from loopline.model.deciding import Stake, best_threshold, choose, sureness
from loopline.model.policy import ACT, ASK, columns_of, decide, describe, expected_gain, money, period_numbers, periods_of
from loopline.model.spec import ModelSpec, PolicySpec

CONSTANT = Worth.of(WorthSpec(currency="EUR", act_right=10, act_wrong=-6), "binary")
PRICED = Worth.of(WorthSpec(currency="EUR", act_right="amount", act_wrong=-5), "binary")
HOUR = np.timedelta64(1, "h")


def stake(worth: Worth, rows: int, *, seed: int = 0, hours: int = 1) -> tuple[Stake, np.ndarray]:
    """Rows whose scores are true probabilities, so many hours apart."""
    rng = np.random.default_rng(seed)
    chance, amount = rng.random(rows).round(3), rng.choice([0.5, 20.0, 200.0], rows)
    happened = rng.random(rows) < chance
    columns = {"amount": amount, "fee": rng.choice([1.0, 4.0], rows)}
    acted = worth.per_row(np.ones(rows, dtype=bool), happened, columns)
    rested = worth.per_row(np.zeros(rows, dtype=bool), happened, columns)
    time = np.datetime64("2026-01-05T00:00:00", "us") + np.arange(rows) * hours * HOUR
    return Stake(happened, acted, rested, columns, time), chance


def declared(**said: object) -> PolicySpec:
    return PolicySpec.model_validate(said)


def test_a_threshold_that_is_declared_is_taken_and_nothing_is_chosen() -> None:
    for worth in (CONSTANT, PRICED):
        own, score = stake(worth, 500)
        assert choose(declared(threshold=0.31), worth, own, score) == {"kind": "threshold", "threshold": 0.31}
    judge = Judge("binary", ("no", "yes"), CONSTANT, declared=declared(threshold=0.31))
    part = Part(own.happened, own.columns, own.time)
    assert "chosen_on" not in judge.sure_policy(part, score, {"kind": "threshold", "threshold": 0.31}, np.arange(500), seed=0)
    asked = choose(declared(threshold=0.31, ask={"at_most": "20%", "costs": 0.5}), PRICED, own, score)
    assert asked["threshold"] == 0.31 and asked["ask"]["from"] <= 0.31 <= asked["ask"]["to"]


@pytest.mark.parametrize("other", [{"capacity": "30 per day"}, {"budget": "30 per day", "cost": 1}, {"kind": "expected_worth"}])
def test_a_threshold_and_another_rule_do_not_go_together(other: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="leave one of them out"):
        declared(threshold=0.3, **other)


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 5), st.booleans())
def test_a_day_never_has_more_than_its_capacity(rows: int, most: int, seed: int, by_row: bool) -> None:
    worth = PRICED if by_row else CONSTANT
    at_stake, score = stake(worth, rows, seed=seed)
    rule = choose(declared(capacity=f"{most} per day"), worth, at_stake, score)
    periods = periods_of(rule, at_stake.time)
    acted = decide(rule, score, (), at_stake.columns, periods) == ACT
    assert np.bincount(periods - periods.min(), weights=acted).max() <= most
    alone = decide(rule, score, (), at_stake.columns) == ACT
    assert alone.sum() <= most * len(np.unique(periods)), "one by one the limit holds on average"


def test_a_capacity_is_given_to_the_highest_and_ties_to_the_earlier() -> None:
    rule = {"kind": "top", "at_most": 2, "per": "day", "floor": 0.3, "threshold": 0.5}
    score = np.array([0.4, 0.9, 0.4, 0.4, 0.2, 0.1])
    assert decide(rule, score, (), {}, np.array([1, 1, 1, 2, 2, 2])).tolist() == ["act", "act", "rest", "act", "rest", "rest"]


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 5))
def test_a_week_never_spends_more_than_its_budget(rows: int, spend: int, seed: int) -> None:
    at_stake, score = stake(CONSTANT, rows, seed=seed, hours=3)
    rule = choose(declared(budget=f"{spend} per week", cost="fee"), CONSTANT, at_stake, score)
    periods = periods_of(rule, at_stake.time)
    acted = decide(rule, score, (), at_stake.columns, periods) == ACT
    assert np.bincount(periods - periods.min(), weights=acted * at_stake.columns["fee"]).max() <= spend
    assert (expected_gain(rule["terms"], score, at_stake.columns)[acted] > 0).all()
    alone = decide(rule, score, (), at_stake.columns) == ACT
    assert at_stake.columns["fee"][alone].sum() <= spend * len(np.unique(periods))
    assert columns_of(rule) == ("fee",)


def test_a_row_whose_cost_is_not_known_is_not_paid_for() -> None:
    rule = {
        "kind": "budget",
        "spend": 9.0,
        "per": "day",
        "cost": "fee",
        "terms": {"act_right": 1, "act_wrong": 0, "miss": 0, "rest": 0},
        "floor": 0,
        "threshold": 0.1,
    }
    columns = {"fee": np.array([np.nan, 4.0])}
    assert decide(rule, np.array([0.9, 0.9]), (), columns, np.array([0, 0])).tolist() == ["rest", "act"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-100, 100)), min_size=1, max_size=50))
def test_expected_worth_acts_exactly_where_it_pays(rows: list[tuple[float, float]]) -> None:
    score, amount = (np.array(values) for values in zip(*rows, strict=True))
    at_stake = Stake(np.ones(len(score), dtype=bool), amount, np.zeros(len(score)), {"amount": amount})
    rule = choose(declared(kind="expected_worth"), PRICED, at_stake, score)
    pays = score * amount - (1 - score) * 5 >= np.finfo(np.float64).tiny
    assert ((decide(rule, score, (), {"amount": amount}) == ACT) == pays).all()


def test_a_price_that_is_missing_is_nothing_to_win() -> None:
    rule = {"kind": "expected_worth", "terms": {"act_right": "amount", "act_wrong": 0.0, "miss": 0.0, "rest": 0.0}, "threshold": 1e-300}
    assert decide(rule, np.array([0.9, 0.9]), (), {"amount": np.array([np.nan, 1.0])}).tolist() == ["rest", "act"]


def test_prices_by_the_row_decide_each_row_unless_one_threshold_clearly_earns_more() -> None:
    at_stake, chance = stake(PRICED, 4000)
    rule = choose(PolicySpec(), PRICED, at_stake, chance)
    assert rule["kind"] == "expected_worth"
    earned = money(rule, PRICED, decide(rule, chance, (), at_stake.columns), at_stake.happened, at_stake.columns).mean()
    one = best_threshold(chance, at_stake.gain)
    assert earned > (at_stake.rested.sum() + one.earned) / 4000
    # Scores that are a hundredth of the probabilities order the rows as well, and lie about what each earns.
    assert choose(PolicySpec(), PRICED, at_stake, chance / 100)["kind"] == "threshold"


@settings(deadline=None)
@given(st.integers(30, 600), st.floats(0.01, 0.6), st.floats(0, 6), st.integers(0, 5), st.booleans())
def test_a_person_is_asked_no_more_than_the_share_that_people_can_take(rows: int, share: float, costs: float, seed: int, by_row: bool) -> None:
    worth = PRICED if by_row else CONSTANT
    at_stake, score = stake(worth, rows, seed=seed)
    rule = choose(declared(ask={"at_most": share, "costs": costs}), worth, at_stake, score)
    assert (decide(rule, score, (), at_stake.columns) == ASK).mean() <= share
    plain = {name: value for name, value in rule.items() if name != "ask"}
    earned, before = (money(one, worth, decide(one, score, (), at_stake.columns), at_stake.happened, at_stake.columns).sum() for one in (rule, plain))
    assert earned >= before


def test_a_person_is_asked_where_the_score_is_least_sure() -> None:
    at_stake, score = stake(CONSTANT, 4000)
    rule = choose(declared(ask={"at_most": "10%", "costs": 0.5}), CONSTANT, at_stake, score)
    asked = decide(rule, score, ()) == ASK
    assert 0.08 < asked.mean() <= 0.1
    assert rule["ask"]["from"] <= rule["threshold"] <= rule["ask"]["to"]
    earned = money(rule, CONSTANT, np.where(asked, ASK, ACT), at_stake.happened, {})
    np.testing.assert_allclose(earned[asked], np.where(at_stake.happened, 10, 0)[asked] - 0.5)
    assert "ask" not in choose(declared(ask={"at_most": 0.1, "costs": 9}), CONSTANT, at_stake, score), "a look that costs more than it wins"


def test_rows_that_were_asked_about_are_not_counted_as_acted_on() -> None:
    judge = Judge("binary", ("no", "yes"), CONSTANT)
    rule = {"kind": "threshold", "threshold": 0.5, "ask": {"from": 0.4, "to": 0.6, "costs": 1.0}}
    judged = judge.judged(Part(np.array([True, False, True]), {}), np.array([0.5, 0.5, 0.9]), rule)
    assert judged.decision.tolist() == [False, False, True]
    assert judged.money.tolist() == [9, -1, 10]


@settings(deadline=None)
@given(
    st.sampled_from(
        [
            {},
            {"kind": "threshold"},
            {"kind": "expected_worth"},
            {"capacity": "5 per day"},
            {"budget": "9 per week", "cost": "fee"},
            {"ask": {"at_most": 0.2, "costs": 1}},
        ]
    ),
    st.booleans(),
    st.integers(0, 3),
)
def test_written_and_read_again_it_decides_the_same_and_each_row_alone_as_in_a_batch(said: dict[str, object], by_row: bool, seed: int) -> None:
    worth = PRICED if by_row else CONSTANT
    at_stake, score = stake(worth, 200, seed=seed)
    rule = choose(declared(**said), worth, at_stake, score)
    again = json.loads(json.dumps(rule, allow_nan=False))
    batch = decide(rule, score, (), at_stake.columns)
    assert (decide(again, score, (), at_stake.columns) == batch).all()
    alone = [decide(rule, score[at : at + 1], (), {name: values[at : at + 1] for name, values in at_stake.columns.items()})[0] for at in range(200)]
    assert alone == batch.tolist()
    assert set(columns_of(rule)) <= set(at_stake.columns)


def test_the_interval_holds_the_worth_that_new_rows_have_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(40):
        at_stake, score = stake(CONSTANT, 500, seed=seed)
        rule = choose(declared(kind="threshold"), CONSTANT, at_stake, score)
        sure = sureness(rule, CONSTANT, at_stake, score, np.arange(500), seed=seed)
        fresh, other = stake(CONSTANT, 20_000, seed=1000 + seed)
        truth = money(rule, CONSTANT, decide(rule, other, ()), fresh.happened, {}).mean()
        held += sure["low"] <= truth <= sure["high"]
    assert held >= 34


def test_a_sure_choice_says_how_flat_its_worth_is() -> None:
    at_stake, score = stake(CONSTANT, 2000)
    judge = Judge("binary", ("no", "yes"), CONSTANT)
    part = Part(at_stake.happened, {})
    rule = judge.sure_policy(part, score, judge.best_policy(part, score), np.arange(2000), seed=0)
    low, high = rule["chosen_on"]["flat"]
    assert 0 <= low <= rule["threshold"] <= high <= 1
    assert high - low < 0.6
    assert rule["chosen_on"]["low"] < rule["chosen_on"]["worth"] < rule["chosen_on"]["high"] + 0.5
    said = describe(rule)
    assert said[1].startswith("on the 2,000 rows that it was chosen on it earns")
    assert said[2].startswith("any threshold from")


def test_what_is_said_tells_the_limit_and_what_a_row_alone_is_decided_by() -> None:
    at_stake, score = stake(CONSTANT, 500)
    first, second = describe(choose(declared(capacity="5 per day"), CONSTANT, at_stake, score))
    assert first == "act on at most 5 per day, those of the highest probability first"
    assert second.startswith("a row that comes alone is acted on where its probability is at least 0.")
    assert describe(choose(declared(budget="20 per week", cost=2), CONSTANT, at_stake, score))[0].startswith("spend at most 20 per week")


def test_periods_are_those_of_the_calendar() -> None:
    time = np.array(["2026-01-04T23:59", "2026-01-05T00:00", "2026-01-11T23:00", "2026-04-01", "NaT"], dtype="datetime64[us]")
    week, quarter = period_numbers("week", time), period_numbers("quarter", time)
    assert (week[0] != week[1], week[1] == week[2]) == (True, True)
    assert (quarter[0] == quarter[2], quarter[2] != quarter[3]) == (True, True)


def test_a_limit_needs_the_time_of_the_rows() -> None:
    at_stake, score = stake(CONSTANT, 50)
    timeless = Stake(at_stake.happened, at_stake.acted, at_stake.rested, {})
    with pytest.raises(Mistake, match="needs the time"):
        choose(declared(capacity="5 per day"), CONSTANT, timeless, score)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"capacity": "5 per day", "budget": "5 per day", "cost": 1}, "two limits"),
        ({"budget": "5 per day"}, "belong together"),
        ({"kind": "top"}, "needs capacity"),
        ({"kind": "threshold", "capacity": "5 per day"}, "leave one of them out"),
        ({"capacity": "0 per day"}, "more than 0"),
        ({"capacity": "5 per day", "ask": {"at_most": 0.1, "costs": 1}}, "do not go together"),
        ({"ask": {"at_most": "many%", "costs": 1}}, "is no share"),
    ],
)
def test_what_contradicts_itself_is_refused(said: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelSpec.model_validate({"policy": said})
