"""Which data files of a table no version that stays readable needs, told by the table's log; and their removal.

delta-rs has a vacuum of its own. It adds two versions to the table each time, so that whoever reads a version by its number would compute anew;
and it knows only of files that were removed since the last checkpoint, which keeps a week of them. The log is never shortened here, so that all
is told by it: when each file came, and when it went.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from loopline.errors import Mistake
from loopline.lake import objects
from loopline.lake.place import Lake

_LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class Changed:
    """What one version changed: the data files that it added and those that it removed, and when."""

    version: int
    time: datetime
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of a table that is there, and that nothing needs any more."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stale:
    """What a table may lose.

    Parameters
    ----------
    files
        The files that are there and not needed.
    versions
        The versions that can no longer be read once these are gone.
    """

    table: str
    files: tuple[DataFile, ...] = ()
    versions: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The size of the files."""
        return sum(file.size_bytes for file in self.files)


def held(log: Sequence[Changed]) -> dict[int, frozenset[str]]:
    """The files that each version holds."""
    now: set[str] = set()
    found = {}
    for change in log:
        now = (now - set(change.removed)) | set(change.added)
        found[change.version] = frozenset(now)
    return found


def unneeded(log: Sequence[Changed], *, keep: Collection[int], since: datetime) -> frozenset[str]:
    """The files that were held once and that no version needs which stays readable.

    The newest version stays readable, as do those that held at the moment `since` or later, and those in `keep`.
    """
    now: set[str] = set()
    ever: set[str] = set()
    needed: set[str] = set()
    for change, following in zip(log, [*log[1:], None], strict=True):
        now = (now - set(change.removed)) | set(change.added)
        ever |= now
        # A version holds until the next one: it counts where that came after the moment.
        if following is None or following.time > since or change.version in keep:
            needed |= now
    return frozenset(ever - needed)


def stale(lake: Lake, table: str, *, keep: Collection[int] = (), since: datetime) -> Stale:
    """What a table of a lake may lose; nothing of one whose log another tool has shortened, or whose files are held in part.

    Parameters
    ----------
    keep
        Versions that stay readable however old they are.
    since
        Every version that held at this moment, or later, stays readable.
    """
    with objects.told(lake):
        log = _read_log(lake, table)
        if log is None:
            return Stale(table)
        gone = unneeded(log, keep=keep, since=since)
        found = _sized(lake, table, gone)
    there = {file.path for file in found}
    return Stale(table, tuple(found), tuple(version for version, files in held(log).items() if files & there) if there else ())


def remove(lake: Lake, stale: Stale) -> None:
    """Removes the files; those that are gone already are passed over."""
    with objects.told(lake):
        if lake.is_folder:
            for file in stale.files:
                with suppress(FileNotFoundError):
                    Path(lake.table(stale.table), file.path).unlink()
            return
        place = objects.store(lake)
        for file in stale.files:
            with suppress(FileNotFoundError):
                place.delete(f"{lake.tables}/{stale.table}/{file.path}")


def require_readable(lake: Lake, table: str, version: int) -> None:
    """Check that the files of a table's version are there.

    Raises
    ------
    Mistake
        Where house-keeping has freed some of them; names the versions that can be read.
    """
    with objects.told(lake):
        log = _read_log(lake, table)
        if log is None:
            return
        by_version = held(log)
        wanted = by_version.get(version, frozenset())
        there = {file.path for file in _sized(lake, table, frozenset().union(*by_version.values()))}
    if wanted <= there:
        return
    readable = [number for number, files in by_version.items() if files <= there]
    remedy = f"those that can be read: {_ranges(readable)}; keep.versions says how long they stay"
    raise Mistake(f"version {version} has been freed (loopline gc)", where=f"table {table!r}", remedy=remedy)


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers, runs of them as ``3 to 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"


def _read_log(lake: Lake, table: str) -> list[Changed] | None:
    """Every version's changes in their order; None where the log does not tell all."""
    commits = dict(sorted(_commits(lake, table)))
    if [*commits] != [*range(len(commits))] or not commits:
        return None
    changes = [_changed(version, text) for version, text in commits.items()]
    return None if None in changes else [change for change in changes if change is not None]


def _commits(lake: Lake, table: str) -> Iterator[tuple[int, str]]:
    if lake.is_folder:
        for file in Path(lake.table(table), _LOG).glob("*.json"):
            if file.stem.isdecimal():
                yield int(file.stem), file.read_text()
        return
    place = objects.store(lake)
    for page in place.list(f"{lake.tables}/{table}/{_LOG}/"):
        for one in page:
            name = str(one["path"]).rsplit("/", 1)[-1]
            if name.endswith(".json") and name[:-5].isdecimal():
                yield int(name[:-5]), bytes(place.get(one["path"]).bytes()).decode()


def _changed(version: int, text: str) -> Changed | None:
    """A commit's changes; None of one that marks single rows of a file as gone, which nothing of ours writes, or that cannot be read."""
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line]
    except ValueError:
        return None
    added = [action["add"] for action in actions if "add" in action]
    removed = [action["remove"] for action in actions if "remove" in action]
    if any(one.get("deletionVector") for one in (*added, *removed)):
        return None
    stamps = [action["commitInfo"].get("timestamp") for action in actions if "commitInfo" in action]
    stamps += [one.get("deletionTimestamp") for one in removed] + [one.get("modificationTime") for one in added]
    moment = datetime.fromtimestamp(next((stamp for stamp in stamps if stamp), 0) / 1000, UTC)
    return Changed(version, moment, tuple(unquote(one["path"]) for one in added), tuple(unquote(one["path"]) for one in removed))


def _sized(lake: Lake, table: str, paths: Collection[str]) -> list[DataFile]:
    """Those of the files that are there."""
    if not paths:
        return []
    return sorted((DataFile(path, size) for path, size in _present(lake, table) if path in paths), key=lambda file: file.path)


def _present(lake: Lake, table: str) -> Iterable[tuple[str, int]]:
    if lake.is_folder:
        root = Path(lake.table(table))
        for file in root.rglob("*.parquet"):
            with suppress(FileNotFoundError):
                yield file.relative_to(root).as_posix(), file.stat().st_size
        return
    prefix = f"{lake.tables}/{table}/"
    for page in objects.store(lake).list(prefix):
        for one in page:
            yield str(one["path"]).removeprefix(prefix), int(one["size"])
