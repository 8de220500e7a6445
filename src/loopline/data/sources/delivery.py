"""A delivery on its way into a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopline.errors import Mistake
from loopline.lake.blobs import file_digest


@dataclass(frozen=True)
class Delivery:
    """A file with records, and where it comes from.

    Parameters
    ----------
    file
        Its name, as it is told.
    how
        ``source``, or ``hand`` for one that a person brings.
    path
        Where its bytes are.
    batch
        The digest that names it.
    raw
        The digest of the blob that keeps its bytes; None where the source does.
    tag
        What changes with the content where it came from, so that it need not be fetched to be known; None where nothing tells.
    mark
        The digest of the blob that says how far a database was read.
    """

    file: str
    how: str
    path: Path
    batch: str
    raw: str | None = None
    tag: str | None = None
    mark: str | None = None


def identity(path: Path) -> str:
    """The digest that names the batch in a file.

    Raises
    ------
    Mistake
        When there is no such file.
    """
    try:
        return file_digest(path)
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise Mistake("this is a folder, not a file", where=str(path), remedy="name a file in it") from None
