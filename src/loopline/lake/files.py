"""What a lake in a folder needs of the disk: files that are whole, commits that outlast a loss of power, no leftovers. Light."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

from loopline.lake.place import Lake

_FIRST = f"{0:020}.json"


def write_whole(place: Path, data: bytes) -> None:
    """Writes under a temporary name, then renames: a reader sees all of it or nothing, also after a loss of power."""
    _whole(place, lambda staged: staged.write_bytes(data))


def copy_whole(file: Path, place: Path) -> None:
    """Copies a file, as `write_whole` writes one."""
    _whole(place, lambda staged: shutil.copyfile(file, staged))


def _whole(place: Path, write: Callable[[Path], object]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    staged = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}.staged")
    try:
        write(staged)
        _flush([staged])
        os.replace(staged, place)
    except BaseException:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise
    _flush([place.parent])


def settle(table: Path, version: int) -> None:
    """Has a table's commit on the disk when it returns; delta-rs leaves it in the system's memory, and the ledger's entry would be there first."""
    log = table / "_delta_log" / f"{version:020}.json"
    files = [table / path for path in _added(log)]
    _flush([*files, *{file.parent for file in files}, log, log.parent, table])


def sweep(lake: Lake, *, older_than: timedelta = timedelta(days=1), blobs_older_than: timedelta | None = None) -> list[Path]:
    """The files that were removed: those that killed writers left half-written, and data files of tables that no version ever held.

    What any version of a table holds stays, so that every version can still be read. An object store has no half-written files; nothing
    is swept there.

    Parameters
    ----------
    older_than
        Younger files may belong to a writer at work; a caller that knows of no other writer passes zero.
    blobs_older_than
        The same for blobs, which projects share; as for tables where None.
    """
    removed = []
    for file in leftovers(lake, older_than=older_than, blobs_older_than=blobs_older_than):
        with suppress(FileNotFoundError):
            file.unlink()
            removed.append(file)
    return removed


def leftovers(lake: Lake, *, older_than: timedelta = timedelta(days=1), blobs_older_than: timedelta | None = None) -> list[Path]:
    """The files that `sweep` would remove."""
    if not lake.is_folder:
        return []
    tables = [*_half_written(lake), *_orphans(lake.folder / lake.tables)]
    return [*_older(_staged(lake), older_than if blobs_older_than is None else blobs_older_than), *_older(tables, older_than)]


def _older(files: Iterable[Path], than: timedelta) -> Iterator[Path]:
    limit = time.time() - than.total_seconds()
    for file in files:
        with suppress(FileNotFoundError):
            if file.stat().st_mtime <= limit:
                yield file


def _flush(places: Iterable[Path]) -> None:
    for place in places:
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _staged(lake: Lake) -> Iterator[Path]:
    """Blobs that were being written."""
    yield from (lake.folder / "blobs").glob("*/.*.staged")


def _half_written(lake: Lake) -> Iterator[Path]:
    """Files that delta-rs was writing: it puts ``#`` and a number after their names."""
    for file in (lake.folder / lake.tables).rglob("*#*"):
        if file.name.rpartition("#")[2].isdecimal():
            yield file


def _orphans(tables: Path) -> Iterator[Path]:
    for table in tables.glob("*/"):
        log = table / "_delta_log"
        # A log that another tool has shortened does not name every file that is held; without any, the table was never made.
        if not (log / _FIRST).exists() and any(log.glob("*.*")):
            continue
        files = [file for file in table.rglob("*.parquet") if log not in file.parents]
        if files:
            held = {path for version in log.glob("*.json") for path in _added(version)}
            yield from (file for file in files if file.relative_to(table).as_posix() not in held)


def _added(log: Path) -> list[str]:
    """The data files that a version added."""
    return [unquote(json.loads(line)["add"]["path"]) for line in log.read_text().splitlines() if line.startswith('{"add"')]
