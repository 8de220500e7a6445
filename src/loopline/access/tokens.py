"""Tokens by which callers of a server, and customers who were sent a link, are known: shown once, kept as hashes, with roles and an end."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

TokenRole = Literal["predict", "feedback", "metrics", "admin"]
ROLES: tuple[TokenRole, ...] = get_args(TokenRole)
"""What a token lets its holder do: score rows, tell outcomes and feedback, read the counters, or all of it."""
LinkRole = Literal["customer page"]
LINK_ROLE: LinkRole = "customer page"
"""What a link lets its holder do, and no token of a server: read the customer page, and give feedback there."""
Kind = Literal["lt", "lc"]
"""How a token begins: one for a server, or one in a link for a customer. Neither is known where the other is asked for."""

_SHAPES: Mapping[Kind, re.Pattern[str]] = {kind: re.compile(kind + r"-([0-9a-f]{8})-[A-Za-z0-9_-]{43}") for kind in get_args(Kind)}
_CREATE = "loopline access token create"
_ASK = f"ask who runs the server for a token: {_CREATE}"


@dataclass(frozen=True)
class Token:
    """A token as it is kept: its secret is not in it.

    Parameters
    ----------
    id
        Stands in the token as well, so that it is found without comparing secrets.
    holder
        Whom it was made for.
    digest
        SHA-256 of the whole token. The secret is 256 random bits, which nobody can guess however quick the hash is; slow hashes are for
        passwords that people choose.
    expires
        From this moment on it is refused.
    """

    id: str
    holder: str
    roles: tuple[TokenRole | LinkRole, ...]
    digest: str
    expires: datetime
    is_revoked: bool = False

    def as_json(self) -> dict[str, Any]:
        """The token as plain values: the body of its entry in the ledger."""
        return {"holder": self.holder, "roles": list(self.roles), "digest": self.digest, "expires": self.expires.isoformat(), "state": "valid"}

    def state(self, now: datetime) -> str:
        """``valid``, ``expired`` or ``revoked``."""
        return "revoked" if self.is_revoked else "expired" if now >= self.expires else "valid"


@dataclass(frozen=True)
class Denied:
    """Why a caller is not let in: 401 where it is not known who they are, 403 where they may not."""

    status: int
    what: str
    remedy: str


def mint(holder: str, roles: Iterable[TokenRole | LinkRole], expires: datetime, *, kind: Kind = "lt") -> tuple[str, Token]:
    """A new token's text, which is shown once, and what is kept of it."""
    id = secrets.token_hex(4)
    text = f"{kind}-{id}-{secrets.token_urlsafe(32)}"
    return text, Token(id, holder, tuple(dict.fromkeys(roles)), _digest(text), expires)


def known(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Token]:
    """The tokens by their ids, from the ids and bodies of their entries in the ledger's order."""
    found: dict[str, Token] = {}
    for id, body in entries:
        if id in found and found[id].is_revoked:
            # Whoever copies an older entry gives nothing back.
            continue
        expires = datetime.fromisoformat(body["expires"])
        found[id] = Token(id, body["holder"], tuple(body["roles"]), body["digest"], expires, is_revoked=body["state"] == "revoked")
    return found


def id_of(text: str, kind: Kind) -> str:
    """The id that stands in a token; empty where it is none of the kind."""
    shape = _SHAPES[kind].fullmatch(text)
    return shape[1] if shape else ""


def held(text: str, kind: Kind, tokens: Mapping[str, Token]) -> Token | None:
    """The token that has just this text, whatever its state; None where there is none of the kind."""
    token = tokens.get(id_of(text, kind))
    # The same time whatever the secret: how much of it was right is not told.
    return token if token is not None and hmac.compare_digest(token.digest, _digest(text)) else None


def denied(header: str, role: TokenRole | None, tokens: Mapping[str, Token], now: datetime) -> Denied | None:
    """Why a request is not let in; None where it is.

    Parameters
    ----------
    header
        The value of ``Authorization``; empty where there is none.
    role
        What the request needs; None where any valid token will do.
    """
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        return Denied(401, "the request says not who calls", f"send the header Authorization: Bearer TOKEN; {_ASK}")
    token = held(text.strip(), "lt", tokens)
    if token is None:
        return Denied(401, "the token is not known here", _ASK)
    state = token.state(now)
    if state != "valid":
        since = f"it expired on {token.expires:%Y-%m-%d at %H:%M} UTC; " if state == "expired" else ""
        return Denied(401, f"token {token.id} of {token.holder} is {state}", f"{since}ask for a new one: {_CREATE}")
    if role is not None and role not in token.roles and "admin" not in token.roles:
        what = f"token {token.id} has the role {' and '.join(token.roles)}, and this needs {role}"
        return Denied(403, what, f"ask for a token with the role {role}: {_CREATE} --for NAME --role {role}")
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
