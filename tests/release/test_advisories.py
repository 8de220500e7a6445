"""Advisories in OSV's format: which versions they speak of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.release.advisories import Affected, hits, is_affected, normal, parse

numbers = st.lists(st.integers(0, 30), min_size=1, max_size=3)


def text(*parts: int) -> str:
    return ".".join(map(str, parts))


def record(**more: Any) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "1.2"}]
    return {"id": "OSV-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "Odd.Name"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}], **more}


def among(*events: tuple[str, str]) -> Affected:
    return Affected("pkg:pypi/odd", frozenset(), (events,))


@given(numbers, numbers, numbers)
def test_a_range_holds_from_its_introduction_up_to_its_fix(version: list[int], one: list[int], other: list[int]) -> None:
    low, high = sorted((one, other))
    padded = [[*part, *[0] * (3 - len(part))] for part in (low, version, high)]
    assume(padded[0] < padded[2])
    affected = among(("fixed", text(*high)), ("introduced", text(*low)))
    assert is_affected(text(*version), affected) == (padded[0] <= padded[1] < padded[2])


@given(numbers, numbers)
def test_the_last_affected_version_is_affected_and_none_after_it(version: list[int], last: list[int]) -> None:
    padded = [[*part, *[0] * (3 - len(part))] for part in (version, last)]
    assert is_affected(text(*version), among(("introduced", "0"), ("last_affected", text(*last)))) == (padded[0] <= padded[1])


@pytest.mark.parametrize(
    ("version", "expected"), [("0.9", False), ("1.0", True), ("1.5rc1", True), ("1.5", False), ("1.10", False), ("2.0.post1", True), ("2.4", False)]
)
def test_a_fault_may_come_back_and_versions_are_ordered_as_numbers(version: str, expected: bool) -> None:
    affected = among(("introduced", "1"), ("fixed", "1.5"), ("introduced", "2.0"), ("fixed", "2.4"))
    assert is_affected(version, affected) == expected


def test_versions_may_be_named_and_a_limit_ends_a_range() -> None:
    assert is_affected("2025-a", Affected("p", frozenset({"2025-a"}), ()))
    assert not is_affected("3.0", among(("introduced", "0"), ("limit", "3.0")))
    assert is_affected("3.0", among(("introduced", "0"), ("limit", "*")))


def test_what_cannot_be_ordered_counts_as_affected() -> None:
    assert is_affected("1.0", among(("introduced", "0"), ("fixed", "soon")))
    assert is_affected("soon", among(("introduced", "1")))


@pytest.mark.parametrize("said", [record(), [record()], {"vulns": [record()]}])
def test_a_file_is_a_record_a_list_or_a_list_under_a_name(said: Any) -> None:
    (advisory,) = parse(json.dumps(said), where="osv.json")
    component = {"name": "odd-name", "version": "1.0", "purl": "pkg:pypi/odd-name@1.0"}
    (hit,) = hits([component, {"type": "data", "name": "visits"}], [advisory])
    assert str(hit) == "odd-name 1.0 has OSV-1 (mended in 1.2)"
    assert not hits([{**component, "version": "1.2"}], [advisory])
    assert not hits([{**component, "purl": "pkg:pypi/other@1.0"}], [advisory])


def test_what_was_withdrawn_or_speaks_of_commits_only_is_left_out() -> None:
    assert parse(json.dumps([record(withdrawn="2026-01-01T00:00:00Z")]), where="f") == ()
    commits = {"package": {"purl": "pkg:pypi/odd"}, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}
    (advisory,) = parse(json.dumps(record(affected=[commits])), where="f")
    assert not hits([{"name": "odd", "version": "1", "purl": "pkg:pypi/odd@1"}], [advisory])


@pytest.mark.parametrize("said", ["{", "3", '{"id": "x"}', '["x"]', '{"vulns": 3}'])
def test_what_is_no_osv_is_refused_with_its_place(said: str) -> None:
    with pytest.raises(Mistake, match=r"osv\.json: this is not JSON in OSV's format"):
        parse(said, where="osv.json")


def test_names_are_those_of_the_index() -> None:
    assert normal("pkg:pypi/Odd__Name@1") == "pkg:pypi/odd-name"
    assert normal("pkg:npm/%40scope/Name@1") == "pkg:npm/%40scope/Name"
