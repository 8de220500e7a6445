"""What is packed in gzip or zstd, unpacked into a file that is gone afterwards."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast

from loopline.errors import Fault, Mistake

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
ENDINGS = (".gz", ".gzip", ".zst", ".zstd")
BLOCK = 1 << 20
LEAST_LIMIT = 8 << 30
"""Bytes that any packed file may become."""
RATIO_LIMIT = 250
"""How many times its size a greater one may become; tables of numbers and texts stay below 100."""
SPARE = 256 << 20
"""Bytes of the disk that are left free."""


def magic(path: Path) -> bytes:
    """The first bytes of a file, enough to tell how it is packed or written.

    Raises
    ------
    Mistake
        When there is no such file, or it is a folder.
    """
    try:
        with path.open("rb") as file:
            return file.read(16)
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise Mistake("this is a folder, not a file", where=str(path), remedy="name a file in it") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(path), remedy="check its permissions") from None


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is gzip or zstd; some zstd files begin with a frame that is to be skipped."""
    return head.startswith((GZIP, ZSTD)) or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F)


def bare_name(name: str) -> str:
    """A file's name without the ending of its packing."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def zstd_file(path: Path, mode: Literal["rb", "wb"]) -> BinaryIO:
    """A zstd file, opened to read or write what is packed in it."""
    return cast(BinaryIO, zstd.open(path, mode))


@contextmanager
def unpacked(path: Path, *, where: str) -> Iterator[Path]:
    """A file with what is packed in another; the other itself where it is not packed.

    All members of a gzip file and all frames of a zstd file are unpacked, a block at a time. The file is removed at the end.

    Raises
    ------
    Mistake
        When the file is damaged, holds nothing, or becomes far greater than tables do.
    Fault
        When the disk has no room for it.
    """
    head = magic(path)
    if not is_packed(head):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="loopline-", ignore_cleanup_errors=True) as folder:
        into = Path(folder) / (bare_name(path.name) or "unpacked")
        _unpack(path, into, gzipped=head.startswith(GZIP), where=where)
        yield into


def _unpack(path: Path, into: Path, *, gzipped: bool, where: str) -> None:
    limit = max(LEAST_LIMIT, RATIO_LIMIT * path.stat().st_size)
    size = 0
    try:
        with gzip.open(path) if gzipped else zstd.open(path) as packed, into.open("wb") as file:
            while block := cast(BinaryIO, packed).read(BLOCK):
                size += len(block)
                if size > limit:
                    raise Mistake(f"it unpacks to more than {limit >> 20:,} MB, which no table does", where=where, remedy="unpack it by hand if it is sound")
                if size % (64 * BLOCK) < BLOCK and shutil.disk_usage(into.parent).free < SPARE:
                    raise Fault("the disk has no room to unpack it", where=where, remedy="free some space, or set TMPDIR to a folder on a larger disk")
                file.write(block)
    except (gzip.BadGzipFile, zstd.ZstdError, EOFError, zlib.error):
        raise Mistake("the file is damaged: it cannot be unpacked", where=where, remedy="deliver it again") from None
    except OSError as error:
        raise Fault(f"it cannot be unpacked ({error.strerror})", where=where, remedy="free some space, or set TMPDIR to a folder that can be written") from None
    if not size:
        raise Mistake("the file is empty", where=where, remedy="give a file with a header and rows")
