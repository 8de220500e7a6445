"""The sign of life that goes to an outside address after each turn: what does not get it within its time says that nobody watches."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from loopline.access.secrets import reveal
from loopline.errors import Mistake

WAIT_S = 10.0
"""So long an address may take to answer."""


def beat(address: str, *, wait_s: float = WAIT_S) -> str:
    """Why the address did not take a request (GET), in words without secrets; empty where it did. Nothing fails for want of it.

    Parameters
    ----------
    address
        A URL that may refer to environment variables.
    """
    try:
        url, secrets = reveal(address, where="watch.heartbeat")
    except Mistake as mistake:
        return str(mistake)
    if not url.lower().startswith(("http://", "https://")):
        return "its address is no http:// or https:// URL"
    try:
        with urlopen(Request(url, headers={"User-Agent": "loopline"}), timeout=wait_s) as answer:
            answer.read(1)
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        said = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        for secret in (url, *sorted(secrets, key=len, reverse=True)):
            said = said.replace(secret, "***")
        return said[:200]
    return ""
