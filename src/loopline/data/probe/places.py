"""Which places a project's data really lies in: the workspace's and each source's; several on one device or in one store are one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from loopline.access.secrets import masked, resolve
from loopline.data.listing import listing
from loopline.data.probe.disk import probe_file, probe_folder
from loopline.data.probe.probe import DEPTH, MIB, Probed
from loopline.data.probe.store import probe_store, probe_web
from loopline.data.spec import DataSpec, SourceSpec
from loopline.errors import Mistake
from loopline.ledger.database import parse
from loopline.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something lies.

    Parameters
    ----------
    address
        A folder, a file or a URL; it may hold secrets, and is not shown as it is.
    roles
        What lies there.
    files
        Files that may be read where the folder cannot be written.
    writes
        Whether something of our own may be put there.
    why_not
        Why it is not probed; empty where it is.
    """

    address: str
    roles: tuple[str, ...]
    files: tuple[Path, ...] = ()
    options: Mapping[str, str] | None = None
    writes: bool = True
    why_not: str = ""

    @property
    def shown(self) -> str:
        """The address without a password."""
        return masked(self.address)

    @property
    def identity(self) -> tuple[str, ...]:
        """What two places share that are as quick as each other: the device, or the store."""
        if "://" in self.address:
            parts = urlsplit(self.address)
            return (parts.scheme, parts.netloc.rpartition("@")[2])
        return ("device", str(os.stat(self.address).st_dev)) if os.path.exists(self.address) else ("none", self.address)


def places_of(workspace: Workspace, data: DataSpec, folder: Path) -> list[Place]:
    """The places of the lake, the ledger, the log and the sources, each device and store once, the workspace's first."""
    return merged([*_of_workspace(workspace), *(place for name, source in data.sources.items() for place in _of_source(name, source, folder))])


def named(addresses: Iterable[str]) -> list[Place]:
    """The places that a person names: folders, files, URLs."""
    return [Place(address=one if "://" in one else str(Path(one).resolve()), roles=()) for one in addresses]


def merged(places: Iterable[Place]) -> list[Place]:
    """The places, with those on one device or in one store as the first of them, in all their roles."""
    found: dict[tuple[str, ...], Place] = {}
    for place in places:
        key = place.identity if not place.why_not else ("not probed", *place.roles)
        first = found.get(key)
        found[key] = place if first is None else replace(first, roles=tuple(dict.fromkeys((*first.roles, *place.roles))))
    return list(found.values())


def _of_workspace(workspace: Workspace) -> Iterator[Place]:
    lake = workspace.lake
    yield Place(address=str(_there(lake.folder)) if lake.is_folder else lake.url, roles=("lake",), options=lake.options)
    ledger = parse(workspace.ledger.url)
    if ledger.drivername == "sqlite":
        yield Place(address=str(_there(Path(ledger.database or ".").resolve().parent)), roles=("ledger",))
    else:
        yield Place(address=workspace.ledger.url, roles=("ledger",), why_not="a database server: how quick it is depends on its own machine")
    yield Place(address=str(_there(lake.log)), roles=("log",))


def _of_source(name: str, source: SourceSpec, folder: Path) -> Iterator[Place]:
    where, role = f"data.sources.{name}", f"source {name}"
    if source.url is not None:
        yield Place(address=source.url, roles=(role,), why_not="a database: how quick it is depends on its own machine")
        return
    if not source.is_local:
        options = {key: resolve(value, where=f"{where}.options.{key}") for key, value in source.options.items()}
        # What is read from a store that others fill is left as it is: an object more could be taken for a delivery.
        yield Place(address=_prefix(resolve(source.place, where=where)), roles=(role,), options=options, writes=False)
        return
    try:
        files = [file.path for file in listing(source, folder, where=f"{where}.path")]
    except Mistake:
        start = Path(os.path.normpath(folder / source.place))
        yield Place(address=str(_there(start)), roles=(role,))
        return
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        real = file.resolve()
        by_folder.setdefault(real.parent, []).append(real)
    for parent, held in by_folder.items():
        yield Place(address=str(parent), roles=(role,), files=tuple(held))


def _prefix(url: str) -> str:
    """The part of a URL that stands before a pattern; a web address stays whole."""
    if url.startswith(("http://", "https://")):
        return url
    scheme, _, rest = url.partition("://")
    steps = rest.split("/")
    plain = next((steps[:at] for at, step in enumerate(steps) if set(step) & set("*?[{")), None)
    if plain is None:
        plain = steps[:-1] if len(steps) > 1 and "." in steps[-1] else steps
    return f"{scheme}://{'/'.join(plain)}".rstrip("/")


def _there(place: Path) -> Path:
    """The nearest folder from here upwards that exists: what is not there yet will lie on its device."""
    return next((one for one in (place, *place.parents) if one.is_dir()), Path("/"))


def probe(place: Place, *, size_bytes: int = 64 * MIB, seconds: float = 4.0, depth: int = DEPTH) -> Probed:
    """How quick a place is.

    Raises
    ------
    LooplineError
        Where it cannot be used; says why.
    """
    if place.why_not:
        raise Mistake(place.why_not, where=place.shown)
    if place.address.startswith(("http://", "https://")):
        return probe_web(place.address, roles=place.roles, seconds=seconds, depth=depth)
    if "://" in place.address:
        return probe_store(place.address, options=place.options, roles=place.roles, writes=place.writes, seconds=seconds, depth=depth)
    path = Path(place.address)
    if path.is_file():
        return probe_file(path, roles=place.roles, size_bytes=size_bytes, seconds=seconds, depth=depth)
    return probe_folder(path, roles=place.roles, files=place.files, size_bytes=size_bytes, seconds=seconds, depth=depth)
