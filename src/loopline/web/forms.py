"""What a form carries besides its fields: the sign that it is ours, and what its reader had seen."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any

TOKEN, SEQ, SEEN = "token", "seq", "seen"
"""The names of the hidden fields."""


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
