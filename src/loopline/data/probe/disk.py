"""The probe of a folder: a file of its own is written and read, past the system's cache where that can be done.

The file has no name while it is used, so that nothing is left of it, whatever becomes of the process. Where the folder cannot be written, an
existing file is read. Each request is one system call from or into a buffer that lies on a page's border; depth is threads, each with one
request under way: they wait in the kernel, where Python's lock is not held.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Barrier

from loopline.data.probe.probe import DEPTH, LARGE_BYTES, MIB, SMALL_BYTES, Access, Measure, Operation, Probed, measure_of, say_size
from loopline.errors import Fault, Mistake

_CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_DIRECT = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
_FULL = {
    errno.ENOSPC: ("the disk is full", "free some space, or probe with a smaller --size"),
    errno.EDQUOT: ("the disk's quota is used up", "free some space, or probe with a smaller --size"),
    errno.EFBIG: ("a file grew over the limit of this system", "raise the limit (ulimit -f), or probe with a smaller --size"),
}
_OFFSETS = 1 << 16
_IN_MEMORY = ("tmpfs", "ramfs")
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
_Move = Callable[[int, Sequence[mmap.mmap], int], int]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file to be probed, open: whole large blocks of it are used.

    Parameters
    ----------
    bypassed
        ``direct``, ``dropped`` or ``none``, as `Probed` says.
    """

    descriptor: int
    size_bytes: int
    bypassed: str
    writable: bool


def probe_folder(
    folder: Path, *, roles: Sequence[str] = (), files: Iterable[Path] = (), size_bytes: int = 64 * MIB, seconds: float = 4.0, depth: int = DEPTH
) -> Probed:
    """How quick a folder's storage is.

    Parameters
    ----------
    files
        Files that may be read where the folder cannot be written; those in the folder by default.
    size_bytes, seconds
        The file's size at most, and about how long all measures together take.

    Raises
    ------
    Mistake
        Where there is no such folder, or it can only be read and holds no file that is great enough.
    Fault
        Where the disk is full, or the folder cannot be used.
    """
    if not folder.is_dir():
        raise Mistake("there is no such folder", where=str(folder), remedy="name a folder or a file that is there")
    notes: list[str] = []
    try:
        opened = _laid_out(folder, size_bytes, limit_s=seconds)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise _fault(error, folder) from None
        notes.append("it cannot be written, so that only reading was measured, from a file that is there")
        opened = open_existing(_greatest(files, folder), size_bytes)
    return _probed(opened, str(folder), roles, seconds, depth, notes)


def probe_file(file: Path, *, roles: Sequence[str] = (), size_bytes: int = 64 * MIB, seconds: float = 4.0, depth: int = DEPTH) -> Probed:
    """How quickly an existing file is read; it is not written."""
    return _probed(open_existing(file, size_bytes), str(file), roles, seconds, depth, ["a file that is there was read; nothing was written"])


def _probed(opened: Opened, place: str, roles: Sequence[str], seconds: float, depth: int, notes: list[str]) -> Probed:
    try:
        measures = _measures(opened, seconds, depth)
    except OSError as error:
        raise _fault(error, Path(place)) from None
    finally:
        os.close(opened.descriptor)
    filesystem = filesystem_of(Path(place))
    if filesystem is not None and filesystem.startswith(_IN_MEMORY):
        notes.append("it lies in memory, not on a disk")
    elif opened.bypassed == "dropped":
        notes.append("the system did not let its cache be passed by: pages were dropped before they were read, and each write was flushed")
    elif opened.bypassed == "none":
        notes.append("the system's cache could not be kept out: these are partly the figures of memory")
    return Probed(
        place=place,
        roles=tuple(roles),
        kind="folder",
        filesystem=filesystem,
        bypassed=opened.bypassed,
        size_bytes=opened.size_bytes,
        measures=tuple(measures),
        notes=tuple(notes),
    )


def _measures(opened: Opened, seconds: float, depth: int) -> list[Measure]:
    large = min(LARGE_BYTES, opened.size_bytes // SMALL_BYTES * SMALL_BYTES)
    depths = sorted({1, depth})
    asked: list[tuple[Operation, Access, int, int]] = []
    for operation in ("read", "write") if opened.writable else ("read",):
        asked += [(operation, "sequential", large, each) for each in depths]
        asked += [(operation, "random", SMALL_BYTES, each) for each in depths]
    if opened.writable:
        asked.append(("durable write", "sequential", SMALL_BYTES, 1))
    return [measure(opened, one, access, block_bytes=block, depth=each, seconds=seconds / len(asked)) for one, access, block, each in asked]


def measure(opened: Opened, operation: Operation, access: Access, *, block_bytes: int, depth: int, seconds: float) -> Measure:
    """One way of access to an open file, for so many seconds; at least one request per thread."""
    move = _move(opened, operation)
    blocks = opened.size_bytes // block_bytes
    places = _places(access, blocks, block_bytes, depth)
    buffers = [_buffer(block_bytes, filled=operation != "read") for _ in range(depth)]
    ready = Barrier(depth)
    taken: list[list[int]] = [[] for _ in range(depth)]
    if operation == "read" and opened.bypassed != "direct":
        _drop(opened.descriptor)

    def work(number: int) -> tuple[int, int]:
        ready.wait()
        begun = time.perf_counter_ns()
        return begun, _repeat(move, opened.descriptor, buffers[number], places[number], begun + int(seconds * 1e9), taken[number])

    try:
        if depth == 1:
            spans = [work(0)]
        else:
            with ThreadPoolExecutor(depth) as threads:
                spans = list(threads.map(work, range(depth)))
    finally:
        for buffer in buffers:
            buffer.close()
    wall_s = (max(end for _, end in spans) - min(begun for begun, _ in spans)) / 1e9
    return measure_of(taken, wall_s, operation=operation, access=access, block_bytes=block_bytes, depth=depth)


def _repeat(move: _Move, descriptor: int, buffer: mmap.mmap, places: Iterable[int], deadline_ns: int, taken: list[int]) -> int:
    """Request after request until the deadline; when the last one ended. What is not the request itself is kept out of this loop."""
    clock, note, into = time.perf_counter_ns, taken.append, [buffer]
    now = clock()
    for place in places:
        begun = clock()
        move(descriptor, into, place)
        now = clock()
        note(now - begun)
        if now >= deadline_ns:
            break
    return now


def _places(access: Access, blocks: int, block_bytes: int, depth: int) -> list[Iterable[int]]:
    """Each thread's offsets, made beforehand and without end: every depth-th block, or blocks by lot (the same each time)."""
    if access == "sequential":
        return [cycle([block * block_bytes for block in range(number % blocks, blocks, depth)]) for number in range(depth)]
    lots = [random.Random(number) for number in range(depth)]
    return [cycle([block * block_bytes for block in lot.choices(range(blocks), k=_OFFSETS // depth)]) for lot in lots]


def _move(opened: Opened, operation: Operation) -> _Move:
    if operation == "read":
        # A page that was dropped once is read into the cache again: it is dropped after each request.
        return os.preadv if opened.bypassed == "direct" else _read_and_drop
    flushed = operation == "durable write" or opened.bypassed != "direct"
    return _write_and_flush if flushed else os.pwritev


def _write_and_flush(descriptor: int, buffers: Sequence[mmap.mmap], offset: int) -> int:
    written = os.pwritev(descriptor, buffers, offset)
    _sync(descriptor)
    return written


def _read_and_drop(descriptor: int, buffers: Sequence[mmap.mmap], offset: int) -> int:
    read = os.preadv(descriptor, buffers, offset)
    _drop(descriptor, offset, len(buffers[0]))
    return read


def _drop(descriptor: int, offset: int = 0, length: int = 0) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


def _buffer(size_bytes: int, *, filled: bool) -> mmap.mmap:
    """Memory on a page's border, as O_DIRECT wants it; filled with what does not compress."""
    made = mmap.mmap(-1, size_bytes)
    if filled:
        made.write(os.urandom(size_bytes))
    return made


def open_existing(file: Path, size_bytes: int, *, writable: bool = False) -> Opened:
    """An existing file to be probed, past the cache where that can be done.

    Raises
    ------
    Mistake
        Where there is no such file, or it is smaller than one block.
    Fault
        Where it cannot be read.
    """
    flags = os.O_RDWR if writable else os.O_RDONLY
    try:
        plain = os.open(file, flags)
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(file), remedy="name a folder or a file that is there") from None
    except OSError as error:
        raise _fault(error, file) from None
    usable = _usable(os.fstat(plain).st_size, size_bytes)
    if not usable:
        os.close(plain)
        raise Mistake(f"the file is smaller than one block of {say_size(SMALL_BYTES)}", where=str(file), remedy="name a greater one, or a folder")
    direct = _direct(file, flags)
    if direct is not None:
        os.close(plain)
        return Opened(direct, usable, "direct", writable)
    return Opened(plain, usable, _otherwise(), writable)


def _usable(size_bytes: int, limit_bytes: int) -> int:
    """Whole blocks only: O_DIRECT reads none in part."""
    used = min(size_bytes, limit_bytes)
    return used // LARGE_BYTES * LARGE_BYTES or used // SMALL_BYTES * SMALL_BYTES


def _laid_out(folder: Path, size_bytes: int, *, limit_s: float) -> Opened:
    """A new file without a name, written in full; a slow disk's is smaller, so that it does not take longer than the measures."""
    file = folder / f".loopline-probe-{secrets.token_hex(8)}"
    plain = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        direct = _direct(file, os.O_RDWR)
    finally:
        os.unlink(file)
    if direct is not None:
        try:
            opened = Opened(direct, _fill(direct, size_bytes, limit_s), "direct", True)
        except OSError as error:
            os.close(direct)
            if error.errno not in _NO_DIRECT:
                os.close(plain)
                raise
        else:
            os.close(plain)
            return opened
    try:
        return Opened(plain, _fill(plain, size_bytes, limit_s), _otherwise(), True)
    except OSError:
        os.close(plain)
        raise


def _fill(descriptor: int, size_bytes: int, limit_s: float) -> int:
    """Write the file; its size in bytes."""
    deadline, written = time.monotonic() + limit_s, 0
    with _buffer(LARGE_BYTES, filled=True) as buffer:
        while written < size_bytes and (written < 4 * LARGE_BYTES or time.monotonic() < deadline):
            if os.pwritev(descriptor, [buffer], written) < LARGE_BYTES:
                # A full disk takes a part; asked for the room alone, the system says what it lacks.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(descriptor, written, LARGE_BYTES)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += LARGE_BYTES
    os.fsync(descriptor)
    return written


def _direct(file: Path, flags: int) -> int | None:
    """The file open past the cache, or None where the system does not do that."""
    if hasattr(fcntl, "F_NOCACHE"):
        descriptor = os.open(file, flags | os.O_CLOEXEC)
        fcntl.fcntl(descriptor, fcntl.F_NOCACHE, 1)
        return descriptor
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        descriptor = os.open(file, flags | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with mmap.mmap(-1, SMALL_BYTES) as one:
            os.preadv(descriptor, [one], 0)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _otherwise() -> str:
    return "dropped" if hasattr(os, "posix_fadvise") else "none"


def _greatest(files: Iterable[Path], folder: Path) -> Path:
    """The greatest of the files that can be read."""
    try:
        among = [*files] or [Path(entry.path) for entry in os.scandir(folder) if entry.is_file()]
        readable = [file for file in among if os.access(file, os.R_OK)]
        return max(readable, key=lambda file: file.stat().st_size)
    except ValueError:
        raise Mistake("it cannot be written, and holds no file that can be read", where=str(folder), remedy="name a file, or give the permission") from None
    except OSError as error:
        raise _fault(error, folder) from None


def filesystem_of(place: Path) -> str | None:
    """The kind of file system and its device, such as ``ext4 on /dev/sda1``; None where the system does not tell."""
    try:
        device = place.stat().st_dev
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for words in (line.split() for line in reversed(mounts)):
        if words[2] == wanted:
            kind, source = words[words.index("-") + 1 : words.index("-") + 3]
            return f"{kind} on {source}" if source.startswith("/") else kind
    return None


def _fault(error: OSError, place: Path) -> Fault:
    what, remedy = _FULL.get(error.errno or 0, (f"the storage cannot be used ({error.strerror})", "check the path and its permissions"))
    return Fault(what, where=str(place), remedy=remedy)
