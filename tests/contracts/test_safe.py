"""What every safe does alike, in a file and on Postgres: accounts, sessions and tries, told the same to all who share it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from loopline.access import accounts, passwords, sessions, tries
from loopline.access.safe import Safe
from loopline.access.sessions import Ends

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = Ends(timedelta(hours=12), timedelta(hours=2))
GOOD, BETTER = "correct horse battery", "staple and some more"


@pytest.fixture(params=["file", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return {"LOOPLINE_ACCOUNTS": str(tmp_path / "accounts.db") if request.param == "file" else request.getfixturevalue("postgres_url")}


@pytest.fixture
def two(where: dict[str, str]) -> Iterator[tuple[Safe, Safe]]:
    """Two servers of the same pages, which open a new safe at once."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(Safe.open, (where, where))
    with first, second:
        yield first, second


def test_what_one_does_holds_for_the_other(two: tuple[Safe, Safe]) -> None:
    first, second = two
    assert first.key == second.key
    account = accounts.create(first, "Ann", GOOD, NOW)
    assert accounts.proved(second, "ann", GOOD) == account
    secret = sessions.begin(second, account, ENDS, NOW)
    found = sessions.found(first, secret, ENDS, NOW + timedelta(hours=1))
    assert found is not None and found.name == "Ann"
    accounts.set_password(first, "ann", BETTER, NOW)
    assert sessions.found(second, secret, ENDS, NOW) is None
    secret = sessions.begin(first, "Bob", ENDS, NOW)
    assert sessions.found(second, secret, ENDS, NOW + timedelta(hours=2)) is None
    assert accounts.revoke(second, "ann", NOW).is_revoked
    assert [one.state for one in accounts.listed(first)] == ["revoked"]


def test_tries_are_counted_together_however_many_come_at_once(two: tuple[Safe, Safe]) -> None:
    counts = tries.counts_of("ann", "192.0.2.1", "")
    tries.admit(two[0], counts, NOW)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda index: tries.admit(two[index % 2], counts, NOW), range(15)))
    assert waits.count(timedelta(0)) == 4
    tries.forgive(two[1], counts)
    assert tries.admit(two[0], counts, NOW) == timedelta(0)
