"""Approvals are counted by role and person; the newest word of each person holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.people import Person
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State, fold
from loopline.release.approvals import Word, counted, judged, named, tally, word
from loopline.release.spec import ReleaseSpec

PEOPLE = ("ann", "Ann ", "ben", "cat", "dan")
STAKEHOLDERS = {"business": ("ann", "ben"), "devops": ("ann", "cat"), "customer": ()}
REQUIRED = {"business": 2, "devops": 1, "customer": 1}
said = st.lists(st.tuples(st.sampled_from(list(REQUIRED) + ["expert"]), st.sampled_from(PEOPLE), st.booleans()), max_size=12)


def entry(seq: int, **more: Any) -> Entry:
    return Entry(
        **more,
        seq=seq,
        id=f"e{seq}",
        project="x",
        time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=seq),
        prev_hash="",
        hash="",
    )


def spoken_word(seq: int, role: str, by: str, yes: bool) -> Entry:
    return entry(seq, kind="approval", subject="p", body={"role": role, "verdict": "yes" if yes else "no", "why": "because"}, actor=by)


def words(*said: tuple[str, str, bool]) -> list[Entry]:
    return [spoken_word(seq, *one) for seq, one in enumerate(said, 1)]


def test_enough_people_of_each_role_are_enough() -> None:
    tallies = tally(REQUIRED, words(("business", "ann", True), ("devops", "ann", True), ("customer", "zoe", True), ("business", "ben", True)), STAKEHOLDERS)
    assert all(one.is_met for one in tallies)
    assert [(one["role"], one["by"]) for one in counted(tallies)] == [("business", "ann"), ("business", "ben"), ("devops", "ann"), ("customer", "zoe")]


def test_the_same_person_counts_once_for_a_role_however_they_spell_their_name() -> None:
    (business,) = tally({"business": 2}, words(("business", "ann", True), ("business", "ANN", True), ("business", " ann", True)), STAKEHOLDERS)
    assert len(business.approvals) == 1
    assert not business.is_met


def test_a_no_stands_until_somebody_of_the_role_says_yes_after_it() -> None:
    (refused,) = tally({"business": 1}, words(("business", "ann", True), ("business", "ben", False)), STAKEHOLDERS)
    assert refused.refusal is not None
    assert refused.refusal.actor == "ben"
    assert str(refused) == "business: refused by ben"
    (overruled,) = tally({"business": 1}, words(("business", "ben", False), ("business", "ann", True)), STAKEHOLDERS)
    assert overruled.is_met


def test_who_changes_their_mind_is_heard() -> None:
    (changed,) = tally({"business": 1}, words(("business", "ann", False), ("business", "ann", True)), STAKEHOLDERS)
    assert changed.is_met
    (back,) = tally({"business": 1}, words(("business", "ann", True), ("business", "ann", False)), STAKEHOLDERS)
    assert not back.approvals
    assert back.refusal is not None


def test_who_does_not_hold_the_role_is_not_counted() -> None:
    (business,) = tally({"business": 1}, words(("business", "cat", True), ("business", "dan", False)), STAKEHOLDERS)
    assert (business.approvals, business.refusal) == ((), None)


def test_a_role_that_needs_more_people_than_hold_it_says_so() -> None:
    (business,) = tally({"business": 3}, [], STAKEHOLDERS)
    assert str(business) == "business (0 of 3), for which the charter lists only ann, ben"
    assert str(tally({"customer": 2}, [], STAKEHOLDERS)[0]) == "customer (0 of 2)"


@given(said, st.randoms(use_true_random=False))
def test_only_the_ledgers_order_counts(spoken: list[tuple[str, str, bool]], random: object) -> None:
    entries = words(*spoken)
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tally(REQUIRED, shuffled, STAKEHOLDERS) == tally(REQUIRED, entries, STAKEHOLDERS)


@given(said)
def test_a_met_role_has_so_many_different_holders_whose_last_word_is_yes(spoken: list[tuple[str, str, bool]]) -> None:
    for one in tally(REQUIRED, words(*spoken), STAKEHOLDERS):
        allowed = {"business": {"ann", "ben"}, "devops": {"ann", "cat"}, "customer": {"ann", "ben", "cat", "dan"}}[one.role]
        last = {by.strip().lower(): yes for role, by, yes in spoken if role == one.role and by.strip().lower() in allowed}
        assert {entry.actor.strip().lower() for entry in one.approvals} == {by for by, yes in last.items() if yes}
        final = [yes for role, by, yes in spoken if role == one.role and by.strip().lower() in allowed][-1:]
        assert (one.refusal is not None) == (final == [False])
        assert one.is_met == (final != [False] and sum(last.values()) >= one.needed)


@given(said, st.sampled_from(PEOPLE))
def test_one_more_yes_never_takes_an_approval_away(spoken: list[tuple[str, str, bool]], by: str) -> None:
    before = {one.role: one for one in tally(REQUIRED, words(*spoken), STAKEHOLDERS)}
    for role in REQUIRED:
        after = {one.role: one for one in tally(REQUIRED, words(*spoken, (role, by, True)), STAKEHOLDERS)}
        for other in REQUIRED:
            assert after[other].is_met or not before[other].is_met


A, B = "aa" * 32, "ab" * 32
SPEC = ReleaseSpec.model_validate({"approvals": {"business": 1, "devops": 1, "data": 0}})
CHARTER = CharterSpec.model_validate({"predict": "y", "stakeholders": {"business": ["ann"]}})
ANN = Person("ann", "--by")


def gates(seq: int, package: str, failed: str = "") -> Entry:
    listed = [{"name": name, "passed": name != failed} for name in ("contract", "latency")]
    facts = {"package": package, "passed": not failed, "gates": listed}
    return entry(seq, kind="step", subject="release", key=f"k{seq}", body={"state": "succeeded", "name": "gates", "facts": facts})


def say(state: State, **more: Any) -> Word:
    return word(state, SPEC, CHARTER, **{"role": "business", "who": ANN, "verdict": "yes", "why": " it earns ", **more})


def test_a_word_is_about_the_newest_package_that_passed_its_gates() -> None:
    state = fold([gates(1, A), gates(2, B)])
    draft = say(state).draft
    assert (draft.kind, draft.subject, draft.actor, draft.parents) == ("approval", B, "ann", ("e2",))
    assert draft.body == {"role": "business", "verdict": "yes", "why": "it earns"}
    assert say(state, package="AA").draft.subject == A


def test_the_newest_verdict_on_a_package_counts() -> None:
    assert [one.id for one in judged(fold([gates(1, A, "latency"), gates(2, B), gates(3, A)]))] == ["e2", "e3"]
    assert say(fold([gates(1, A, "latency"), gates(2, A)])).draft.subject == A


def test_a_role_that_nobody_holds_may_be_taken_and_that_is_noted() -> None:
    assert "nobody is listed for devops" in say(fold([gates(1, A)]), role="devops").note
    assert say(fold([gates(1, A)])).note == ""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"role": "busines"}, "did you mean 'business'"),
        ({"role": "ml"}, "no word of ml is asked for; release.approvals asks for: business, devops"),
        ({"role": "data"}, "no word of data is asked for"),
        ({"who": Person("eve", "git")}, "eve .told by git. does not hold the role business; ann does"),
        ({"package": "a"}, "'a' begins more than one package"),
        ({"package": "ff"}, "no package that went through the gates begins with 'ff'; there are: abababababab, aaaaaaaaaaaa"),
        ({"why": "  "}, "the reason is empty"),
        ({"package": B}, "abababab did not pass latency, so it waits for nobody"),
    ],
)
def test_a_word_out_of_place_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        say(fold([gates(1, A), gates(2, B, "latency"), gates(3, A)]), **more)


def test_before_the_gates_and_after_the_promotion_nobody_is_asked() -> None:
    with pytest.raises(Mistake, match="no package has been through the gates yet; loopline run"):
        named(fold([]), None)
    with pytest.raises(Mistake, match="aaaaaaaa was promoted already; to take it back: loopline release rollback"):
        say(fold([gates(1, A), entry(2, kind="champion", subject=A, body={"how": "promoted", "why": "w"})]))
    with pytest.raises(Mistake, match="release.approvals asks nobody"):
        word(fold([gates(1, A)]), ReleaseSpec(), CHARTER, role="business", who=ANN, verdict="yes", why="w")
