"""Tries to sign in: pauses grow, outlive the process, and keep nobody out for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access import tries
from loopline.access.safe import Safe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"k" * 32
NONE = timedelta(0)
COUNT = tries.Count("ann", 5)


@given(count=st.integers(0, 10**9), elapsed=st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_a_pause_grows_with_the_tries_and_is_never_longer_than_the_longest(count, elapsed):
    assert NONE <= COUNT.pause(count) <= COUNT.pause(count + 1) <= tries.LONGEST
    # Whatever the clock did, who waits as long as they were told may try again.
    wait = COUNT.wait(count, NOW, NOW + elapsed)
    assert NONE <= wait <= tries.LONGEST
    assert elapsed < NONE or COUNT.wait(count, NOW, NOW + elapsed + wait) == NONE


@given(gaps=st.lists(st.floats(0, 2000), max_size=60))
def test_guessing_is_slow_however_the_guesses_are_spread(gaps):
    """In any day at most so many guesses are made as pauses allow: 5 at once, then 10 in growing pauses, then one each quarter of an hour."""
    count, last, made, now = 0, NOW, 0, NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        if count and now - last >= tries.FORGOTTEN:
            count = 0
        if COUNT.wait(count, last, now) == NONE:
            count, last, made = count + 1, now, made + 1
    assert made <= 15 + (now - NOW) / tries.LONGEST


def wrong(safe, name="ann", address="192.0.2.1", device="", now=NOW, times=1):
    return [tries.admit(safe, tries.counts_of(name, address, device), now) for _ in range(times)][-1]


def test_some_tries_are_free_and_then_pauses_double(safe):
    assert wrong(safe, times=5) == NONE
    now, waits = NOW, []
    for _ in range(12):
        waits.append(wrong(safe, now=now).total_seconds())
        now += timedelta(seconds=waits[-1])
        assert wrong(safe, now=now) == NONE
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_tries_in_a_pause_are_not_counted_so_that_it_ends(safe):
    wrong(safe, times=5)
    assert wrong(safe, times=50) == timedelta(seconds=1)
    assert wrong(safe, now=NOW + timedelta(seconds=1)) == NONE


def test_tries_are_counted_by_account_and_by_address(safe):
    wrong(safe, times=5)
    assert wrong(safe, address="192.0.2.2") > NONE, "the same account from elsewhere"
    assert wrong(safe, name="bob") == NONE
    for index in range(14):
        assert wrong(safe, name=f"guess {index}") == NONE
    assert wrong(safe, name="carl") > NONE, "the twenty-first from one address"
    assert wrong(safe, name="carl", address="192.0.2.2") == NONE


def test_one_household_is_one_address(safe):
    for index in range(20):
        wrong(safe, name=f"guess {index}", address=f"2001:db8::{index}")
    assert wrong(safe, name="ann", address="2001:db8::ffff") > NONE
    assert wrong(safe, name="ann", address="2001:db8:0:1::1") == NONE


def test_a_right_password_takes_back_its_own_tries_and_not_those_of_others(safe):
    for index in range(19):
        wrong(safe, name=f"guess {index}")
    counts = tries.counts_of("ann", "192.0.2.1", "")
    assert tries.admit(safe, counts, NOW) == NONE
    tries.forgive(safe, counts)
    assert wrong(safe, name="ann", address="192.0.2.9", times=5) == NONE, "the account begins anew"
    assert wrong(safe, name="one more") == NONE
    assert wrong(safe, name="and one") > NONE, "whoever has an account of their own gains no guesses by it"


def test_strangers_who_guess_do_not_keep_out_who_has_signed_in_here_before(safe):
    device = tries.new_device(KEY, "ann")
    wrong(safe, times=5)
    assert wrong(safe) > NONE
    assert tries.is_known(KEY, "Ann ", device)
    assert wrong(safe, device=device, times=5) == NONE
    assert wrong(safe, device=device) > NONE, "a stolen browser guesses no faster"


@pytest.mark.parametrize("device", ["", ".", "abc", "abc.def", "\ud800.x"])
def test_what_a_browser_makes_up_is_no_known_device(device):
    assert not tries.is_known(KEY, "ann", device)
    assert not tries.is_known(KEY, "bob", tries.new_device(KEY, "ann"))
    assert not tries.is_known(b"other", "ann", tries.new_device(KEY, "ann"))


def test_pauses_outlive_the_process_and_are_forgotten_after_a_day(tmp_path):
    where = {"LOOPLINE_ACCOUNTS": str(tmp_path / "accounts.db")}
    with Safe.open(where) as safe:
        wrong(safe, times=5)
    with Safe.open(where) as safe:
        assert wrong(safe) > NONE
        assert wrong(safe, now=NOW + tries.FORGOTTEN, times=5) == NONE


def test_another_password_ends_the_pause(safe):
    wrong(safe, times=5)
    tries.forget(safe, "ANN")
    assert wrong(safe) == NONE


def test_many_at_once_gain_nothing(safe):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: wrong(safe), range(16)))
    assert waits.count(NONE) == 5
