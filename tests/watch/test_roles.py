"""Roles: what the loop needs each for, how it is told, and what is wrong with who holds what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import ROLES, CharterSpec
from loopline.release.spec import ReleaseSpec
from loopline.watch import roles
from loopline.watch.roles import Team
from loopline.watch.spec import WatchSpec

SOURCE = Path(roles.__file__).parents[1]
FULL = {role: [f"{role}@example.com"] for role in ROLES}
TELL = {"business": "mailto://ops"}


def team(
    people: dict[str, list[str]],
    *,
    release: dict[str, Any] | None = None,
    watch: dict[str, Any] | None = None,
    authors: frozenset[str] = frozenset(),
    **charter: Any,
) -> Team:
    said = CharterSpec.model_validate({"predict": "y", "stakeholders": people, **charter})
    return Team(said, ReleaseSpec.model_validate(release or {}), WatchSpec.model_validate({"tell": TELL} if watch is None else watch), authors)


def found(made: Team) -> dict[str, str]:
    """What is wrong, by the rule's name."""
    return {one.name: str(one) for one in made.findings()}


def why(made: Team, role: str) -> list[str]:
    return [need.why for need in made.needs() if need.role == role]


def test_each_role_that_a_monitor_tells_is_needed_for_that() -> None:
    files = [*(SOURCE / "watch").rglob("*.py"), *(SOURCE / "value").rglob("*.py")]
    told = {role for file in files for role in re.findall(r'Breach\([^)]*?role="(\w+)"', file.read_text(), flags=re.DOTALL)}
    assert told == set(roles.ALERTED)


def test_a_role_is_needed_for_what_is_declared() -> None:
    release = {
        "approvals": {"promotion": {"business": 1, "devops": 2}, "rollback": {"devops": 1}},
        "waive": {"latency": ["ml"], "memory": ["ml"]},
        "rollout": {"legs": ["full"], "without_outcomes": "approve", "approver": "science"},
    }
    watch = {"tell": TELL, "escalate": {"to": ["expert"]}}
    made = team(FULL, release=release, watch=watch, acceptance=[{"id": "A1", "check": "precision > 0.5"}])
    assert "must say yes to a promotion" in why(made, "business")
    assert why(made, "devops")[:2] == ["must say yes to a promotion, 2 people of it", "must say yes to a rollback"]
    assert "may let a package through latency, memory" in why(made, "ml")
    assert "must say yes to a rollout" in why(made, "science")
    assert why(made, "expert") == ["answers questions about the data", "is told where nobody answers"]
    assert why(made, "customer") == ["judges by A1"]
    assert why(team(FULL), "customer") == []


def test_who_must_sign_the_charter_is_needed_for_that_and_too_few_stop_the_loop() -> None:
    made = team({**FULL, "customer": ["ann"]}, approvals={"customer": 2})
    assert why(made, "customer") == ["must say yes to the charter, 2 people of it"]
    (first,) = made.findings()
    assert first.stops
    assert str(first) == (
        "the charter can never be approved: 2 must say yes as customer, and the charter lists only ann; change charter.stakeholders or charter.approvals"
    )


def test_a_role_without_a_channel_is_told_through_the_first_and_no_channel_tells_its_secret() -> None:
    made = team(FULL, watch={"tell": {"devops": ["mailto://u:${P}@h", "json://h/t0ken"], "ml": "json://h"}})
    assert [(one.through, one.of) for one in made.channels("business")] == [("mailto", "devops"), ("json", "devops")]
    assert [one.of for one in made.channels("ml")] == ["ml"]
    assert "t0ken" not in str(made.channels("devops"))
    assert team(FULL, watch={}).channels("ml") == []


def test_where_each_role_is_held_by_another_and_all_can_be_told_nothing_is_wrong() -> None:
    assert found(team(FULL, release={"approvals": {"business": 1, "devops": 1}})) == {}


def test_a_role_that_nobody_holds_is_named_with_what_waits_for_it() -> None:
    made = team({**FULL, "devops": [], "ml": []}, release={"approvals": {"devops": 1}})
    heavy, light = [str(one) for one in made.findings()]
    assert heavy.startswith(
        "nobody holds devops, so that anyone may speak for it: it must say yes to a promotion; list people under charter.stakeholders.devops"
    )
    assert light.startswith("nobody holds ml, though there is work for it")
    assert found(team({})) == {"unheld": "nobody is listed, so that anyone may speak for every role; list people under charter.stakeholders.ROLE"}


def test_a_channel_for_a_role_that_nobody_holds_is_said_once() -> None:
    made = team({**FULL, "ml": []}, watch={"tell": {"ml": "json://h"}})
    assert found(made) == {
        "unheard": "watch.tell has a channel for ml, which nobody holds; list people under charter.stakeholders.ml, or leave the channel out"
    }


def test_where_there_is_no_channel_nobody_can_be_told() -> None:
    assert found(team(FULL, watch={}))["untold"].endswith("say one under watch.tell, such as business: mailto://...")


@pytest.mark.parametrize(
    ("people", "authors"),
    [({**FULL, "data": ["ann"], "business": ["ann"]}, frozenset[str]()), ({**FULL, "business": ["Ann"]}, frozenset({"ann"}))],
)
def test_who_makes_packages_and_says_yes_to_them_is_named_unless_four_eyes_look(people: dict[str, list[str]], authors: frozenset[str]) -> None:
    approvals = {"approvals": {"business": 1}}
    said = found(team(people, release=approvals, authors=authors))["own_work"]
    assert re.search(r"(as data|by their key)\) and may say yes to a promotion \(as business\); say release.four_eyes: true, or list somebody else", said)
    assert "own_work" not in found(team(people, release={**approvals, "four_eyes": True}, authors=authors))
    assert "own_work" not in found(team(people, release={}, authors=authors))


def test_one_person_who_is_all_of_two_yes_is_named() -> None:
    people = {**FULL, "business": ["ann"], "devops": ["Ann "]}
    said = found(team(people, release={"approvals": {"business": 1, "devops": 1}}))["alone"]
    assert said == "ann alone says yes to a promotion, as business and as devops; list another person under charter.stakeholders.devops"
    # With four eyes it can never be.
    (first, *_) = team(people, release={"approvals": {"business": 1, "devops": 1}, "four_eyes": True}).findings()
    assert first.stops and "a promotion can never be approved: 2 must say yes as business or devops, and the charter lists only" in str(first)
    assert "alone" not in found(team({**people, "devops": ["Ann ", "ben"]}, release={"approvals": {"business": 1, "devops": 1}}))


def test_more_people_than_are_listed_stop_the_loop_and_come_first() -> None:
    first = team({**FULL, "expert": []}, release={"approvals": {"business": 2}}).findings()[0]
    assert first.stops
    assert str(first) == (
        "a promotion can never be approved: 2 must say yes as business, and the charter lists only business@example.com; "
        "change charter.stakeholders or release.approvals"
    )


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("ann@example.com", "Ann@Example.com", True),
        ("ann.lee@example.com", "annlee@example.com", True),
        ("ann+ml@example.com", "ann@example.com", True),
        ("René", "rene", True),
        ("ann", "ann@example.com", True),
        ("ann@example.com", "ann@example.org", False),
        ("ann@example.com", "anna@example.com", False),
    ],
)
def test_two_spellings_of_one_name_are_named(one: str, other: str, is_one: bool) -> None:
    said = found(team({**FULL, "ml": [one], "data": [other]})).get("spelled_twice", "")
    assert said == (f"{other} and {one} look like one person; write the name in one way, so that they count once" if is_one else "")


NAMES = st.sampled_from(["ann", "Ann", "ben", "cat"])


@given(
    people=st.dictionaries(st.sampled_from(ROLES), st.lists(NAMES, max_size=3)),
    approvals=st.dictionaries(st.sampled_from(ROLES), st.integers(0, 3), max_size=3),
    four_eyes=st.booleans(),
)
def test_whoever_is_listed_has_one_list_and_every_finding_a_remedy(people: dict[str, list[str]], approvals: dict[str, int], four_eyes: bool) -> None:
    made = team(people, release={"approvals": approvals, "four_eyes": four_eyes})
    listed = {name.casefold() for names in people.values() for name in names}
    assert sorted(name.casefold() for name in made.people()) == sorted(listed)
    assert all(one.says and one.remedy and "\n" not in str(one) for one in made.findings())
