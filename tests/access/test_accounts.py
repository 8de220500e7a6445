"""Accounts: proved by their password, ended by revocation; nothing tells whether one exists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from loopline.access import accounts, passwords, sessions
from loopline.access.safe import ACCOUNTS
from loopline.errors import Mistake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD, BETTER = "correct horse battery", "staple and some more"


def hash_of(safe):
    with safe.reading() as connection:
        return connection.scalar(sa.select(ACCOUNTS.c.hash))


def test_an_account_is_proved_by_its_password_alone(safe):
    made = accounts.create(safe, "Ann@Example.com", GOOD, NOW)
    assert made.as_json() == {"name": "Ann@Example.com", "state": "valid", "made": NOW.isoformat(), "changed": NOW.isoformat()}
    assert accounts.proved(safe, " ann@example.com", GOOD) == made
    assert accounts.proved(safe, "ann@example.com", BETTER) is None
    assert accounts.proved(safe, "bob@example.com", GOOD) is None
    assert GOOD not in hash_of(safe)


def test_there_is_one_account_for_each_person_however_the_name_is_written(safe):
    accounts.create(safe, "ann@example.com", GOOD, NOW)
    with pytest.raises(Mistake, match="has an account; give it another password"):
        accounts.create(safe, "ANN@example.com", BETTER, NOW)
    assert [one.name for one in accounts.listed(safe)] == ["ann@example.com"]


def test_another_password_takes_the_place_of_the_old_one(safe):
    accounts.create(safe, "ann", GOOD, NOW)
    changed = accounts.set_password(safe, "ann", BETTER, NOW + timedelta(days=1))
    assert (changed.made, changed.changed, changed.generation) == (NOW, NOW + timedelta(days=1), 2)
    assert accounts.proved(safe, "ann", GOOD) is None
    assert accounts.proved(safe, "ann", BETTER) == changed


def test_a_revoked_account_lets_nobody_in_until_it_is_made_anew(safe):
    accounts.create(safe, "ann", GOOD, NOW)
    assert accounts.revoke(safe, "ann", NOW).state == accounts.revoke(safe, "ann", NOW).state == "revoked"
    assert accounts.proved(safe, "ann", GOOD) is None
    assert not accounts.proved(safe, "ann", "")
    assert hash_of(safe) == ""
    with pytest.raises(Mistake, match="is revoked; make it anew"):
        accounts.set_password(safe, "ann", BETTER, NOW)
    assert accounts.create(safe, "ann", BETTER, NOW).generation == 3
    with pytest.raises(Mistake, match="bob has no account"):
        accounts.revoke(safe, "bob", NOW)


def test_a_hash_grows_with_the_parameters_when_its_password_is_proved(safe, monkeypatch):
    accounts.create(safe, "ann", GOOD, NOW)
    before = hash_of(safe)
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert accounts.proved(safe, "ann", BETTER) is None
    assert hash_of(safe) == before
    assert accounts.proved(safe, "ann", GOOD).generation == 1
    assert "m=16,t=2" in hash_of(safe)
    assert accounts.proved(safe, "ann", GOOD)


def test_a_hash_is_verified_whether_or_not_there_is_an_account(safe, monkeypatch):
    """What takes the time is done in each case, once."""
    accounts.create(safe, "ann", GOOD, NOW)
    accounts.create(safe, "bob", GOOD, NOW)
    accounts.revoke(safe, "bob", NOW)
    passwords.is_right(None, GOOD)
    seen = []

    class Counting(PasswordHasher):
        def verify(self, hash, password):
            seen.append(hash.split("$")[3])
            return super().verify(hash, password)

    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", counting)
    for name in ("ann", "bob", "nobody"):
        accounts.proved(safe, name, BETTER)
    assert seen == ["m=8,t=1,p=1"] * 3


def test_who_only_came_by_a_provider_is_revoked_under_an_account_of_their_own(safe):
    ends = sessions.Ends(timedelta(hours=12), timedelta(hours=2))
    secret = sessions.begin(safe, "Bob", ends, NOW)
    assert accounts.revoke(safe, "bob", NOW).is_revoked
    assert sessions.found(safe, secret, ends, NOW) is None
    assert sessions.found(safe, sessions.begin(safe, "Bob", ends, NOW), ends, NOW) is None
    assert accounts.proved(safe, "bob", "") is None
    assert accounts.revoke(safe, "who has not come yet", NOW, is_listed=True).is_revoked
    with pytest.raises(Mistake, match="mistyped has no account"):
        accounts.revoke(safe, "mistyped", NOW)
