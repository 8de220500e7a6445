"""Keys that sign: one's own private ed25519 key, kept outside every workspace, and the check of what others signed.

References
----------
Josefsson and Liusvaara, "Edwards-Curve Digital Signature Algorithm (EdDSA)", RFC 8032, 2017.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from loopline.errors import Fault, Mistake

VARIABLE = "LOOPLINE_KEY"
PAGES_VARIABLE = "LOOPLINE_PAGES_KEY"
"""The variable that names a key of their own for the pages: whatever runs a project's own code is started without it."""
_KIND = "ed25519:"
_PUBLIC = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")
_REMEDY = f"give the file of an ed25519 key in PEM, unencrypted, with {VARIABLE}; or move it away, and a new one is made"


@dataclass(frozen=True, eq=False)
class Key:
    """A private key that signs; its secret half is never shown.

    Parameters
    ----------
    public
        The half that everybody may know, such as ``ed25519:`` and 44 characters.
    file
        Where it is kept.
    is_new
        Whether it was made just now.
    vouches
        The name under which it signs for others who are known to be themselves; empty where it is a person's own.
    """

    public: str
    file: Path
    is_new: bool
    _secret: Ed25519PrivateKey
    vouches: str = ""

    def sign(self, data: bytes) -> str:
        """The signature of the bytes, as 88 characters of base64; the same each time."""
        return base64.b64encode(self._secret.sign(data)).decode()

    def __repr__(self) -> str:
        return f"Key({self.public})"


def own_key(environment: Mapping[str, str] | None = None) -> Key:
    """One's own key; it is made where there is none yet, for nobody else to read, and standard error says so.

    It lies where ``LOOPLINE_KEY`` says, in a folder that exists, else in ``loopline/key.pem`` of the user's folder for settings.

    Raises
    ------
    Mistake
        When the file is no ed25519 key, or the folder that ``LOOPLINE_KEY`` names is not there.
    Fault
        When it cannot be read or made.
    """
    file = place(environment)
    try:
        _require_folder(file, environment)
        is_new = not file.exists() and _make(file)
        key = _read(file, is_new)
    except OSError as error:
        raise _unread(file, error) from None
    if is_new:
        print(f"a new key was made in {file}, which signs as {fingerprint(key.public)}", file=sys.stderr)
    return key


def kept_key(environment: Mapping[str, str] | None = None) -> Key | None:
    """One's own key where there is one already; whoever only looks makes none.

    Raises
    ------
    Mistake, Fault
        As `own_key` does.
    """
    file = place(environment)
    try:
        _require_folder(file, environment)
        return _read(file, False) if file.exists() else None
    except OSError as error:
        raise _unread(file, error) from None


def of_pages(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The environment in which one's own key is that by which the pages vouch for who signed in: it lies where ``LOOPLINE_PAGES_KEY`` says, else stays."""
    among = os.environ if environment is None else environment
    said = among.get(PAGES_VARIABLE)
    return {**among, VARIABLE: said} if said else among


def place(environment: Mapping[str, str] | None = None) -> Path:
    """Where one's own key lies, or will lie."""
    among = os.environ if environment is None else environment
    if among.get(VARIABLE):
        return Path(among[VARIABLE]).expanduser()
    return settings_folder(among) / "key.pem"


def settings_folder(environment: Mapping[str, str]) -> Path:
    """The folder of one's own for what belongs to no project."""
    settings = environment.get("XDG_CONFIG_HOME")
    return (Path(settings) if settings else Path("~/.config").expanduser()) / "loopline"


def _require_folder(file: Path, environment: Mapping[str, str] | None) -> None:
    """A folder that a person names must be there: a mistyped name would be a key that nobody knows."""
    if (os.environ if environment is None else environment).get(VARIABLE) and not file.parent.is_dir():
        remedy = f"correct {VARIABLE}, or make the folder first: mkdir -p {file.parent}"
        raise Mistake(f"there is no folder {file.parent}, where {VARIABLE} says that your key lies", where=str(file), remedy=remedy)


def _read(file: Path, is_new: bool) -> Key:
    try:
        secret = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise Mistake("this is no private key", where=str(file), remedy=_REMEDY) from None
    if not isinstance(secret, Ed25519PrivateKey):
        raise Mistake("this is a private key of another kind", where=str(file), remedy=_REMEDY)
    return Key(_said(secret.public_key()), file, is_new, secret)


def _unread(file: Path, error: OSError) -> Fault:
    return Fault(f"the key that signs packages cannot be read or made ({error.strerror})", where=str(file), remedy=f"set {VARIABLE} to another file")


def _make(file: Path) -> bool:
    """Whether this call wrote a new key, whole; of two processes that do so at once, the first one's stays."""
    secret = Ed25519PrivateKey.generate()
    data = secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.parent / f".{file.name}.{secrets.token_hex(8)}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(partial, file)
            return True
        return False
    finally:
        partial.unlink()


def public_key(text: str, *, where: str = "") -> str:
    """The public key, once it is one.

    Raises
    ------
    Mistake
        When it is none.
    """
    stripped = text.strip()
    if not _PUBLIC.fullmatch(stripped):
        remedy = "write it as `loopline model trust` shows one's own: ed25519: and 44 characters"
        raise Mistake(f"{text[:60]!r} is no public key", where=where, remedy=remedy)
    return stripped


def fingerprint(public: str) -> str:
    """A public key cut to what people compare: the first 16 digits of the SHA-256 of its text, as `sha256sum` has it."""
    return hashlib.sha256(public.encode()).hexdigest()[:16]


def is_signed(data: bytes, signature: str, public: str) -> bool:
    """Whether the owner of the public key signed just these bytes."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix(_KIND), validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _said(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _KIND + base64.b64encode(raw).decode()
