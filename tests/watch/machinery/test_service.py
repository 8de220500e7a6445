"""Errors, refusals and times of the server, from the counts that it enters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.machinery.service import ABOVE_ALL_S, p99_s, service_errors, service_shed, service_slow, summed
from tests.watch.machinery.facts import HOUR, seen, usage


def test_errors_count_when_they_are_surely_more_than_are_borne() -> None:
    (breach,) = service_errors(seen(usage=[usage(HOUR, {"200": 900, "500": 100})])) or []
    assert (breach.role, breach.value) == ("devops", 0.1) and "10.0% of 1,000 requests" in breach.says
    assert service_errors(seen(usage=[usage(HOUR, {"200": 990, "500": 10})])) == [], "it may be chance"
    assert service_errors(seen(usage=[usage(HOUR, {"200": 90})])) is None, "too few"
    assert service_errors(seen({"errors": 0.2}, usage=[usage(HOUR, {"200": 900, "500": 100})])) == []


def test_a_clients_mistake_and_what_was_long_ago_are_no_errors() -> None:
    assert service_errors(seen(usage=[usage(HOUR, {"200": 500, "422": 500})])) == []
    assert service_errors(seen(usage=[usage(30 * HOUR, {"500": 1000}), usage(HOUR, {"200": 1000})])) == []
    assert service_errors(seen(usage=[usage(-9000 * HOUR, {"500": 1000}), usage(HOUR, {"200": 1000})])) == [], "the clock was set back since"


def test_what_a_clock_from_ahead_entered_is_of_now_only_by_so_much_as_clocks_differ() -> None:
    usual = [usage((30 + hour) * HOUR, within_s={"0.1": 1000}) for hour in range(20)]
    ahead = [usage(-9000 * HOUR, {"500": 1000}, {"0.001": 1000}) for _ in range(60)]
    assert service_errors(seen(usage=[*ahead, usage(HOUR, {"200": 1000})])) == []
    assert service_slow(seen(usage=[*usual, *ahead, usage(HOUR, within_s={"0.1": 1000})])) == []
    assert service_errors(seen(usage=[usage(-HOUR / 60, {"500": 1000})])) != []


def test_servers_and_hours_add_up() -> None:
    parts = [usage(HOUR, {"200": 60, "503": 10}), usage(2 * HOUR, {"200": 60, "503": 10})]
    assert [breach.value for breach in service_errors(seen(usage=parts)) or []] == [pytest.approx(20 / 140)]


def test_what_is_shed_is_told_apart_from_errors() -> None:
    facts = seen(usage=[usage(HOUR, {"200": 900, "429": 100})])
    assert service_errors(facts) == []
    assert "too many wait" in (service_shed(facts) or [])[0].says


def test_an_entry_of_an_older_server_says_nothing() -> None:
    old = usage(HOUR)
    del old.body["predicting"]  # type: ignore[attr-defined]
    assert service_errors(seen(usage=[old])) is None and service_slow(seen(usage=[old])) is None


def test_slow_is_what_is_declared() -> None:
    facts = [usage(HOUR, within_s={"0.005": 985, "0.25": 15})]
    (breach,) = service_slow(seen({"latency_ms": 100}, usage=facts)) or []
    assert (breach.value, breach.limit) == (250.0, 100.0)
    assert service_slow(seen({"latency_ms": 250}, usage=facts)) == []


def test_or_far_above_what_is_usual() -> None:
    quick = [usage((30 + hour) * HOUR, within_s={"0.005": 1000}) for hour in range(20)]
    slow = [usage(HOUR, within_s={"0.1": 1000})]
    (breach,) = service_slow(seen(usage=[*quick, *slow])) or []
    assert "20.0 times as long" in breach.says
    assert service_slow(seen(usage=[*quick, usage(HOUR, within_s={"0.005": 1000})])) == []
    assert service_slow(seen(usage=slow)) is None


def test_what_is_above_all_bounds_has_a_number_still() -> None:
    assert p99_s([usage(HOUR, within_s={"+Inf": 200})]) == ABOVE_ALL_S


@given(st.lists(st.dictionaries(st.sampled_from(["0.001", "0.01", "1.0", "+Inf"]), st.integers(0, 500)), min_size=1, max_size=5))
def test_merged_counts_give_the_time_of_all(parts: list[dict[str, int]]) -> None:
    whole = p99_s([usage(HOUR, within_s=part) for part in parts])
    assert whole == p99_s([usage(HOUR, within_s=summed(parts))])
    bounds = sorted([ABOVE_ALL_S if name == "+Inf" else float(name)] * count for name, count in summed(parts).items())
    if whole is not None:
        every = [one for group in bounds for one in group]
        assert sum(one <= whole for one in every) >= 0.99 * len(every)
