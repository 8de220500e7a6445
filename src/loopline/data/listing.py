"""Which files a source consists of now; nothing is read, and nothing heavy is imported."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loopline.data.arrivals import is_unfinished
from loopline.data.spec import SourceSpec
from loopline.errors import Fault, Mistake

PACKED = (".gz", ".gzip", ".zst", ".zstd")
TEXT = (".csv", ".tsv", ".txt", ".psv", ".tab", ".json", ".geojson", ".jsonl", ".ndjson", ".jsonlines")
OTHERS = (".parquet", ".pq", ".arrow", ".arrows", ".ipc", ".feather", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source, named as the declaration's folder sees it."""

    name: str
    path: Path
    size: int
    mtime_ns: int


def listing(source: SourceSpec, folder: Path, *, where: str = "") -> list[File]:
    """The data files of a source, in the order of their names.

    Parameters
    ----------
    folder
        Where relative paths start: the declaration's folder.
    where
        The field that says the path.

    Raises
    ------
    Mistake
        When nothing is there, or a folder holds no data file.
    """
    place = Path(os.path.normpath(folder / source.place))
    try:
        if (place / "_delta_log").is_dir():
            raise Mistake(f"{source.place} is a Delta table", where=where, remedy="say format: delta beside its path")
        if place.is_dir():
            found = _data_files(place.rglob("*") if source.watch else place.iterdir())
            if not found and not source.watch:
                kinds = ", ".join((*TEXT, *OTHERS))
                raise Mistake(f"the folder {source.place} holds no data file", where=where, remedy=f"name a file, or put files that end in {kinds} there")
        elif place.exists():
            found = [place]
        elif glob.has_magic(source.place):
            pattern = os.path.normpath(os.path.join(glob.escape(str(folder)), source.place))
            found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if not Path(name).is_dir()]
            if not found:
                raise Mistake(f"no file matches {source.place}", where=where, remedy=f"check the pattern; it starts at {folder}")
        else:
            raise Mistake(f"there is no file {source.place}", where=where, remedy=_nearby(place))
        return [_file(path, folder) for path in found]
    except OSError as error:
        raise Fault(f"the files of {source.place} cannot be listed ({error.strerror})", where=where, remedy="check the permissions") from None


def _data_files(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.is_file() and not is_unfinished(path.name) and _kind(path.name) in (*TEXT, *OTHERS))


def _kind(name: str) -> str:
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def _file(path: Path, folder: Path) -> File:
    stat = path.stat()
    return File(Path(os.path.relpath(path, folder)).as_posix(), path, stat.st_size, stat.st_mtime_ns)


def _nearby(place: Path) -> str:
    try:
        others = [path.name for path in _data_files(place.parent.iterdir())] if place.parent.is_dir() else []
    except OSError:
        others = []
    return f"there are: {', '.join(others[:8])}" if others else "check the path"
