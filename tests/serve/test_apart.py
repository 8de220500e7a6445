"""What is decided apart: which rows a hold-out takes, what is decided for them, and the arms of an experiment on policies."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.serve.apart import Apart, Holdout, Policies, arms_of
from loopline.serve.batch import check, score
from loopline.serve.log import Log
from loopline.serve.segments import records
from loopline.serve.split import place, unit_of
from loopline.serve.trial import Challenger, Trial
from tests.serve.packages import ROW, make_package, scorer_of

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROWS = [{**ROW, "id": number, "age": 20 + number % 60} for number in range(400)]
HELD = Holdout(0.2, "hold-out of p", "rest")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return Lake(str(tmp_path_factory.mktemp("lake")))


def scorer(lake, task="binary", **apart):
    made = scorer_of(lake, make_package(lake, task))
    made.set_apart(Apart(**apart))
    return made


@given(unit=st.dictionaries(st.text(max_size=5), st.text(max_size=5)), salt=st.text(st.characters(codec="ascii"), max_size=20))
def test_a_unit_has_always_the_same_place(unit, salt):
    assert 0 <= place(unit, salt) < 1
    assert place(unit, salt) == place(dict(reversed(unit.items())), salt)


def test_places_are_spread_evenly_and_anew_under_another_salt():
    at = [[place({"id": str(number)}, salt) for number in range(2000)] for salt in ("a", "b")]
    for places in at:
        assert all(abs(sum(low <= one < low + 0.1 for one in places) - 200) < 60 for low in (0.0, 0.3, 0.9))
    both = sum(one < 0.5 and other < 0.5 for one, other in zip(*at, strict=True))
    assert 430 < both < 570


def test_a_unit_is_the_same_however_its_values_are_written():
    assert unit_of({"id": 7}, ("id",)) == unit_of({"id": 7.0, "age": 3}, ("id",)) == {"id": "7"}
    assert unit_of({"day": date(2024, 1, 31)}, ("day",)) == unit_of({"day": datetime(2024, 1, 31)}, ("day",))
    assert unit_of({"id": None, "age": 3, "city": None}, ("id",)) == {"age": "3"}


@given(share=st.floats(0, 1), wider=st.floats(0, 1), key=st.integers(0, 10**6))
def test_a_greater_share_holds_out_what_a_smaller_one_does(share, wider, key):
    narrow, wide = sorted((share, wider))
    at = place({"id": str(key)}, "s")
    assert at < wide or not at < narrow


def test_what_is_held_out_is_scored_as_ever_and_decided_without_the_model(lake):
    plain, held = scorer(lake).score(ROWS, NOW)[0], scorer(lake, holdout=HELD).score(ROWS, NOW)[0]
    assert [one.score for one in held] == [one.score for one in plain]
    taken = [one for one in held if one.holdout]
    assert 50 < len(taken) < 110
    assert {one.decision for one in taken} == {"rest"}
    for one, before in zip(held, plain, strict=True):
        assert one.instead_of == (before.decision if one.holdout else None)
        assert one.holdout or one.decision == before.decision
    assert {one.holdout for one in held} == {True, False}
    assert {one.holdout for one in plain} == {None}


def test_the_same_keys_are_held_out_in_a_file_and_in_a_request(lake, tmp_path):
    own = scorer(lake, holdout=HELD)
    with Log(tmp_path) as log:
        done = score(own, check(own.signature, pl.DataFrame(ROWS)), log)
    asked = own.score(ROWS, NOW)[0]
    assert done.out["holdout"].to_list() == [one.holdout for one in asked]
    assert done.out["decision"].to_list() == [one.decision for one in asked]
    lines = [json.loads(line) for part in records(tmp_path, "predictions") for line in part.lines]
    assert [(line["holdout"], line["instead_of"], line["score"]) for line in lines] == [(one.holdout, one.instead_of, one.score) for one in asked]


@pytest.mark.parametrize(("task", "decision", "expected"), [("multiclass", "b", "b"), ("regression", 3, 3.0), ("binary", "act", "act")])
def test_the_decision_may_be_said(lake, task, decision, expected):
    made = scorer(lake, task, holdout=Holdout(1.0, "s", decision)).score(ROWS[:5], NOW)[0]
    assert {one.decision for one in made} == {expected}
    assert all(one.holdout and one.instead_of is not None for one in made)


@pytest.mark.parametrize(("task", "decision"), [("multiclass", "d"), ("regression", "much"), ("binary", "maybe"), ("binary", None)])
def test_a_decision_that_is_none_of_the_package_s_is_a_mistake_and_what_held_goes_on(lake, task, decision):
    own = scorer(lake, task)
    with pytest.raises(Mistake, match=r"decision: |package"):
        own.set_apart(Apart(holdout=Holdout(0.5, "s", decision)))
    assert own.score(ROWS[:5], NOW)[0][0].holdout is None


def policies(package, **shares):
    arms = {"control": (shares.get("control", 0.5), None), "eager": (shares.get("eager", 0.5), {"kind": "threshold", "threshold": 0.0})}
    return Policies("12-abc", package, "12-abc", arms)


def test_an_arm_is_decided_by_its_policy_and_every_record_names_it(lake):
    plain = scorer(lake)
    before = plain.score(ROWS, NOW)[0]
    plain.set_apart(Apart(policies=policies(plain.package, control=0.4, eager=0.4)))
    made = plain.score(ROWS, NOW)[0]
    by_arm = {arm: [at for at, one in enumerate(made) if one.arm == arm] for arm in ("control", "eager", None)}
    assert {arm: 100 < len(found) < 220 for arm, found in by_arm.items()} == {"control": True, "eager": True, None: False}
    assert {made[at].decision for at in by_arm["eager"]} == {"act"}
    assert [made[at].decision for at in by_arm["control"] + by_arm[None]] == [before[at].decision for at in by_arm["control"] + by_arm[None]]
    assert {made[at].experiment for at in by_arm["eager"]} == {"12-abc"} and {made[at].experiment for at in by_arm[None]} == {None}


def test_what_is_held_out_takes_part_in_no_experiment(lake):
    own = scorer(lake)
    own.set_apart(Apart(HELD, policies(own.package)))
    made = own.score(ROWS, NOW)[0]
    assert all((one.arm is None) == one.holdout for one in made)
    assert {one.decision for one in made if one.holdout} == {"rest"}


def test_an_experiment_on_the_policies_of_another_package_is_left_alone(lake):
    own = scorer(lake)
    own.set_apart(Apart(policies=policies("f" * 64)))
    assert {one.arm for one in own.score(ROWS, NOW)[0]} == {None}


@given(first=st.floats(0.05, 0.5), second=st.floats(0.05, 0.5))
def test_arms_get_their_shares(first, second):
    units = [{"id": str(number)} for number in range(1000)]
    arms = arms_of(units, policies("p", control=first, eager=second)).tolist()
    for name, share in (("control", first), ("eager", second)):
        assert abs(arms.count(name) / 1000 - share) < 0.08


def test_a_challenger_s_rows_are_held_out_too(lake):
    champion, other = scorer(lake, holdout=HELD), scorer_of(lake, make_package(lake, shift=0.1))
    other.set_apart(champion.decider.apart)
    made = Challenger(Trial(other.package, "canary", 0.5, "s"), other).answer(champion, ROWS, NOW).predictions
    alone = champion.score(ROWS, NOW)[0]
    assert [one.holdout for one in made] == [one.holdout for one in alone]
    assert {one.package for one in made if one.holdout} == {champion.package, other.package}
