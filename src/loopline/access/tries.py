"""Tries to sign in: after some that failed there is a pause before the next one, which grows; nobody is locked out for ever.

Tries are counted by account and by address. A browser that has signed in to the account before is counted by itself, so that strangers who
guess at a colleague's password do not keep the colleague out.

References
----------
OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from loopline.access.people import same
from loopline.access.safe import TRIES, Safe

LONGEST = timedelta(minutes=15)
"""The longest pause."""
FORGOTTEN = timedelta(days=1)
"""After so long without a try, those before count no more."""
_FIRST = timedelta(seconds=1)
_BY_ACCOUNT, _BY_ADDRESS = 5, 20
"""So many tries fail without a pause; people who share an address share its tries."""


@dataclass(frozen=True)
class Count:
    """Whose tries are counted together.

    Parameters
    ----------
    who
        The digest of it: somebody may have typed their password where the name belongs.
    free
        So many fail without a pause.
    is_shared
        Whether a right password of one says nothing of the others' tries.
    """

    who: str
    free: int
    is_shared: bool = False

    def pause(self, count: int) -> timedelta:
        """How long after so many tries that failed the next one has to wait."""
        over = count - self.free
        return timedelta(0) if over < 0 else min(LONGEST, _FIRST * 2 ** min(over, 20))

    def wait(self, count: int, last: datetime, now: datetime) -> timedelta:
        """How long the next one has to wait still; never longer than the longest pause, whatever the clock did."""
        if now - last >= FORGOTTEN:
            return timedelta(0)
        pause = self.pause(count)
        return max(timedelta(0), min(pause, last + pause - now))


def counts_of(name: str, address: str, device: str) -> tuple[Count, ...]:
    """By what a try is counted.

    Parameters
    ----------
    device
        What `is_known` has found good; empty for a browser that has not signed in to the account before.
    """
    if device:
        return (Count(_digest("device", same(name), device), _BY_ACCOUNT),)
    return Count(_digest("account", same(name)), _BY_ACCOUNT), Count(_digest("address", _network(address)), _BY_ADDRESS, is_shared=True)


def admit(safe: Safe, counts: Sequence[Count], now: datetime) -> timedelta:
    """How long a try has to wait; nought where it may be made, and then it is counted before it is, so that many at once gain nothing.

    A try that has to wait is not counted.
    """
    count, stamp = TRIES.c["count"], now.timestamp()
    with safe.writing() as connection:
        connection.execute(sa.delete(TRIES).where(TRIES.c.last <= (now - FORGOTTEN).timestamp()))
        rows = connection.execute(sa.select(TRIES.c.who, count, TRIES.c.last).where(TRIES.c.who.in_([one.who for one in counts])))
        known = {who: (failed, datetime.fromtimestamp(last, UTC)) for who, failed, last in rows}
        wait = max((one.wait(*known[one.who], now) for one in counts if one.who in known), default=timedelta(0))
        if wait:
            return wait
        for one in counts:
            if one.who in known:
                connection.execute(sa.update(TRIES).where(TRIES.c.who == one.who).values({count: count + 1, TRIES.c.last: stamp}))
            else:
                connection.execute(sa.insert(TRIES).values({TRIES.c.who: one.who, count: 1, TRIES.c.last: stamp}))
    return timedelta(0)


def forgive(safe: Safe, counts: Sequence[Count]) -> None:
    """Take back what `admit` counted, because the password was right; of what several people share, only this one try."""
    with safe.writing() as connection:
        for one in counts:
            if one.is_shared:
                connection.execute(sa.update(TRIES).where(TRIES.c.who == one.who, TRIES.c["count"] > 0).values({TRIES.c["count"]: TRIES.c["count"] - 1}))
            else:
                connection.execute(sa.delete(TRIES).where(TRIES.c.who == one.who))


def forget(safe: Safe, name: str) -> None:
    """Let an account be tried again at once: somebody who may has given it another password."""
    with safe.writing() as connection:
        connection.execute(sa.delete(TRIES).where(TRIES.c.who == _digest("account", same(name))))


def new_device(key: bytes, name: str) -> str:
    """What a browser keeps once it has signed in to an account, and shows the next time."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_mark(key, name, nonce)}"


def is_known(key: bytes, name: str, device: str) -> bool:
    """Whether what a browser shows was given to it for this account."""
    nonce, _, mark = device.partition(".")
    return bool(mark) and hmac.compare_digest(mark.encode(errors="replace"), _mark(key, name, nonce).encode())


def _mark(key: bytes, name: str, nonce: str) -> str:
    return hmac.new(key, f"device\n{same(name)}\n{nonce}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """Who is behind an address: of IPv6 each household has 2**64 of them."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = getattr(known, "ipv4_mapped", None)
    return str(mapped or (known if known.version == 4 else ipaddress.ip_network((known, 64), strict=False)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()
