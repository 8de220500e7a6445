from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from loopline.charter.binding import binds, read
from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.charter.stage import standing_no_go, steps
from loopline.engine.step import Halt, brief_digest
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.workspace import Ask

NO = {"says": "no-go: it cannot pay", "verdict": "no-go", "reasons": ["it cannot pay"], "binds": "abc"}
CHARTER = CharterSpec(predict="late")


def ask(state=None):
    return Ask(project="p", folder=Path(), state=state or State(), facts={})


def override(key, until=None):
    return Entry(
        seq=1,
        id="1",
        project="p",
        kind="override",
        subject="charter",
        key=key,
        body={"why": "a pilot"} | ({"until": until} if until else {}),
        actor="ann",
        time=datetime.now(UTC),
        prev_hash="",
        hash="",
    )


def test_a_no_go_halts_with_the_command_that_overrides_it():
    story = steps(CHARTER, ask())
    next(story)
    halt = story.send(NO)
    assert isinstance(halt, Halt)
    assert (halt.state, halt.next) == ("failed", "loopline charter override --by NAME --why REASON")


@pytest.mark.parametrize(("rests_on", "has_data", "turned_by"), [("data", True, "data"), ("charter", True, "charter"), ("data", False, "charter")])
def test_a_no_go_says_whether_other_data_may_turn_it(rests_on, has_data, turned_by):
    passed, missed = {"name": "one", "passed": True, "rests_on": "charter"}, {"name": "two", "passed": False, "rests_on": "data"}
    story = steps(CHARTER, ask(), has_data=has_data)
    next(story)
    assert story.send({**NO, "rules": [passed, missed, {"name": "three", "passed": False, "rests_on": rests_on}]}).rests_on == turned_by


def test_a_no_go_stands_for_the_charter_that_was_studied_until_it_is_overridden():
    def studied(spec, **more):
        body = {"state": "succeeded", "name": "study", "facts": {**NO, "rests_on": "data", "binds": binds(read(spec), None), **more}}
        entry = Entry(seq=1, id="1", project="p", kind="step", subject="charter", key="k", body=body, time=datetime.now(UTC), prev_hash="", hash="")
        return State(latest={("charter", "study"): entry})

    assert standing_no_go(CHARTER, studied(CHARTER)) == "no-go: it cannot pay"
    assert not standing_no_go(CHARTER, studied(CHARTER, rests_on="stated")), "the data decide"
    assert not standing_no_go(CHARTER, studied(CHARTER, verdict="go"))
    assert not standing_no_go(CHARTER, studied(CharterSpec(predict="early")))
    assert not standing_no_go(CHARTER, replace(studied(CHARTER), overrides={"charter": override(binds(read(CHARTER), None))}))


def test_an_override_of_this_charter_lets_it_go_on_and_is_named():
    story = steps(CHARTER, ask(State(overrides={"charter": override("abc")})))
    next(story)
    with pytest.raises(StopIteration) as end:
        story.send(NO)
    assert "overridden by ann: a pilot" in end.value.value["says"]


def test_an_override_of_another_charter_does_not_bind_this_one():
    story = steps(CHARTER, ask(State(overrides={"charter": override("another")})))
    next(story)
    assert isinstance(story.send(NO), Halt)


def test_an_override_holds_through_its_last_day_and_the_halt_after_it_names_who_and_when():
    state = State(overrides={"charter": override("abc", until="2027-03-01")})
    held, ended = (steps(CHARTER, ask(state), today=day) for day in (date(2027, 3, 1), date(2027, 3, 2)))
    next(held), next(ended)
    with pytest.raises(StopIteration) as end:
        held.send(NO)
    assert "overridden by ann until 2027-03-01: a pilot" in end.value.value["says"]
    assert ended.send(NO).why == "no-go: it cannot pay; the override by ann ended on 2027-03-01"


@pytest.mark.parametrize("verdict", ["go", "provisional"])
def test_a_charter_that_waits_for_a_signature_halts_whether_or_not_the_outcomes_are_read(verdict):
    waits = Halt(state="waiting", why="the charter waits")
    story = steps(CHARTER, ask(), awaits=waits)
    next(story)
    assert story.send({"says": verdict, "verdict": verdict, "binds": "abc"}) is waits


def test_a_no_go_comes_before_a_signature():
    story = steps(CHARTER, ask(), awaits=Halt(state="waiting", why="the charter waits"))
    next(story)
    assert story.send(NO).state == "failed"


def test_a_changed_mail_address_changes_no_key():
    one, other = (next(steps(CharterSpec(predict="late", stakeholders={"business": (mail,)}), ask())) for mail in ("a@example.com", "b@example.com"))
    assert one.key == other.key
    assert one.key != next(steps(CharterSpec(predict="early"), ask())).key


def sounded(spec):
    """The state after a sounding for a charter."""
    reads = {name: brief_digest(value) for name, value in spec.fields(*MEASURED_FOR).items()}
    body = {"state": "succeeded", "name": "sounding", "facts": {"says": "it pays"}, "made_from": {"reads": {**reads, "model": "abc"}}}
    entry = Entry(seq=1, id="1", project="p", kind="step", subject="model", key="k", body=body, time=datetime.now(UTC), prev_hash="", hash="")
    return State(latest={("model", "sounding"): entry})


def test_the_study_is_handed_the_sounding_that_was_made_for_this_target_and_these_prices():
    without, judged = (next(steps(CHARTER, ask(state))) for state in (State(), sounded(CHARTER)))
    assert judged.inputs == {**without.inputs, "sounding": {"says": "it pays"}}
    assert "sounding" not in without.inputs, "its key is what it was before there were soundings"
    dearer = CharterSpec(predict="late", worth={"act_right": 7})
    assert next(steps(dearer, ask(sounded(CHARTER)))).key == next(steps(dearer, ask())).key
