"""SPDX expressions: both, either, and exceptions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.release.licences import is_acceptable, objections

names = st.sampled_from(["MIT", "BSD-3-Clause", "GPL-3.0-only", "AGPL-3.0-only"])
DENY = ("GPL-*", "AGPL-*")


@given(st.lists(st.lists(names, min_size=1, max_size=3), min_size=1, max_size=3))
def test_an_expression_is_acceptable_when_all_of_one_choice_are(choices: list[list[str]]) -> None:
    expression = " OR ".join(" AND ".join(choice) for choice in choices)
    expected = any(not any("GPL" in name for name in choice) for choice in choices)
    assert (objections(expression, allow=(), deny=DENY) == []) == expected


@given(names, st.lists(names), st.lists(names))
def test_what_is_denied_is_never_acceptable(name: str, allow: list[str], deny: list[str]) -> None:
    assert not is_acceptable(name, allow=allow, deny=[*deny, name])


def test_an_exception_is_denied_only_by_name() -> None:
    name = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert is_acceptable(name, allow=(), deny=DENY)
    assert not is_acceptable(name, allow=(), deny=("* WITH Classpath-*",))
    assert is_acceptable(name, allow=("gpl-2.0-only",), deny=())
