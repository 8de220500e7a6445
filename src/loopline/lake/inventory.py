"""Every file of a lake, in a folder or an object store alike: listed, read, written anew whole under its old name, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from loopline.lake import objects
from loopline.lake.files import write_whole
from loopline.lake.place import Lake


class Inventory:
    """The files of a lake by their paths in it."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._store: Any = None if lake.is_folder else objects.store(lake)

    def paths(self, prefix: str) -> list[str]:
        """The paths of the files under a prefix, sorted."""
        with objects.told(self.lake):
            return sorted(self._listed(prefix))

    def _listed(self, prefix: str) -> Iterator[str]:
        if self._store is None:
            root = self.lake.folder
            yield from (path.relative_to(root).as_posix() for path in (root / prefix).rglob("*") if path.is_file())
            return
        for page in self._store.list(f"{prefix}/"):
            yield from (item["path"] for item in page)

    def sizes(self, prefix: str) -> dict[str, int]:
        """From the path of each file under a prefix to its bytes; one that goes meanwhile is left out."""
        with objects.told(self.lake):
            return dict(sorted(self._sized(prefix)))

    def _sized(self, prefix: str) -> Iterator[tuple[str, int]]:
        if self._store is None:
            for path in self._listed(prefix):
                with suppress(FileNotFoundError):
                    yield path, (self.lake.folder / path).stat().st_size
            return
        for page in self._store.list(f"{prefix}/"):
            yield from ((item["path"], item["size"]) for item in page)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None where it is gone."""
        with objects.told(self.lake):
            if self._store is not None:
                return objects.get(self._store, path)
            try:
                return (self.lake.folder / path).read_bytes()
            except FileNotFoundError:
                return None

    def replace(self, path: str, data: bytes) -> None:
        """Writes a file anew: a reader sees the old bytes or the new ones."""
        with objects.told(self.lake):
            if self._store is not None:
                self._store.put(path, data)
            else:
                write_whole(self.lake.folder / path, data)

    def remove(self, path: str) -> None:
        """Removes a file; one that is gone already is no error."""
        with objects.told(self.lake), suppress(FileNotFoundError):
            if self._store is not None:
                self._store.delete(path)
            else:
                (self.lake.folder / path).unlink()
