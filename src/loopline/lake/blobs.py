"""Bytes by their digest: written once, whole, and checked whenever they are read; forgotten ones are gone, and may have a successor."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopline.errors import Fault, Mistake
from loopline.lake import objects
from loopline.lake.files import copy_whole, write_whole
from loopline.lake.place import Lake

_DIGEST = re.compile(r"[0-9a-f]{64}")
_GONE = ".gone"


@dataclass(frozen=True, slots=True)
class Kept:
    """A blob that is there, and when it was written."""

    digest: str
    size_bytes: int
    time: datetime


class Absent(Mistake):
    """There are no bytes of a digest: the lake is away, another one, or has lost them."""


class Blobs:
    """The blobs of a lake, in its folder or its object store."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._store: Any = None if lake.is_folder else objects.store(lake)

    def put(self, data: bytes) -> str:
        """The SHA-256 of the bytes, in hexadecimal, once they are durable; bytes that are there already are not written again.

        Nor are those that were erased: who asks for them is given what has their place.
        """
        digest = hashlib.sha256(data).hexdigest()
        if self._read(digest) == data or self._note(digest) is not None:
            return digest
        if self._store is not None:
            with objects.told(self.lake):
                self._store.put(_path(digest), data)
            return digest
        with objects.told(self.lake):
            write_whole(self._place(digest), data)
        return digest

    def put_file(self, file: Path) -> str:
        """The SHA-256 of a file's bytes, once they are kept; memory holds a piece at a time."""
        digest = file_digest(file)
        if self.exists(digest) or self._note(digest) is not None:
            return digest
        with objects.told(self.lake):
            if self._store is not None:
                self._store.put(_path(digest), file)
            else:
                copy_whole(file, self._place(digest))
        return digest

    @contextmanager
    def file(self, digest: str) -> Iterator[Path]:
        """The bytes as a file on this machine, for as long as it is looked at.

        Raises
        ------
        Mistake
            Where there is no such blob.
        Fault
            Where the bytes were changed.
        """
        if self._store is None and self.exists(digest):
            if file_digest(self._place(digest)) != digest:
                raise _changed(digest, self.lake)
            yield self._place(digest)
            return
        with tempfile.NamedTemporaryFile() as spooled:
            spooled.write(self.get(digest))
            spooled.flush()
            yield Path(spooled.name)

    def get(self, digest: str) -> bytes:
        """The bytes, which have the digest; of those that were erased the ones that have their place.

        Raises
        ------
        Absent
            Where there is no such blob.
        Mistake
            Where it was erased and nothing has its place.
        Fault
            Where the bytes were changed.
        """
        data = self._read(_checked(digest))
        note = self._note(digest) if data is None else None
        if note is not None:
            if note["by"] is None:
                raise Mistake(f"blob {digest[:12]} was erased", where=self.lake.blobs, remedy="what it held was forgotten: deliver it again without that")
            return self.get(note["by"])
        if data is None:
            raise Absent(
                f"there is no blob {digest[:12]}", where=self.lake.blobs, remedy="check the lake's address, or make it anew: loopline run --fresh STAGE"
            )
        if hashlib.sha256(data).hexdigest() != digest:
            raise _changed(digest, self.lake)
        return data

    def exists(self, digest: str) -> bool:
        """Whether there is such a blob, or one that has its place."""
        _checked(digest)
        if self._store is None:
            there = self._place(digest).is_file()
        else:
            with objects.told(self.lake):
                there = objects.exists(self._store, _path(digest))
        note = None if there else self._note(digest)
        return there if note is None else note["by"] is not None

    def erase(self, digest: str, successor: bytes | None) -> str | None:
        """Removes a blob for good; the digest of the bytes that have its place from now on.

        Whoever asks for the old digest is given the new bytes. A process that is killed in between has not erased it: it does so when it
        is called again.
        """
        by = None if successor is None else self.put(successor)
        note = json.dumps({"by": by}).encode()
        path = _path(_checked(digest))
        with objects.told(self.lake):
            if self._store is not None:
                self._store.put(f"{path}{_GONE}", note)
                self._store.delete(path)
            else:
                write_whole(self.lake.folder / f"{path}{_GONE}", note)
                self._place(digest).unlink(missing_ok=True)
        return by

    def _note(self, digest: str) -> Any:
        """What was noted when a blob was erased, or None where it was not."""
        found = self._bytes(f"{_path(digest)}{_GONE}")
        return None if found is None else json.loads(found)

    def listed(self) -> Iterator[Kept]:
        """Every blob that is there."""
        with objects.told(self.lake):
            if self._store is not None:
                for page in self._store.list("blobs/"):
                    for one in page:
                        if _DIGEST.fullmatch(name := str(one["path"]).rsplit("/", 1)[-1]):
                            yield Kept(name, int(one["size"]), one["last_modified"])
                return
            for file in (self.lake.folder / "blobs").glob("*/*"):
                if _DIGEST.fullmatch(file.name):
                    with suppress(FileNotFoundError):
                        stat = file.stat()
                        yield Kept(file.name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def remove(self, digest: str) -> None:
        """Removes a blob that nothing needs any more; one that is gone already is passed over."""
        with objects.told(self.lake), suppress(FileNotFoundError):
            if self._store is not None:
                self._store.delete(_path(_checked(digest)))
            else:
                self._place(_checked(digest)).unlink()

    def _place(self, digest: str) -> Path:
        return self.lake.folder / _path(digest)

    def _read(self, digest: str) -> bytes | None:
        return self._bytes(_path(digest))

    def _bytes(self, path: str) -> bytes | None:
        with objects.told(self.lake):
            if self._store is not None:
                return objects.get(self._store, path)
            try:
                return (self.lake.folder / path).read_bytes()
            except FileNotFoundError:
                return None


def file_digest(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _changed(digest: str, lake: Lake) -> Fault:
    remedy = "restore it, or make it anew: loopline run --fresh STAGE"
    return Fault(f"blob {digest[:12]} was changed after it was written", where=lake.blobs, remedy=remedy)


def _path(digest: str) -> str:
    """A blob's place in its lake; folders by its first digits keep listings short."""
    return f"blobs/{digest[:2]}/{digest}"


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise Mistake(f"{digest[:80]!r} is not a digest", remedy="a digest has 64 hexadecimal digits")
    return digest
