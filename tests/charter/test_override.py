"""An override is of the rules that said no when it was said, and of what they rested on."""

from datetime import UTC, date, datetime

import pytest

from loopline.charter.override import Override, no_go, refusing
from loopline.ledger.entry import Entry

TODAY = date(2027, 1, 1)


def study(rests_on="stated", **refused):
    """A study that says no by some rules, each with what that rests on."""
    rules = [{"name": name, "passed": False, "says": f"{name} says no", "rests_on": on} for name, on in refused.items()]
    rules += [{"name": "it_holds", "passed": True, "says": "", "rests_on": "charter"}]
    return {"verdict": "no-go" if refused else "go", "reasons": [f"{name} says no" for name in refused], "rests_on": rests_on, "rules": rules}


def override(**body):
    kept = {"why": "a pilot", "until": "2027-03-01", **body}
    entry = Entry(
        seq=1, id="1", project="p", kind="override", subject="charter", key="abc", body=kept, actor="ann", time=datetime.now(UTC), prev_hash="", hash=""
    )
    return Override.of(entry, kept.get("binds", "abc"))


@pytest.mark.parametrize(
    ("then", "now", "left"),
    [
        ({"can_pay": "charter"}, {"can_pay": "charter"}, ""),
        ({"pays": "data"}, {"pays": "stated"}, ""),
        ({"pays": "stated"}, {"pays": "data"}, "pays (only stated then)"),
        ({"can_pay": "charter"}, {"can_pay": "charter", "in_reach": "data"}, "in reach"),
        ({"can_pay": "charter", "in_reach": "data"}, {"in_reach": "data"}, ""),
    ],
)
def test_a_rule_that_did_not_say_no_then_or_only_to_what_was_stated_stops_again(then, now, left):
    said, facts = override(rules=refusing(study(**then))), study("data", **now)
    why = no_go(facts, said, today=TODAY, has_data=True)
    assert (why == "", said.holds(facts, TODAY)) == (not left, not left)
    if left:
        assert why.endswith(f"; the override by ann does not cover: {left}")


def test_one_that_was_said_before_rules_were_kept_is_of_all_of_them():
    assert no_go(study("data", pays="data"), override(), today=TODAY, has_data=True) == ""


def test_a_no_go_that_is_only_stated_is_no_reason_not_to_look_at_data():
    facts = study(pays="stated")
    assert no_go(facts, None, today=TODAY, has_data=True) == ""
    assert no_go(facts, None, today=TODAY, has_data=False) == "no-go: pays says no"


def test_what_is_signed_says_to_what_it_binds_and_not_the_entry_around_it():
    entry = Entry(
        seq=1,
        id="1",
        project="p",
        kind="override",
        subject="charter",
        key="abc",
        body={"binds": "xyz"},
        actor="ann",
        time=datetime.now(UTC),
        prev_hash="",
        hash="",
    )
    assert Override.of(entry, "abc") is None
