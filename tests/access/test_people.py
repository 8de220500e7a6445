"""Who acts, and which roles they hold."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.people import LONGEST, Person, holders, holds, nearest_role, person, reason, require_short, roles_of, same, speak_for
from loopline.errors import Mistake

ROLES = ("business", "data", "science", "ml", "devops", "expert", "customer")
STAKEHOLDERS = {"business": ("owner@example.com",), "data": ("Eng@example.com", "eng@example.com "), "devops": ("eng@example.com",), "customer": ()}
names = st.text(st.characters(categories=("L", "N"), include_characters="@. "), min_size=1, max_size=20).filter(lambda name: bool(name.strip()))


def repository(folder: Path, address: str) -> Path:
    for command in (["git", "init", "-q"], ["git", "config", "user.email", address]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def test_the_name_given_comes_before_the_environment_before_git_before_the_system(tmp_path: Path) -> None:
    folder = repository(tmp_path, "git@example.com")
    environment = {"LOOPLINE_USER": "env@example.com"}
    assert person("by@example.com", environment=environment, folder=folder) == Person("by@example.com", "--by")
    assert person(environment=environment, folder=folder) == Person("env@example.com", "LOOPLINE_USER")
    assert person(environment={}, folder=folder) == Person("git@example.com", "git")


def test_without_git_the_operating_systems_user_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert person(environment={}, folder=tmp_path) == Person(getpass.getuser(), "the operating system")


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "bell\a", "x" * 201])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Mistake, match="no name of a person"):
        person(name)


def test_a_person_may_hold_several_roles_and_a_role_several_people() -> None:
    assert roles_of("eng@example.com", STAKEHOLDERS) == ("data", "devops")
    assert holders("business", STAKEHOLDERS) == ("owner@example.com",)


def test_one_person_in_two_spellings_is_one_holder() -> None:
    assert len(holders("data", STAKEHOLDERS)) == 1


def test_a_role_with_nobody_listed_may_be_taken_by_anyone_and_that_is_said() -> None:
    assert "nobody is listed for customer" in speak_for(Person("a@example.com", "--by"), "customer", STAKEHOLDERS)
    assert "nobody is listed for ml" in speak_for(Person("a@example.com", "--by"), "ml", STAKEHOLDERS)
    assert speak_for(Person("OWNER@example.com", "--by"), "business", STAKEHOLDERS) == ""


def test_who_does_not_hold_the_role_is_told_who_does() -> None:
    with pytest.raises(Mistake, match="root .told by git. does not hold the role business; owner@example.com does"):
        speak_for(Person("root", "git"), "business", STAKEHOLDERS)


def test_an_unknown_role_names_the_nearest() -> None:
    assert nearest_role("ml", ROLES) == "ml"
    with pytest.raises(Mistake, match="did you mean 'business'"):
        nearest_role("Bussines", ROLES)
    with pytest.raises(Mistake, match="the roles are: business, data"):
        nearest_role("zzz", ROLES)


@given(names, st.dictionaries(st.sampled_from(ROLES), st.lists(names, max_size=4)))
def test_a_listed_person_may_speak_and_nobody_else_where_somebody_is_listed(name: str, stakeholders: dict[str, list[str]]) -> None:
    for role in ROLES:
        listed = {same(other) for other in stakeholders.get(role, [])}
        assert holds(name, role, stakeholders) == (not listed or same(name) in listed)
        assert (role in roles_of(name, stakeholders)) == (same(name) in listed)
        assert len(holders(role, stakeholders)) == len(listed)


def test_a_reason_has_at_most_two_thousand_characters_and_the_space_around_it_does_not_count() -> None:
    assert LONGEST == 2_000 and len(reason(f"  {'x' * 2_000}\n")) == 2_000
    for check in (reason, require_short):
        with pytest.raises(Mistake, match=r"the reason has 2,001 characters.*say it in 2,000"):
            check("x" * 2_001)
