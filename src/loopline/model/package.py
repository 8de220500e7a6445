"""A package's files: named blobs under one manifest, whose own digest is the package's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from loopline.errors import Fault, Mistake
from loopline.ledger.entry import canonical
from loopline.model.signing import Trust

FORMAT = 1


class Stored(Protocol):
    """Where blobs lie; `loopline.lake.blobs.Blobs` is one."""

    def put(self, data: bytes) -> str:
        """The SHA-256 of the bytes, in hexadecimal, once they are durable."""

    def get(self, digest: str) -> bytes:
        """The bytes that have the digest."""


@dataclass(frozen=True, eq=False)
class Package:
    """A package in memory.

    Parameters
    ----------
    digest
        The SHA-256 of the manifest's bytes: the package's name.
    manifest
        What it is: project, task, target, classes, key, time, family, and the digest of each file.
    """

    digest: str
    manifest: Mapping[str, Any]
    contents: Mapping[str, bytes]

    def parsed(self, name: str) -> Any:
        """A JSON file's value."""
        return json.loads(self.contents[name])

    def text(self, name: str) -> str:
        """A text file's text."""
        return self.contents[name].decode()


def written(value: object) -> bytes:
    """A plain value as a file's bytes, always the same for the same value."""
    return canonical(value).encode()


def pack(said: Mapping[str, Any], contents: Mapping[str, bytes]) -> Package:
    """The package of some files, under a manifest that says what they are; nothing is stored yet.

    Parameters
    ----------
    said
        The manifest's fields, without ``format`` and ``files``.
    """
    manifest = {"format": FORMAT, **said, "files": {name: digest_of(data) for name, data in contents.items()}}
    return Package(digest_of(written(manifest)), manifest, dict(contents))


def store(blobs: Stored, package: Package) -> str:
    """The package's digest, once all its files and then its manifest are durable."""
    for data in package.contents.values():
        blobs.put(data)
    return blobs.put(written(package.manifest))


def load(blobs: Stored, digest: str, trust: Trust) -> Package:
    """A package's files, each checked against its digest, and the whole against its signature of origin.

    Raises
    ------
    Mistake
        When there is no such package, or a newer Loopline made it.
    Fault
        When it was changed after it was made, or nobody who is trusted signed it.
    """
    manifest = load_manifest(blobs, digest)
    trust.require(digest, written(manifest))
    return Package(digest, manifest, {name: _checked(blobs.get(of), of, f"package {digest[:12]}, {name}") for name, of in manifest["files"].items()})


def load_manifest(blobs: Stored, digest: str) -> Mapping[str, Any]:
    """What a package is, without its files."""
    data = _checked(blobs.get(digest), digest, f"package {digest[:12]}")
    try:
        manifest = json.loads(data)
        version = manifest["format"]
    except (ValueError, KeyError, TypeError):
        raise Mistake(f"{digest[:12]} is not a package", remedy="`loopline model list` shows the packages") from None
    if version != FORMAT:
        raise Mistake(f"package {digest[:12]} has format {version}, and this Loopline reads {FORMAT}", remedy="upgrade Loopline: pip install -U loopline")
    checked: Mapping[str, Any] = manifest
    return checked


def _checked(data: bytes, digest: str, where: str) -> bytes:
    if digest_of(data) != digest:
        raise Fault("it was changed after it was made", where=where, remedy="restore the lake, or make the package anew: loopline run --fresh model")
    return data


def digest_of(data: bytes) -> str:
    """The SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
