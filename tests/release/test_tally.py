"""Words are counted by role and person, once they are known to be that person's; the newest word of each person holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.keys import Key
from loopline.access.people import same
from loopline.ledger.entry import Entry
from loopline.release.tally import RoleTally, Rules, Tally, counted, tally
from loopline.release.words import signed_bytes
from tests.signing import key_of

PEOPLE = ("ann", "Ann ", "ben", "cat", "dan")
STAKEHOLDERS = {"business": ("ann", "ben"), "devops": ("ann", "cat"), "customer": ()}
HOLDERS = {"business": {"ann", "ben"}, "devops": {"ann", "cat"}, "customer": {"ann", "ben", "cat", "dan", "zoe"}}
REQUIRED = {"business": 2, "devops": 1, "customer": 1}
Said = tuple[str, str, str]
said = st.lists(st.tuples(st.sampled_from([*REQUIRED, "expert"]), st.sampled_from(PEOPLE), st.sampled_from(["yes", "no", "withdrawn"])), max_size=12)

_FOLDER = TemporaryDirectory(prefix="loopline-keys-")
KEYS: dict[str, Key] = {name: key_of(name, Path(_FOLDER.name)) for name in ("ann", "ben", "cat", "dan", "eve", "zoe")}
RULES = Rules(
    move="promotion",
    required=REQUIRED,
    stakeholders=STAKEHOLDERS,
    keys={key.public: name for name, key in KEYS.items() if name != "eve"},
    about=frozenset({"gates"}),
)
FOUR_EYES = replace(RULES, four_eyes=True)


def entry(seq: int, by: str, body: dict[str, Any], package: str = "p") -> Entry:
    time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=seq)
    return Entry(kind="approval", subject=package, actor=by, body=body, seq=seq, id=f"e{seq}", project="x", time=time, prev_hash="", hash="")


def word(seq: int, role: str, by: str, verdict: str = "yes", *, key: Key | None = None, **more: Any) -> Entry:
    """A word as `say` enters it, signed with the person's key or with another one."""
    signer = key or KEYS[same(by)]
    body = {"move": "promotion", "role": role, "verdict": verdict, "why": "because", "about": "gates", "at": f"minute {seq}", "key": signer.public, **more}
    return entry(seq, by, {**body, "signature": signer.sign(signed_bytes("p", by, body))})


def words(*spoken: Said) -> list[Entry]:
    return [word(seq, *one) for seq, one in enumerate(spoken, 1)]


def of(role: str, needed: int, *spoken: Said | Entry, rules: Rules = RULES) -> RoleTally:
    entries = [one if isinstance(one, Entry) else word(seq, *one) for seq, one in enumerate(spoken, 1)]
    return tally(replace(rules, required={role: needed}), entries).roles[0]


def test_enough_people_of_each_role_are_enough() -> None:
    done = tally(RULES, words(("business", "ann", "yes"), ("devops", "ann", "yes"), ("customer", "zoe", "yes"), ("business", "ben", "yes")))
    assert all(one.is_met for one in done.roles)
    assert [(one["role"], one["by"]) for one in counted(done)] == [("business", "ann"), ("business", "ben"), ("devops", "ann"), ("customer", "zoe")]


def test_the_same_person_counts_once_for_a_role_however_they_spell_their_name() -> None:
    business = of("business", 2, ("business", "ann", "yes"), ("business", "ANN", "yes"), ("business", " ann", "yes"))
    assert len(business.approvals) == 1
    assert not business.is_met


def test_a_no_stands_until_somebody_of_the_role_says_yes_after_it() -> None:
    refused = of("business", 1, ("business", "ann", "yes"), ("business", "ben", "no"))
    assert refused.refusal is not None
    assert refused.refusal.actor == "ben"
    assert str(refused) == "business: refused by ben"
    assert of("business", 1, ("business", "ben", "no"), ("business", "ann", "yes")).is_met


def test_who_changes_their_mind_is_heard() -> None:
    assert of("business", 1, ("business", "ann", "no"), ("business", "ann", "yes")).is_met
    back = of("business", 1, ("business", "ann", "yes"), ("business", "ann", "no"))
    assert not back.approvals
    assert back.refusal is not None


def test_a_yes_that_was_taken_back_is_none_and_a_no_can_not_be_taken_back() -> None:
    assert of("business", 1, ("business", "ann", "yes"), ("business", "ann", "withdrawn")) == RoleTally("business", 1)
    assert of("business", 1, ("business", "ann", "yes"), ("business", "ann", "withdrawn"), ("business", "ann", "yes")).is_met
    assert of("business", 1, ("business", "ann", "no"), ("business", "ann", "withdrawn")).refusal is not None
    overruled = (("business", "ben", "no"), ("business", "ann", "yes"))
    assert of("business", 1, *overruled, ("business", "ann", "withdrawn")).refusal is not None


def test_who_does_not_hold_the_role_is_not_counted_and_told_so() -> None:
    done = tally(replace(RULES, required={"business": 1}), words(("business", "cat", "yes"), ("business", "dan", "no")))
    assert done.roles == (RoleTally("business", 1),)
    assert str(done.unheard[0]) == "the yes of cat as business does not count: cat does not hold the role business"


def _forged(change: Callable[[dict[str, Any]], dict[str, Any]], by: str = "ann") -> Entry:
    true = word(1, "business", "ann")
    return entry(1, by, change(dict(true.body)))


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (_forged(lambda body: {**body, "why": "no reason"}), "its signature is not of these words"),
        (_forged(lambda body: {**body, "about": "other"}), "its signature is not of these words"),
        (_forged(lambda body: {**body, "key": KEYS["ben"].public}), "its signature is not of these words"),
        (_forged(lambda body: {**body, "key": "ed25519:", "signature": "?"}), "its signature is not of these words"),
        (_forged(lambda body: {**body, "signature": 7, "key": None}), "its signature is not of these words"),
        (_forged(lambda body: body, by="ben"), "its signature is not of these words"),
        (_forged(lambda body: {name: value for name, value in body.items() if name != "signature"}), "it is not signed"),
        (_forged(lambda body: {"role": "business", "verdict": "yes", "why": "from before words were signed"}), "it is not signed"),
        (word(1, "business", "ann", key=KEYS["ben"]), "'s$"),
        (word(1, "business", "ann", key=KEYS["eve"]), "is not trusted here"),
        (word(1, "business", "ann", about="the gates of another ledger"), "it is about something else"),
    ],
)
def test_what_is_not_its_persons_own_word_here_counts_for_nothing(forged: Entry, why: str) -> None:
    for yes in (("business", "ben", "no"), ("business", "ben", "yes")):
        done = tally(replace(RULES, required={"business": 1}), [forged, word(2, *yes)])
        assert done.roles == tally(replace(RULES, required={"business": 1}), [word(2, *yes)]).roles
        assert len(done.unheard) == 1
        assert re.search(why, done.unheard[0].why)


def test_a_word_of_another_package_does_not_count_here() -> None:
    moved = entry(1, "ann", dict(word(1, "business", "ann").body), package="q")
    assert not of("business", 1, moved).is_met


def test_whose_key_was_withdrawn_counts_no_more() -> None:
    spoken = words(("business", "ann", "yes"), ("business", "ben", "no"))
    rules = replace(RULES, required={"business": 1}, keys={KEYS["ann"].public: "ann"})
    done = tally(rules, spoken)
    assert (done.roles[0].is_met, [one.word.actor for one in done.unheard]) == (True, ["ben"])
    assert not tally(replace(rules, keys={}), spoken).roles[0].is_met


def test_a_key_that_is_another_persons_now_speaks_for_nobody_before() -> None:
    rules = replace(RULES, keys={KEYS["ann"].public: "ben"})
    assert not of("business", 1, ("business", "ann", "yes"), rules=rules).is_met


def test_a_yes_that_was_taken_back_does_not_come_again_by_a_copy_of_its_entry() -> None:
    yes = word(1, "business", "ann")
    copy = entry(3, "ann", dict(yes.body))
    done = tally(replace(RULES, required={"business": 1}), [yes, word(2, "business", "ann", "withdrawn"), copy])
    assert not done.roles[0].approvals
    assert done.unheard[0].why == "it is a copy of an earlier word"


def test_words_on_another_move_are_not_asked() -> None:
    done = tally(replace(RULES, required={"business": 1}), [word(1, "business", "ann", move="rollback")])
    assert (done.roles[0].is_met, done.unheard) == (False, ())


def test_with_four_eyes_one_person_does_not_count_for_two_roles_of_a_package() -> None:
    spoken = words(("business", "ann", "yes"), ("devops", "ann", "yes"))
    asked = {"business": 1, "devops": 1}
    assert all(one.is_met for one in tally(replace(RULES, required=asked), spoken).roles)
    done = tally(replace(FOUR_EYES, required=asked), spoken)
    assert [one.is_met for one in done.roles] == [True, False]
    assert "ann has said yes as business already" in done.unheard[0].why
    freed = [*spoken, word(3, "business", "ann", "withdrawn"), word(4, "devops", "ann"), word(5, "business", "ben")]
    assert all(one.is_met for one in tally(replace(FOUR_EYES, required=asked), freed).roles)


def test_with_four_eyes_the_author_says_no_but_not_yes() -> None:
    rules = replace(FOUR_EYES, required={"business": 1}, authors=frozenset({"ann"}))
    done = tally(rules, words(("business", "ben", "no"), ("business", "Ann", "yes")))
    assert done.roles[0].refusal is not None
    assert "Ann made the package" in done.unheard[0].why
    assert tally(rules, words(("business", "ben", "yes"), ("business", "ann", "no"))).roles[0].refusal is not None


@pytest.mark.parametrize(
    ("rules", "lack"),
    [
        (RULES, ""),
        (replace(RULES, required={"business": 3}), "3 must say yes as business, and the charter lists only ann, ben"),
        (replace(RULES, required={"customer": 9}), ""),
        (replace(RULES, stakeholders={"business": ["ann"], "devops": ["ann"]}, required={"business": 1, "devops": 1}), ""),
        (
            replace(FOUR_EYES, stakeholders={"business": ["ann"], "devops": ["ANN"]}, required={"business": 1, "devops": 1}),
            "2 must say yes as business or devops, and the charter lists only ANN",
        ),
        (replace(FOUR_EYES, required={"business": 2, "devops": 1}), ""),
        (replace(FOUR_EYES, required={"business": 2, "devops": 2}), "4 must say yes as business or devops, and the charter lists only ann, ben, cat"),
        (
            replace(FOUR_EYES, stakeholders={"devops": ["ann"]}, required={"devops": 1}, authors=frozenset({"ann"})),
            "1 must say yes as devops, and the charter lists nobody besides who made the package",
        ),
    ],
)
def test_it_is_said_when_the_people_who_are_listed_cannot_do_what_is_asked(rules: Rules, lack: str) -> None:
    assert rules.lack == lack
    assert (lack in str(tally(rules, []))) or not lack


@given(said, st.randoms(use_true_random=False))
def test_only_the_ledgers_order_counts(spoken: list[Said], random: Any) -> None:
    entries = words(*spoken)
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert tally(RULES, shuffled) == tally(RULES, entries)


def standing(spoken: list[Said], role: str) -> list[tuple[str, bool]]:
    """Who stands by a yes or a no, in the order in which they said it: the rule told once more, in the plainest way."""
    stands: list[tuple[str, bool]] = []
    for of_role, by, verdict in spoken:
        person = same(by)
        if of_role != role or person not in HOLDERS[role] or (verdict == "withdrawn" and (person, False) in stands):
            continue
        stands = [one for one in stands if one[0] != person]
        if verdict != "withdrawn":
            stands.append((person, verdict == "yes"))
    return stands


@given(said)
def test_a_met_role_has_so_many_different_holders_who_stand_by_their_yes(spoken: list[Said]) -> None:
    for one in tally(RULES, words(*spoken)).roles:
        stands = standing(spoken, one.role)
        assert [same(entry.actor) for entry in one.approvals] == [by for by, yes in stands if yes]
        assert (one.refusal is not None) == (stands[-1:] != [] and not stands[-1][1])
        assert one.is_met == (one.refusal is None and sum(yes for _, yes in stands) >= one.needed)


@given(said, st.lists(st.tuples(st.sampled_from(list(REQUIRED)), st.sampled_from(["ann", "ben", "cat"]), st.sampled_from(["yes", "no"])), max_size=6))
def test_forged_words_never_change_what_counts(spoken: list[Said], forged: list[Said]) -> None:
    true = words(*spoken)
    false = [word(len(true) + seq, *one, key=KEYS["eve"]) for seq, one in enumerate(forged, 1)]
    copies = [entry(len(true) + len(false) + seq, one.actor, dict(one.body)) for seq, one in enumerate(true, 1)]
    assert tally(RULES, [*true, *false, *copies]).roles == tally(RULES, true).roles


@given(said, st.frozensets(st.sampled_from(["ann", "ben", "cat"]), max_size=1))
def test_with_four_eyes_all_that_count_are_different_people_and_none_is_the_author(spoken: list[Said], authors: frozenset[str]) -> None:
    done = tally(replace(FOUR_EYES, authors=authors), words(*spoken))
    people = [same(one["by"]) for one in counted(done)]
    assert len(people) == len(set(people))
    assert not authors & set(people)


@given(st.dictionaries(st.sampled_from(["business", "devops", "expert"]), st.frozensets(st.sampled_from(["ann", "ben", "cat", "dan"]), min_size=1), min_size=1))
def test_what_is_not_lacking_can_be_done_and_what_is_lacking_can_not(held: dict[str, frozenset[str]]) -> None:
    rules = replace(FOUR_EYES, required=dict.fromkeys(held, 1), stakeholders={role: sorted(people) for role, people in held.items()})
    assert (rules.lack == "") == any(_chosen(list(held.values()), frozenset()))


def _chosen(left: list[frozenset[str]], taken: frozenset[str]) -> Iterator[bool]:
    """True for each way of choosing one person for each role."""
    if not left:
        yield True
    for person in left[0] - taken if left else ():
        yield from _chosen(left[1:], taken | {person})


@given(said, st.sampled_from(["ann", "ben", "cat"]))
def test_one_more_yes_never_takes_an_approval_away(spoken: list[Said], by: str) -> None:
    before: Tally = tally(RULES, words(*spoken))
    for role in REQUIRED:
        after = tally(RULES, words(*spoken, (role, by, "yes")))
        assert all(now.is_met or not then.is_met for now, then in zip(after.roles, before.roles, strict=True))


PAGES = "pages"


def vouched(by: str, *, key: Key, name: str = PAGES) -> Entry:
    """A yes of somebody who signed in, signed by another's key."""
    return word(1, "business", by, key=key, vouched_by=name)


@pytest.mark.parametrize(
    ("key", "name", "why"),
    [
        ("zoe", PAGES, ""),
        # Another person's key says that it vouches, or the pages' key in a person's name.
        ("ben", PAGES, "its key .* is ben's, who may vouch for nobody"),
        ("ben", "ben", "its key .* is ben's, who may vouch for nobody"),
        ("zoe", "zoe", "its key .* is pages's, who may vouch for nobody"),
        ("eve", PAGES, "its key .* is not trusted here"),
    ],
)
def test_the_pages_alone_vouch_for_who_signed_in(key: str, name: str, why: str) -> None:
    rules = replace(RULES, required={"business": 1}, keys={**RULES.keys, KEYS["zoe"].public: PAGES})
    said = tally(rules, [vouched("ann", key=KEYS[key], name=name)])
    assert [entry.actor for entry in said.roles[0].approvals] == ([] if why else ["ann"])
    assert all(re.search(why, str(one)) for one in said.unheard)
    assert len(said.unheard) == bool(why)


def test_who_is_vouched_for_must_hold_the_role_still() -> None:
    rules = replace(RULES, required={"business": 1}, keys={**RULES.keys, KEYS["zoe"].public: PAGES})
    assert "dan does not hold the role business" in str(tally(rules, [vouched("dan", key=KEYS["zoe"])]))
