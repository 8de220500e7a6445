"""The challenger on trial: which rows are its own, who answers them, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.release.rollout.course import move, newest, start
from loopline.release.rollout.plan import Plan
from loopline.serve.champion import Champion
from loopline.serve.log import Log
from loopline.serve.segments import records
from loopline.serve.shadows import Shadows
from loopline.serve.trial import Challenger, Trial
from tests.serve.packages import ROW, make_package, scorer_of
from tests.signing import vouch

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROWS = [{**ROW, "id": number, "age": 20 + number % 60} for number in range(400)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return Lake(str(tmp_path_factory.mktemp("lake")))


@pytest.fixture(scope="module")
def champion(lake):
    return scorer_of(lake, make_package(lake))


@pytest.fixture(scope="module")
def other(lake):
    return scorer_of(lake, make_package(lake, shift=0.1))


def trial_of(scorer, kind, share, salt="7-abc"):
    return Challenger(Trial(scorer.package, kind, share, salt, "9-leg"), scorer)


@given(share=st.floats(0, 1), wider=st.floats(0, 1), key=st.integers(), noise=st.integers())
def test_the_same_key_meets_the_same_package_and_a_wider_leg_keeps_the_keys_of_the_narrower(share, wider, key, noise):
    narrow, wide = (Trial("p", "canary", part, "s") for part in sorted((share, wider)))
    assert narrow.takes({"id": key, "noise": noise}, ("id",)) == narrow.takes({"id": key, "noise": noise + 1}, ("id",))
    assert wide.takes({"id": key}, ("id",)) or not narrow.takes({"id": key}, ("id",))
    assert Trial("p", "canary", 1.0, "s").takes({"id": key}, ("id",))
    assert not Trial("p", "canary", 0.0, "s").takes({"id": key}, ("id",))


def test_a_share_of_the_keys_is_taken_and_another_rollout_takes_others():
    found = {salt: {row["id"] for row in ROWS * 1 if Trial("p", "canary", 0.25, salt).takes(row, ("id",))} for salt in ("a", "b")}
    assert all(60 <= len(taken) <= 140 for taken in found.values())
    assert found["a"] != found["b"]


def test_a_row_without_its_key_is_split_by_all_that_it_says():
    trial = Trial("p", "canary", 0.5, "s")
    assert len({trial.takes({"age": age}, ("id",)) for age in range(50)}) == 2
    assert trial.takes({"age": 1, "city": "Bern"}, ("id",)) == trial.takes({"city": "Bern", "age": 1}, ("id",))
    assert trial.takes("no row", ("id",)) == trial.takes("no row", ("id",))


@given(st.integers(-(2**40), 2**40))
def test_a_key_is_the_same_however_a_protocol_writes_it_and_an_empty_one_is_none(key):
    """A number comes as 7 in JSON and as 7.0 in a column of floats."""
    trial = Trial("p", "canary", 0.5, "s")
    assert trial.takes({"id": key}, ("id",)) == trial.takes({"id": float(key)}, ("id",)) == trial.takes({"id": str(key)}, ("id",))
    assert trial.takes({"id": None, "age": key}, ("id",)) == trial.takes({"age": key}, ("id",))


def test_in_a_canary_each_answers_its_own_rows_in_their_order(champion, other):
    challenger = trial_of(other, "canary", 0.25)
    made = challenger.answer(champion, ROWS, NOW)
    own = [challenger.trial.takes(row, champion.key) for row in ROWS]
    assert [one.package == other.package for one in made.predictions] == own
    alone = {scorer.package: scorer.score(ROWS, NOW)[0] for scorer in (champion, other)}
    assert [one.score for one in made.predictions] == [alone[one.package][at].score for at, one in enumerate(made.predictions)]
    assert [one.row["id"] for one in made.predictions] == [row["id"] for row in ROWS]
    assert not made.problems and not made.failed
    assert {one.leg for one in made.predictions} == {"9-leg"}
    # Only a row that is asked alone is timed: of many at once each one's part says nothing.
    assert {one.ms for one in made.predictions} == {None}
    assert all(challenger.answer(champion, [row], NOW).predictions[0].ms > 0 for row in ROWS[:8])


def test_where_the_challenger_fails_the_champion_answers_and_it_is_told(champion, other, lake):
    broken = Challenger(Trial(other.package, "canary", 0.5, "s"), None, "it cannot be loaded: gone")
    made = broken.answer(champion, ROWS, NOW)
    own = [at for at, row in enumerate(ROWS) if broken.trial.takes(row, champion.key)]
    assert {one.package for one in made.predictions} == {champion.package}
    assert [one.id for one in made.failed] == [made.predictions[at].id for at in own]
    assert {(one.package, one.error) for one in made.failed} == {(other.package, "it cannot be loaded: gone")}

    class Dies:
        def score(self, rows, moment, *, leg):
            if any(row["id"] % 7 == 0 for row in rows):
                raise FloatingPointError("overflow")
            return other.score(rows, moment, leg=leg)

    # One row that it cannot score costs it that row, and no other of the request.
    made = Challenger(broken.trial, Dies()).answer(champion, ROWS, NOW)
    assert {one.error for one in made.failed} == {"FloatingPointError: overflow"}
    assert len(made.failed) == len([at for at in own if at % 7 == 0])
    assert sum(one.package == other.package for one in made.predictions) == len(own) - len(made.failed)


def test_a_wrong_row_is_the_caller_s_fault_whoever_it_belongs_to(champion, other):
    wrong = [*ROWS[:9], {"id": 9, "age": "old"}]
    for share in (0.0, 0.5, 1.0):
        made = trial_of(other, "canary", share).answer(champion, wrong, NOW)
        assert {problem.row for problem in made.problems} == {9}
        assert not made.predictions and not made.failed


def test_a_shadow_is_only_shown_what_the_champion_has_answered(champion, other, tmp_path):
    challenger = trial_of(other, "shadow", 0.5)
    answered = challenger.answer(champion, ROWS, NOW)
    assert {one.package for one in answered.predictions} == {champion.package}
    skipped = []
    with Log(tmp_path) as log:
        shadows = Shadows(log, skipped.append)
        shadows.show(challenger, champion, ROWS, answered.predictions, NOW)
        shadows.show(Challenger(challenger.trial, None, "gone"), champion, ROWS[:50], answered.predictions[:50], NOW)
        shadows.close()
    lines = [line for part in records(tmp_path, "shadows") for line in part.lines]
    own = [at for at, row in enumerate(ROWS) if challenger.trial.takes(row, champion.key)]
    assert len(lines) == len(own) + len([at for at in own if at < 50])
    assert sum(b'"error":"gone"' in line for line in lines) == len([at for at in own if at < 50])
    assert answered.predictions[own[0]].id.encode() in lines[0]
    assert not skipped


def test_in_a_canary_it_is_shown_what_is_not_its_own(champion, other):
    challenger = trial_of(other, "canary", 0.25)
    answered = challenger.answer(champion, ROWS, NOW).predictions
    shown = list(challenger.watch(champion, ROWS, answered, NOW))
    assert [one.id for one in shown] == [one.id for one in answered if one.package == champion.package]
    assert {one.kind for one in shown} == {"shadow"}


def test_too_many_that_wait_are_not_shown_and_are_counted(champion, other, tmp_path):
    skipped = []
    with Log(tmp_path) as log:
        shadows = Shadows(log, skipped.append, waiting=2 * len(ROWS))
        answered = champion.score(ROWS, NOW)[0]
        for _ in range(20):
            shadows.show(trial_of(other, "shadow", 1.0), champion, ROWS, answered, NOW)
        shadows.close()
    shown = sum(len(part.lines) for part in records(tmp_path, "shadows"))
    assert sum(skipped) > 0
    assert shown + sum(skipped) == 20 * len(ROWS)


def test_the_server_follows_the_rollout(lake, tmp_path):
    first, second = make_package(lake), make_package(lake, shift=0.2)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        vouch(ledger, Blobs(lake), first, second)
        following = Champion.of(ledger, lake)
        ledger.append(Draft(kind="champion", subject=first))
        following.look()
        assert following.challenger is None
        plan = Plan.model_validate({"plan": "canary 5% 1h -> canary 25% 1h -> full"}).as_json()
        (begun,) = ledger.append(start(second, first, plan, {"kind": "canary", "share": 0.05}, salt="s", why="w", parents=()))
        following.look()
        held = following.challenger
        assert held.trial == Trial(second, "canary", 0.05, "s", begun.id)
        (wider,) = ledger.append(move(newest([begun]), "advanced", why="w", traffic={"kind": "canary", "share": 0.25}, leg=1))
        following.look()
        assert (following.challenger.trial, following.challenger.scorer) == (Trial(second, "canary", 0.25, "s", wider.id), held.scorer)
        ledger.append(Draft(kind="champion", subject=second))
        following.look()
        # The scorer is warm already: it is not loaded anew.
        assert (following.scorer, following.challenger) == (held.scorer, None)
        course = newest([begun, wider])
        ledger.append(move(course, "promoted", why="w", traffic=None))
        # Who paused it without having seen the end gives it nothing back.
        ledger.append(move(course, "paused", why="w", traffic=course.traffic))
        ledger.append(Draft(kind="champion", subject=first))
        following.look()
        assert following.challenger is None


def test_a_challenger_that_cannot_be_loaded_leaves_the_champion_alone(lake, tmp_path):
    first = make_package(lake)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        vouch(ledger, Blobs(lake), first)
        ledger.append(Draft(kind="champion", subject=first))
        plan = Plan.model_validate({"plan": "canary 5% 1h -> full"}).as_json()
        ledger.append(start("ab" * 32, first, plan, {"kind": "canary", "share": 1.0}, salt="s", why="w", parents=()))
        following = Champion.of(ledger, lake)
        following.look()
        following.look()
        assert following.scorer.package == first and not following.trouble
        made = following.challenger.answer(following.scorer, ROWS[:5], NOW)
        assert len(made.predictions) == len(made.failed) == 5
        assert "cannot be loaded" in made.failed[0].error


def test_an_experiment_on_packages_is_given_like_a_canary_and_a_rollout_goes_before_it(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p")
    arms = [{"name": name, "share": share, "policy": None, "package": package} for name, share, package in (("control", 0.7, "a"), ("new", 0.3, "b"))]
    body = {"action": "started", "sort": "package", "package": "a", "arms": arms, "plan": {}, "why": "a test"}
    assert Trial.of(ledger) is None
    (begun,) = ledger.append(Draft(kind="experiment", subject="e", body=body))
    # It rests while another package decides than the one that it was begun with.
    assert Trial.of(ledger) is None
    ledger.append(Draft(kind="champion", subject="a", body={}))
    assert Trial.of(ledger) == Trial("b", "canary", 0.3, begun.id, begun.id)
    plan = Plan.model_validate({"plan": "canary 5% 1h -> full"}).as_json()
    ledger.append(start("c", "a", plan, {"kind": "canary", "share": 0.05}, salt="s", why="a test", parents=()))
    assert Trial.of(ledger).package == "c"
    ledger.append(move(newest(ledger.read(kinds=("rollout",))), "withdrawn", why="a test", traffic=None))
    assert Trial.of(ledger).package == "b"
    ledger.append(Draft(kind="experiment", subject="e", body={"action": "ended", "winner": "new", "why": "a test"}))
    assert Trial.of(ledger) is None
    ledger.close()
