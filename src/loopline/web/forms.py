"""What a form carries besides its fields: the sign that it is ours, what its reader had seen, where it stands and for whom it was made."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from loopline.errors import Mistake

TOKEN, SEQ, SEEN, STANDS, MAKER = "token", "seq", "seen", "stands", "maker"
CARRIED = (TOKEN, SEQ, SEEN, STANDS, MAKER)
"""The names of the hidden fields that every form has; what it says besides was typed or chosen."""


class Forms:
    """Tokens by which a form that this server made for one reader is told from one that another site made them send."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secrets.token_bytes(32) if secret is None else secret

    def token(self, visit: str) -> str:
        """The token for the forms of a visit."""
        return hmac.new(self._secret, f"form {visit}".encode(), hashlib.sha256).hexdigest()

    def is_ours(self, visit: str, token: str) -> bool:
        """Whether a form of the visit carries its token."""
        return bool(visit) and hmac.compare_digest(self.token(visit).encode(), token.encode())


def seen_of(*parts: Any) -> str:
    """What was seen, in a word: the same for the same plain values.

    >>> seen_of("open", 3) == seen_of("open", 3) != seen_of("acknowledged", 3)
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:20]


async def sent(request: Request) -> dict[str, str] | Mistake:
    """What a form says; where it cannot be read, that it cannot. What was typed stays with the request: a form that is refused says it again."""
    try:
        said = {name: str(value) for name, value in (await request.form()).items()}
        request.state.typed = {name: text for name, text in said.items() if name not in CARRIED}
        request.state.stands, request.state.maker = said.pop(STANDS, ""), said.pop(MAKER, "")
        return said
    except (HTTPException, ClientDisconnect, ValueError, KeyError):
        return Mistake("the form cannot be read", remedy="open the page again, and send the form from there")


def seq_of(said: str, newest: int) -> int:
    """The number of the entry up to which a form's reader had seen the ledger; the newest where it says none."""
    return min(int(said), newest) if said.isascii() and said.isdecimal() and len(said) < 19 else newest
