"""What waits, told from values: for whom, what it is worth, and where it is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.data.quarantine.waiting import Waiting
from loopline.ledger.entry import Draft
from loopline.ledger.state import State, fold
from loopline.watch.handoff import Handoff
from loopline.watch.standing import standings
from loopline.web.waiting import Known, OfData, waits
from tests.value.cases import T0
from tests.watch.world import World, entry_of
from tests.web.test_ring import IMPORTED, SEARCHED, WORTH, step

PEOPLE = {"business": ("ann",), "devops": ("bob", "ann"), "expert": ("eve",), "data": ("dan",)}


def known(**more):
    return Known(**{"state": State(), "handoffs": (), "alerts": (), "stakeholders": PEOPLE, "currency": "EUR", **more})


def handed(stage="release", *roles, about="a"):
    return [Handoff(stage, role, about, f"{stage}: a package waits", f"loopline {stage} approve --as {role}") for role in roles]


def test_what_waits_for_several_roles_in_one_place_is_told_once():
    state = fold([step("model", "search", SEARCHED), step("release", "gates", {"package": SEARCHED["package"]}, 2)])
    (one,) = waits(known(state=state, handoffs=handed("release", "business", "devops"), per_year=1000.0), "ann")
    assert (one.roles, one.people, one.is_mine) == (("business", "devops"), ("ann", "bob"), True)
    assert one.worth == "9 EUR per decision above never act, 9,000 EUR a year"
    assert (one.what, one.to, one.next) == ("a package waits", "/release", "loopline release approve --as business")


def test_a_word_is_worth_what_the_package_is_that_it_is_about():
    entered = entry_of(Draft(kind="package", subject="0123456789", body={"worth": {**WORTH, "gain": {"mean": 4.0}}}), 1, T0)
    state = fold([entered, step("model", "search", SEARCHED, 2), step("model", "import", IMPORTED, 3), step("release", "gates", {"package": "beef567890"}, 4)])
    says = {
        "release: beef5678 passed its gates and waits for 1 yes of business": "11 EUR per decision above never act",
        "release: a package waits": "11 EUR per decision above never act",
        "release: the rollback to 01234567 waits for 1 yes of business": "4 EUR per decision above never act",
    }
    turns = [Handoff("release", "business", says_, says_, "") for says_ in says]
    assert {one.what: one.worth for one in waits(known(state=state, handoffs=turns), "ann")} == {key[9:]: value for key, value in says.items()}


def test_what_the_reader_may_do_comes_before_what_others_must():
    found = waits(known(handoffs=[*handed("charter", "expert"), *handed("release", "business")], data=OfData(refused=Waiting(unsaid=3))), "ann")
    assert [(one.kind, one.is_mine) for one in found] == [("release", True), ("charter", False), ("refused rows", False)]


def test_where_nobody_is_listed_it_waits_for_whoever_looks():
    (one,) = waits(known(handoffs=handed("release", "business"), stakeholders={}), "anybody")
    assert one.is_mine and one.people == ()


def test_an_open_alert_waits_for_its_role_and_what_explains_it_does_not():
    world = World.of()
    money, _ = world.open("worth_promised"), world.open("drift", "x")
    taken = world.open("volume")
    world.say(taken, "acknowledged", actor="bob")
    (one,) = waits(known(alerts=standings(fold(world.alerts.values()), world.now)), "ann")
    assert (one.kind, one.roles, one.to, one.next) == ("alert", ("business",), f"/live/alerts/{money}", f"loopline alerts ack {money}")


def test_questions_and_refused_rows_wait_for_those_who_know():
    found = waits(known(data=OfData(refused=Waiting(unsaid=1)), questions={"business": 2}), "dan")
    assert [(one.kind, one.what) for one in found] == [
        ("refused rows", "1 row is refused: are they wrong, or is the rule?"),
        ("questions", "2 questions of the charter are answered by a guess so far"),
    ]


def test_mended_rows_held_batches_the_review_and_last_days_wait_each_with_its_place():
    body = {"file": "b.csv", "broken": [{"rule": "rows", "says": "it has 1 row"}]}
    held = entry_of(Draft(kind="held", subject="t", key="abcdef1234", body=body), 4, T0)
    found = waits(known(data=OfData(refused=Waiting(mended=2), held=(held,), asked=3), ending={"x": T0.date()}), "ann")
    assert {one.kind: (one.what.partition(":")[0], one.roles, one.to, one.next) for one in found} == {
        "mended rows": ("2 rows are mended, and not in the table yet", ("expert", "data"), "/data/quarantine", "loopline data quarantine replay"),
        "held batch": ("b.csv is held back", ("data",), "/data", "loopline data admit abcdef12 --why '...'"),
        "review": ("3 questions about odd values and inferred rules are open", ("expert",), "/data/review", "loopline data review"),
        "experiment": ("the experiment x has its last day on 2024-01-01", ("business",), "/value/experiments", "loopline value experiment status x"),
    }


@given(
    st.lists(st.tuples(st.sampled_from(["charter", "release", "rollout"]), st.sampled_from([*PEOPLE]), st.sampled_from("ab")), unique=True),
    st.sampled_from(["ann", "bob", "eve", "nobody"]),
)
def test_every_hand_off_is_in_exactly_one_place_with_its_role(turns, name):
    found = waits(known(handoffs=[one for stage, role, about in turns for one in handed(stage, role, about=about)]), name)
    assert sorted((one.kind, role) for one in found for role in one.roles) == sorted((stage, role) for stage, role, _ in turns)
    assert [one.is_mine for one in found] == sorted((one.is_mine for one in found), reverse=True)
    assert all(one.is_mine == any(name in PEOPLE[role] for role in one.roles) for one in found)


def test_the_charter_asks_for_what_lets_it_go_on_and_for_a_signature_only_where_one_is_missing():
    labels = {
        "loopline charter override --by NAME --why REASON": "Read the study; go on in spite of it, or change the charter",
        "loopline charter revise": "Read why the charter is refused, and change it",
        "loopline charter sign --as business --why '...'": "Read the charter and sign or refuse it",
    }
    for next, label in labels.items():
        (one,) = waits(known(handoffs=[Handoff("charter", "business", "a", "charter: why", next)]), "ann")
        assert one.label == label
