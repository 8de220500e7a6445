"""Passwords: hashed slowly, so that who steals a hash cannot try many; told right or wrong in the same time, whether or not there is a hash.

References
----------
Biryukov, Dinu, Khovratovich and Josefsson, "Argon2 Memory-Hard Function for Password Hashing and Proof-of-Work Applications", RFC 9106, 2021.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from loopline.access.people import same
from loopline.errors import Mistake

HASHER = PasswordHasher()
"""The second recommended option of RFC 9106, by the defaults of argon2-cffi, which grow with the years."""
SHORTEST, LONGEST = 12, 512
_DIFFERENT = 5


def hashed(password: str) -> str:
    """The hash of a password, with its salt and parameters."""
    return HASHER.hash(_plain(password))


def is_right(hash: str | None, password: str) -> bool:
    """Whether the password has the hash; no hash is never right, and takes as long to tell."""
    try:
        HASHER.verify(_nobodys(HASHER) if hash is None else hash, _plain(password)[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return hash is not None


def is_outdated(hash: str) -> bool:
    """Whether a hash was made with other parameters than those of today."""
    return HASHER.check_needs_rehash(hash)


def generated() -> str:
    """A new password of 100 random bits, easy to read out: four groups of five letters and digits."""
    letters = base64.b32encode(secrets.token_bytes(13)).decode().lower()[:20]
    return "-".join(letters[at : at + 5] for at in range(0, 20, 5))


def checked(password: str, name: str) -> str:
    """The password, once it is one that is not guessed at once.

    Raises
    ------
    Mistake
        When it is too short or too long, repeats a few characters, or is the person's name.
    """
    remedy = f"take at least {SHORTEST} characters, such as four words that do not belong together"
    plain = _plain(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        what = f"a password of {len(plain)} characters is too {'short' if len(plain) < SHORTEST else 'long'}"
        raise Mistake(what, where="the password", remedy=remedy if len(plain) < SHORTEST else f"take at most {LONGEST} characters")
    if len(set(plain.casefold())) < _DIFFERENT:
        raise Mistake("it repeats a few characters, which is guessed at once", where="the password", remedy=remedy)
    if plain.casefold() in (same(name), same(name).partition("@")[0]):
        raise Mistake("it is the name of whom it belongs to, which is guessed at once", where="the password", remedy=remedy)
    return password


def _plain(password: str) -> str:
    """One spelling of what different keyboards make of the same letters; half a character becomes a question mark."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace").decode()


@lru_cache(maxsize=4)
def _nobodys(hasher: PasswordHasher) -> str:
    """The hash of a password that nobody knows."""
    return hasher.hash(secrets.token_hex(16))
