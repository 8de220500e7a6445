"""Signatures for packages that tests make by hand, with the key of the tests."""

from __future__ import annotations

from loopline.access.keys import own_key
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
