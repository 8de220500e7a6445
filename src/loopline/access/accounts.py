"""Accounts: people who sign in to the pages with a password. Which roles they hold stands in the charter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from loopline.access import passwords
from loopline.access.people import same
from loopline.access.safe import ACCOUNTS, SESSIONS, Safe
from loopline.errors import Mistake

KIND = "account"
"""The kind of the entries that say that an account was made, got another password, or was revoked: who did it, and nothing of the password."""
LIST = "loopline access account list"


@dataclass(frozen=True)
class Account:
    """An account as it may be shown.

    Parameters
    ----------
    changed
        When its password was set last.
    generation
        How many times that and revocations have ended its sessions.
    """

    name: str
    made: datetime
    changed: datetime
    generation: int
    is_revoked: bool = False

    @property
    def state(self) -> str:
        """``valid`` or ``revoked``."""
        return "revoked" if self.is_revoked else "valid"

    def as_json(self) -> dict[str, Any]:
        """The account as plain values."""
        return {"name": self.name, "state": self.state, "made": self.made.isoformat(), "changed": self.changed.isoformat()}


def is_of(account: Account, name: str) -> bool:
    """Whether the account is the person's, however the name is written."""
    return same(account.name) == same(name)


def create(safe: Safe, name: str, password: str, now: datetime) -> Account:
    """A new account, or one that was revoked, with its first password.

    Raises
    ------
    Mistake
        When there is such an account, or the password is guessed at once.
    """
    hash = passwords.hashed(passwords.checked(password, name))
    with safe.writing() as connection:
        found = _find(connection, name)
        if found is not None and not found[0].is_revoked:
            raise Mistake(f"{name} has an account", where="NAME", remedy=f"give it another password: loopline access account password {name}")
        values = {"shown": name, "hash": hash, "made": now.timestamp(), "changed": now.timestamp(), "is_revoked": False}
        if found is None:
            connection.execute(sa.insert(ACCOUNTS).values(name=same(name), generation=1, **values))
        else:
            connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == same(name)).values(generation=found[0].generation + 1, **values))
        return _known(connection, name)


def set_password(safe: Safe, name: str, password: str, now: datetime) -> Account:
    """The account with another password; who was signed in with the old one is so no more.

    Raises
    ------
    Mistake
        When there is no such account, it is revoked, or the password is guessed at once.
    """
    hash = passwords.hashed(passwords.checked(password, name))
    with safe.writing() as connection:
        account = _known(connection, name)
        if account.is_revoked:
            raise Mistake(f"the account of {name} is revoked", where="NAME", remedy=f"make it anew: loopline access account create {name}")
        _end(connection, account, hash=hash, changed=now.timestamp())
        return _known(connection, name)


def revoke(safe: Safe, name: str, now: datetime, *, is_listed: bool = False) -> Account:
    """The account, which lets nobody in from now on, by a provider neither; whoever was signed in with it is so no more.

    Who only came by a provider has none: one without a password is entered for them, and revoked.

    Parameters
    ----------
    is_listed
        Whether the charter lists the person, so that the name is none that was mistyped.

    Raises
    ------
    Mistake
        When there is no such account, and nobody of that name is listed or signed in.
    """
    with safe.writing() as connection:
        if _find(connection, name) is None and (is_listed or _is_signed_in(connection, name)):
            values = {"name": same(name), "shown": name, "hash": "", "made": now.timestamp(), "changed": now.timestamp(), "is_revoked": False}
            connection.execute(sa.insert(ACCOUNTS).values(generation=1, **values))
        account = _known(connection, name)
        if not account.is_revoked:
            # The hash goes: nobody needs it any more.
            _end(connection, account, hash="", is_revoked=True)
        return _known(connection, name)


def listed(safe: Safe) -> list[Account]:
    """All accounts, by name."""
    with safe.reading() as connection:
        return [_account(row) for row in connection.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.name))]


def proved(safe: Safe, name: str, password: str) -> Account | None:
    """The account, where the password is its own; None in the same time for a wrong password, a revoked account and one that does not exist."""
    with safe.reading() as connection:
        found = _find(connection, name)
    account, hash = found if found is not None else (None, "")
    usable = None if account is None or account.is_revoked else hash
    if not passwords.is_right(usable, password) or account is None:
        return None
    if passwords.is_outdated(hash):
        renewed = passwords.hashed(password)
        with safe.writing() as connection:
            # Not where another password was set meanwhile.
            same_hash = sa.and_(ACCOUNTS.c.name == same(name), ACCOUNTS.c.hash == hash)
            connection.execute(sa.update(ACCOUNTS).where(same_hash).values(hash=renewed))
    return account


def _end(connection: Connection, account: Account, **values: object) -> None:
    """Change an account so that its sessions end; they are deleted, too, so that nothing of them stays."""
    which = same(account.name)
    connection.execute(sa.update(ACCOUNTS).where(ACCOUNTS.c.name == which).values(generation=account.generation + 1, **values))
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.name == which))


def _find(connection: Connection, name: str) -> tuple[Account, str] | None:
    row = connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.name == same(name))).one_or_none()
    return None if row is None else (_account(row), row.hash)


def _is_signed_in(connection: Connection, name: str) -> bool:
    return connection.execute(sa.select(SESSIONS.c.name).where(SESSIONS.c.name == same(name)).limit(1)).first() is not None


def _known(connection: Connection, name: str) -> Account:
    found = _find(connection, name)
    if found is None:
        raise Mistake(f"{name[:60]} has no account", where="NAME", remedy=f"{LIST} shows who has one")
    return found[0]


def _account(row: sa.Row[Any]) -> Account:
    made, changed = (datetime.fromtimestamp(moment, UTC) for moment in (row.made, row.changed))
    return Account(row.shown, made, changed, row.generation, row.is_revoked)
