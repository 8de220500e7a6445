"""Signatures for packages that tests make by hand, with the key of the tests; and the keys of other people."""

from __future__ import annotations

from pathlib import Path

from loopline.access.keys import Key, own_key
from loopline.access.people import same
from loopline.ledger.store import Ledger
from loopline.model.package import Stored, load_manifest, written
from loopline.model.signing import Signature, Trust, sign, signer


def vouched(blobs: Stored, *packages: str) -> Trust:
    """A trust in the tests' key, with its signatures of some packages."""
    key = own_key()
    signed = {package: (Signature(key.public, key.sign(written(load_manifest(blobs, package)))),) for package in packages}
    return Trust({key.public: "tests"}, signed)


def vouch(ledger: Ledger, blobs: Stored, *packages: str) -> None:
    """Enters signatures of some packages in a ledger."""
    for package in packages:
        sign(ledger, package, written(load_manifest(blobs, package)), signer(ledger, name="tests"))


def key_of(name: str, folder: Path) -> Key:
    """A person's own key, which lies in a folder."""
    return own_key({"LOOPLINE_KEY": str(folder / f"{same(name)}.pem")})
