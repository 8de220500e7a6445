"""Where a lake lies: a folder, or a prefix in an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Lake:
    """A lake's address; opening it costs nothing.

    Parameters
    ----------
    url
        A folder's path, or a URL such as ``s3://bucket/prefix``.
    options
        Options of the object store, as delta-rs names them.
    spool
        Folder on this machine for what is written record by record before it becomes a table; only where the lake is no folder.
    project
        Whose tables and log; projects that share a lake share only its blobs.
    """

    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    spool: Path | None = None
    project: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether the lake lies on this machine's disk."""
        return "://" not in self.url

    @property
    def folder(self) -> Path:
        """The lake's folder on this machine; only where `is_folder`."""
        return Path(self.url)

    def table(self, name: str) -> str:
        """The address of a table."""
        return f"{self.url.rstrip('/')}/{self.tables}/{name}"

    @property
    def tables(self) -> str:
        """Where the project's tables are in the lake."""
        return f"tables/{self.project}" if self.project else "tables"

    @property
    def has_tables(self) -> bool:
        """Whether the lake's folder on this machine has tables of the project."""
        place = self.folder / self.tables
        return self.is_folder and place.is_dir() and any(place.iterdir())

    @property
    def blobs(self) -> str:
        """The address of the blobs."""
        return f"{self.url.rstrip('/')}/blobs"

    @property
    def log(self) -> Path:
        """The folder of the prediction log's segments on this machine."""
        place = self.folder / "log" if self.is_folder or self.spool is None else self.spool
        return place / self.project if self.project else place
