"""Sessions: who is signed in, for a while. A browser holds 256 random bits; what is kept is their hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from loopline.access.accounts import Account
from loopline.access.people import same
from loopline.access.safe import ACCOUNTS, SESSIONS, Safe

Via = Literal["password", "oidc"]
_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class Ends:
    """When sessions end: so long after they began, and after so long in which nothing was asked."""

    lasts: timedelta
    idle: timedelta

    def is_over(self, made: datetime, seen: datetime, now: datetime) -> bool:
        """Whether a session that began and was last used at these moments has ended."""
        return now >= made + self.lasts or now >= seen + self.idle

    def is_due(self, seen: datetime, now: datetime) -> bool:
        """Whether it is to be kept that the session was used: not at every request, and often enough that none ends much too early."""
        return now - seen >= min(_STEP, self.idle / 20)


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    name: str
    via: Via
    made: datetime
    seen: datetime


def begin(safe: Safe, who: Account | str, ends: Ends, now: datetime) -> str:
    """A new session's secret, which the browser keeps: of an account whose password was proved, or of a person for whom a provider vouches."""
    secret = secrets.token_urlsafe(32)
    name, via, generation = (who, "oidc", 0) if isinstance(who, str) else (who.name, "password", who.generation)
    stamp = now.timestamp()
    values = {"name": same(name), "shown": name, "via": via, "generation": generation, "made": stamp, "seen": stamp}
    with safe.writing() as connection:
        over = sa.or_(SESSIONS.c.made <= (now - ends.lasts).timestamp(), SESSIONS.c.seen <= (now - ends.idle).timestamp())
        connection.execute(sa.delete(SESSIONS).where(over))
        connection.execute(sa.insert(SESSIONS).values(digest=_digest(secret), **values))
    return secret


def found(safe: Safe, secret: str, ends: Ends, now: datetime, *, is_used: bool = True) -> Session | None:
    """The session of a secret; None where there is none, or where it has ended.

    Parameters
    ----------
    is_used
        Whether it is used by that: what an open page asks for by itself keeps no session from ending.
    """
    holds = sa.or_(
        sa.and_(SESSIONS.c.via == "password", ACCOUNTS.c.generation == SESSIONS.c.generation, sa.not_(ACCOUNTS.c.is_revoked)),
        sa.and_(SESSIONS.c.via == "oidc", sa.or_(ACCOUNTS.c.name.is_(None), sa.not_(ACCOUNTS.c.is_revoked))),
    )
    joined = SESSIONS.outerjoin(ACCOUNTS, ACCOUNTS.c.name == SESSIONS.c.name)
    digest = _digest(secret)
    with safe.reading() as connection:
        row = connection.execute(sa.select(SESSIONS).select_from(joined).where(SESSIONS.c.digest == digest, holds)).one_or_none()
    if row is None:
        return None
    session = Session(row.shown, row.via, datetime.fromtimestamp(row.made, UTC), datetime.fromtimestamp(row.seen, UTC))
    if ends.is_over(session.made, session.seen, now):
        end(safe, secret)
        return None
    if is_used and ends.is_due(session.seen, now):
        with safe.writing() as connection:
            connection.execute(sa.update(SESSIONS).where(SESSIONS.c.digest == digest).values(seen=now.timestamp()))
    return session


def end(safe: Safe, secret: str) -> None:
    """End a session; one that is not there, too."""
    with safe.writing() as connection:
        connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.digest == _digest(secret)))


def end_all(safe: Safe, name: str) -> None:
    """End every session of a person."""
    with safe.writing() as connection:
        connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.name == same(name)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
