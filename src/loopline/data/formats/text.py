"""A text file as UTF-8 on this machine's disk, whatever its size and encoding; memory does not grow with it."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from loopline.data.formats.encoding import Guess, broken_in, guess, letters_in
from loopline.errors import Fault, Mistake

# What fits the processor's cache is looked through in half the time.
PIECE_BYTES = 1 << 20
_SAMPLE_BYTES = 65_536


class TextFile:
    """The text of a file in UTF-8.

    Parameters
    ----------
    path
        The file; where it is written otherwise, its text in UTF-8 is spooled into a temporary file.
    encoding
        How it is written; found out where None.

    Attributes
    ----------
    size
        The length of the text in bytes, without a byte order mark.
    encoding
        How the file is written.
    broken
        Positions in the text of bytes that are not UTF-8, ascending; shape (n,).

    Raises
    ------
    Mistake
        When the file is empty, is not text, or is not text in the declared encoding.
    """

    def __init__(self, path: Path, *, encoding: str | None = None, where: str = "") -> None:
        self._where = where or str(path)
        self._files: list[IO[bytes]] = []
        self._handle = -1
        self._offset = 0
        self.broken: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        try:
            self._open(path)
            self._read_as(self._guessed(encoding))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> TextFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go, and remove what was spooled."""
        self._handle = -1
        for file in self._files:
            file.close()
        self._files = []

    def __getitem__(self, part: slice) -> bytes:
        """Some bytes of the text, by their positions.

        Raises
        ------
        Fault
            When the file has become shorter since it was opened; of a map of it, the system would end the process.
        """
        first, last, _ = part.indices(self.size)
        wanted, pieces = max(0, last - first), list[bytes]()
        at = first + self._offset
        while wanted:
            piece = os.pread(self._handle, wanted, at)
            if not piece:
                raise Fault("the file has become shorter while it was read", where=self._where, remedy="run it again once the file is whole", retry=True)
            pieces.append(piece)
            at, wanted = at + len(piece), wanted - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """The whole text in pieces that end with a line, each with its position."""
        at = 0
        while at < self.size:
            piece = self[at : at + PIECE_BYTES]
            if at + len(piece) < self.size:
                cut = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
                piece = piece[: cut or _whole_letters(piece)]
            yield at, piece
            at += len(piece)

    def _open(self, path: Path) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise Mistake("there is no such file", where=self._where, remedy="check the path") from None
        except IsADirectoryError:
            raise Mistake("this is a folder, not a file", where=self._where, remedy="name a file in it") from None
        except OSError as error:
            raise Fault(f"the file cannot be read ({error.strerror})", where=self._where, remedy="check its permissions") from None
        self._files.append(file)
        self._read_from(file)

    def _read_from(self, file: IO[bytes]) -> None:
        size = file.seek(0, 2)
        if not size:
            raise Mistake("the file is empty", where=self._where, remedy="give a file with a header and rows, or take it away")
        self._handle, self.size, self._offset = file.fileno(), size, 0

    def _guessed(self, encoding: str | None) -> Guess:
        found = guess(self[0:_SAMPLE_BYTES], encoding=encoding, where=self._where)
        self._offset = found.mark
        self.size -= found.mark
        return found

    def _read_as(self, found: Guess) -> None:
        self.encoding = found.encoding
        if found.encoding != "utf-8":
            self._spool(found.encoding, "strict")
            return
        broken: list[int] = []
        whole = 0
        for at, piece in self.pieces():
            if not piece.isascii():
                here = broken_in(piece)
                broken += [at + place for place in here]
                whole += letters_in(piece, here)
        # Letters beyond ASCII that do form UTF-8 are no accident: then only the bytes that do not are damaged.
        if broken and whole <= len(broken) and not found.declared:
            self.encoding = "cp1252"
            self._spool("cp1252", "replace")
        else:
            self.broken = np.array(broken, dtype=np.int64)

    def _spool(self, encoding: str, errors: str) -> None:
        """Take the text in UTF-8, written beside, in the place of the file."""
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        # The file is held for as long as it is read.
        spooled = tempfile.TemporaryFile()  # noqa: SIM115
        self._files.append(spooled)
        at = 0
        while at < self.size:
            piece = self[at : at + PIECE_BYTES]
            try:
                spooled.write(decoder.decode(piece, final=at + len(piece) >= self.size).encode("utf-8"))
            except UnicodeError as error:
                place = f" at byte {at + error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
                raise Mistake(f"the file is not {encoding} text{place}", where=self._where, remedy="say its encoding under data.sources") from None
            at += len(piece)
        spooled.flush()
        self._read_from(spooled)
        if self[0:3] == codecs.BOM_UTF8:
            self._offset, self.size = 3, self.size - 3


def _whole_letters(data: bytes) -> int:
    """How many bytes hold whole letters, where a text in UTF-8 is cut anywhere."""
    for back in range(1, min(4, len(data))):
        if data[-back] >= 0xC0:
            return len(data) - back
    return len(data)
