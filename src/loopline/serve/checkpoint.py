"""How far a run over a file has come, durable in a hidden folder beside the file that it writes: a run that was killed goes on from there."""

from __future__ import annotations

import fcntl
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from loopline.errors import Mistake
from loopline.lake.files import write_whole
from loopline.serve.naming import SEED_BYTES

SINKS: Mapping[str, Callable[[pl.LazyFrame, Path], object]] = {
    ".csv": lambda rows, file: rows.sink_csv(file),
    ".parquet": lambda rows, file: rows.sink_parquet(file),
    ".jsonl": lambda rows, file: rows.sink_ndjson(file),
}
"""From a name's ending to what writes rows into such a file, without holding them in memory."""
_RUN = "run.json"
DYING_S = 2.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class Run:
    """What all attempts of a run share.

    Parameters
    ----------
    belongs
        What it belongs to: from ``file``, ``package`` and ``options`` to what tells them apart from others.
    seed
        What the ids of its predictions are made of, in hexadecimal.
    began
        The moment of its predictions, as ISO 8601.
    versions
        From a lookup's name to the version of the table that is looked into.
    servers
        Its attempts' ids in the names of the log's segments.
    """

    belongs: Mapping[str, str]
    seed: str
    began: str
    versions: Mapping[str, int]
    servers: tuple[str, ...] = ()

    @classmethod
    def new(cls, belongs: Mapping[str, str], versions: Mapping[str, int]) -> Run:
        """A run that begins now."""
        return cls(belongs, secrets.token_hex(SEED_BYTES), datetime.now(UTC).isoformat(), versions)

    @property
    def moment(self) -> datetime:
        """The moment of its predictions."""
        return datetime.fromisoformat(self.began)


class Checkpoint:
    """A part file for each block of records that is done, and the run that made them.

    Parameters
    ----------
    out
        The file that is written in the end; the folder is named like it.
    run
        The run, where none is there yet that belongs to the same file, package and options.

    Attributes
    ----------
    run
        The run that goes on, or the new one.
    differs
        In what a run that was there differs, and is given up; empty where none was, or it goes on.
    """

    def __init__(self, out: Path, run: Run) -> None:
        self.folder = _folder(out)
        self._file = self.folder / _RUN
        found = self._found()
        self.differs = () if found is None else tuple(name for name in run.belongs if found.belongs.get(name) != run.belongs[name])
        self.run = run if found is None or self.differs else found
        if self.run is run:
            self._clear()
        self._ends = sorted(int(file.stem) for file in self.folder.glob("[0-9]*.parquet") if file.stem.isdecimal())

    @property
    def line(self) -> int:
        """The line up to which records are done; 0 where none is."""
        return self._ends[-1] if self._ends else 0

    @property
    def is_begun(self) -> bool:
        """Whether something may have been logged."""
        return self._file.exists()

    def begin(self, server: str) -> None:
        """Keep that an attempt logs under an id from now on."""
        self.run = replace(self.run, servers=(*self.run.servers, server))
        write_whole(self._file, json.dumps(asdict(self.run)).encode())

    def add(self, line: int, scored: pl.DataFrame, refused: pl.DataFrame) -> None:
        """Keep a block of records that is logged, the last of them on this line; it counts once this returns."""
        if refused.height:
            write_whole(self._refused(line), _packed(refused))
        write_whole(self._scored(line), _packed(scored))
        self._ends.append(line)

    def counts(self) -> tuple[int, int]:
        """How many records are scored, and how many refused."""
        return _rows(self._all_scored()), _rows(self._all_refused())

    def publish(self, out: Path, beside: Path) -> bool:
        """Put the rows into the file, and the refused ones into that beside it, each whole or not at all; whether there are refused ones.

        A file of refused rows from another run goes, lest it be taken for this one's.
        """
        refused = self._all_refused()
        if refused:
            self._write(refused, beside)
        else:
            beside.unlink(missing_ok=True)
        self._write(self._all_scored(), out)
        return bool(refused)

    def discard(self) -> None:
        """Take the folder away."""
        self._file.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, parts: list[Path], file: Path) -> None:
        staged = self.folder / f"whole{file.suffix}"
        SINKS[file.suffix](pl.scan_parquet(parts, glob=False), staged)
        for place in (staged, self.folder):
            _sync(place)
        os.replace(staged, file)
        _sync(file.absolute().parent)

    def _found(self) -> Run | None:
        try:
            said = json.loads(self._file.read_bytes())
            return Run(**{**said, "servers": tuple(said["servers"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def _clear(self) -> None:
        # Without it the parts mean nothing: it goes first.
        self._file.unlink(missing_ok=True)
        for part in self.folder.glob("*.parquet"):
            part.unlink()

    def _scored(self, line: int) -> Path:
        return self.folder / f"{line:015}.parquet"

    def _refused(self, line: int) -> Path:
        return self.folder / f"{line:015}.refused.parquet"

    def _all_scored(self) -> list[Path]:
        return [self._scored(line) for line in self._ends]

    def _all_refused(self) -> list[Path]:
        return [file for line in self._ends if (file := self._refused(line)).exists()]


@contextmanager
def checkpoint(out: Path, belongs: Mapping[str, str], versions: Mapping[str, int]) -> Iterator[Checkpoint]:
    """The checkpoint of a file that is written, for one process at a time; after a Mistake, and once all is done, nothing is left of it.

    Raises
    ------
    Mistake
        When another process writes the file.
    """
    folder = _folder(out)
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _is_taken(lock):
            raise Mistake("another process is writing this file", where=str(out), remedy="wait for it, or name another file with -o")
        kept = Checkpoint(out, Run.new(belongs, versions))
        try:
            yield kept
        except Mistake:
            kept.discard()
            raise
        except BaseException:
            if not kept.is_begun:
                kept.discard()
            raise
        kept.discard()
    finally:
        os.close(lock)


def _is_taken(lock: int) -> bool:
    """Whether the lock is this process' now; one that was killed a moment ago may take as long to let go of it."""
    until = time.monotonic() + DYING_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_S)


def _folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.run")


def _packed(frame: pl.DataFrame) -> bytes:
    into = io.BytesIO()
    frame.write_parquet(into, compression="lz4", statistics=False)
    return into.getvalue()


def _rows(parts: list[Path]) -> int:
    return int(pl.scan_parquet(parts, glob=False).select(pl.len()).collect().item()) if parts else 0


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
