"""Secrets by reference: a declaration names the environment variable that holds one, and nothing ever keeps its value."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator

from loopline.errors import Mistake

_WHOLE = re.compile(r"env:([A-Za-z_]\w*)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_ONLY_REFERENCES = re.compile(r"(?:\$\{[A-Za-z_]\w*\})+")
_PORT = re.compile(r"(?:\d*|\$\{[A-Za-z_]\w*\})(?:[/?#]|$)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_QUERY_VALUE = re.compile(r"(?<=[?&])(?P<name>[^=&#]+)=(?P<value>[^&#]*)")
_SECRET_NAMES = re.compile(r"pass(word|wd|phrase)?|pwd|secret|.*[_-]secret|.*token|(api|access|secret|account)[_-]?key|sig(nature)?|sas", re.IGNORECASE)
_REMEDY = "write ${NAME} in its place and set the environment variable NAME"
HIDDEN = "***"


@dataclass(frozen=True)
class _Parts:
    """A URL cut where secrets may stand: ``head`` + password + ``rest``; the password is None where there is none."""

    head: str
    password: str | None
    rest: str


def reveal(text: str, environment: Mapping[str, str] | None = None, *, where: str = "") -> tuple[str, tuple[str, ...]]:
    """A text with its references filled in, and the secrets that now stand in it.

    ``env:NAME`` is a whole value; ``${NAME}`` may stand inside a text. In a URL's user, password and query a value is
    percent-encoded, so that a password may hold any character.

    Raises
    ------
    Mistake
        When a variable is not set, or is empty.
    """
    among = os.environ if environment is None else environment
    whole = _WHOLE.fullmatch(text.strip())
    if whole is not None:
        value = _value(whole[1], among, where)
        return value, (value,)
    secrets: list[str] = []

    def fill(part: str, encode: Callable[[str], str]) -> str:
        def one(match: re.Match[str]) -> str:
            value = _value(match[1], among, where)
            secrets.extend({value, encode(value)})
            return encode(value)

        return _REFERENCE.sub(one, part)

    def plain(value: str) -> str:
        return value

    def encoded(value: str) -> str:
        return quote(value, safe="")

    scheme = _SCHEME.match(text)
    if scheme is None:
        return fill(text, plain), tuple(secrets)
    authority = re.match(r"[^/?#]*", text[scheme.end() :])
    start = scheme.end() + (authority[0].rfind("@") + 1 if authority else 0)
    query = text.find("?", start)
    middle, tail = (text[start:], "") if query < 0 else (text[start:query], text[query:])
    return fill(text[:start], encoded) + fill(middle, plain) + fill(tail, encoded), tuple(secrets)


def _value(name: str, environment: Mapping[str, str], where: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise Mistake(f"the environment variable {name} is not set", where=where, remedy=f"set it before you start: export {name}=...")
    return value


def resolve(text: str, environment: Mapping[str, str] | None = None, *, where: str = "") -> str:
    """A text with its references filled in: for use, never to be kept or shown.

    Raises
    ------
    Mistake
        When a variable is not set, or is empty.
    """
    return reveal(text, environment, where=where)[0]


def refuse_literal(text: str, *, where: str) -> str:
    """The text itself, once no URL in it holds a password, token or key in plain words.

    A token that is part of a URL's path, as some chat services have it, cannot be told from any other path.

    Raises
    ------
    Mistake
        When a secret stands there instead of a reference to one; it does not repeat the secret.
    """
    what = _literal(text)
    if what:
        raise Mistake(f"{what} stands in plain words in {masked(text)}", where=where, remedy=_REMEDY)
    return text


def _literal(text: str) -> str:
    """What stands in plain words in a text and should not; empty when nothing does."""
    parts = _parts(text)
    if parts.password and not _ONLY_REFERENCES.fullmatch(parts.password):
        return "a password"
    return next((f"the secret {pair['name']!r}" for pair in _QUERY_VALUE.finditer(parts.rest) if _is_literal(pair)), "")


def _without_literal(text: str) -> str:
    try:
        return refuse_literal(text, where="")
    except Mistake as error:
        raise ValueError(str(error)) from None


Address = Annotated[str, AfterValidator(_without_literal)]
"""A URL or a folder in a declaration: it may refer to secrets, and holds none."""


def _only_reference(text: str) -> str:
    if not _WHOLE.fullmatch(text.strip()) and not _ONLY_REFERENCES.fullmatch(text.strip()):
        raise ValueError(f"a secret stands in plain words here; {_REMEDY}")
    return text.strip()


Reference = Annotated[str, AfterValidator(_only_reference)]
"""A secret in a declaration: nothing but a reference to it, as ``${NAME}`` or ``env:NAME``."""


def masked(text: str) -> str:
    """The text as it may be shown: a URL's password and secret query values are hidden; references stay, they are no secrets.

    Examples
    --------
    >>> masked("postgresql://ann:hunter2@db/loop?sslmode=require")
    'postgresql://ann:***@db/loop?sslmode=require'
    """
    parts = _parts(text)
    rest = _QUERY_VALUE.sub(lambda pair: f"{pair['name']}={HIDDEN}" if _is_literal(pair) else pair[0], parts.rest)
    if parts.password is None:
        return parts.head + rest
    return parts.head + (parts.password if _ONLY_REFERENCES.fullmatch(parts.password) else HIDDEN) + rest


def _is_literal(pair: re.Match[str]) -> bool:
    return bool(_SECRET_NAMES.fullmatch(pair["name"]) and pair["value"] and not _ONLY_REFERENCES.fullmatch(pair["value"]))


def _parts(text: str) -> _Parts:
    """A text cut around a URL's password; a password that was not percent-encoded is still found whole."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _Parts("", None, text)
    rest = text[scheme.end() :]
    authority = re.match(r"[^/?#]*", rest)
    end = authority[0].rfind("@") if authority else -1
    user, colon, after = rest.partition(":")
    if end < 0 and colon and not rest.startswith("[") and not _PORT.match(after) and not re.search(r"[/?#@]", user):
        end = rest.rfind("@")
    if end < 0 or ":" not in rest[:end]:
        return _Parts("", None, text)
    user, _, password = rest[:end].partition(":")
    return _Parts(f"{scheme[0]}{user}:", password, rest[end:])
