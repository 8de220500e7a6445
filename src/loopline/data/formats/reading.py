"""A delivery on its way in: its columns, and its records chunk by chunk; what every reader gives, and all that the contract sees."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from loopline.data.spec import LINE, OWN, ColumnType
from loopline.errors import Fault, Mistake


@dataclass(frozen=True)
class Refusal:
    """A record that could not be cut into columns."""

    line: int
    raw: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Chunk:
    """Some records of a delivery, in its order.

    Parameters
    ----------
    frame
        The records that could be cut into columns: texts, or typed values, and their line (`LINE`).
    refused
        The other records.
    raw
        From places in `frame` to the records' own texts.
    texts
        From lines to the records' cells as they are written, where `frame` has some of them typed; None where it holds them as they came.
    """

    frame: pl.DataFrame
    refused: tuple[Refusal, ...]
    raw: Callable[[Sequence[int]], list[str]]
    texts: Callable[[Sequence[int]], pl.DataFrame] | None = None

    @property
    def read(self) -> int:
        """How many records it has."""
        return self.frame.height + len(self.refused)


class Reading(Protocol):
    """An opened delivery. It can be read more than once, and gives the same records each time."""

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns in their order, with the types in which they come: `String` where they are texts that nobody has typed yet."""

    @property
    def about(self) -> Mapping[str, Any]:
        """How it is written, as far as that was found out: ``format``, and ``separator``, ``encoding``, ``sheet`` ... where they apply."""

    def chunks(self, *, typed: Mapping[str, ColumnType] | None = None, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The records, some 100,000 to 500,000 at a time, so that memory does not grow with the delivery.

        Parameters
        ----------
        typed
            Columns of texts that may come as numbers already (`Int64`, `Float64`) where every cell of the chunk is one or is missing: a
            reader that can do so faster than the contract does it; the values are the same.
        only
            The columns that are wanted; all where None. Refused records are the same whichever are wanted.
        """

    def close(self) -> None:
        """Let go of files and connections; temporary files are removed."""


def require_names(names: Sequence[str], where: str) -> None:
    """Check the names of a delivery's columns.

    Raises
    ------
    Mistake
        When one is empty, comes twice, begins like those of Loopline's own columns, or has a NUL character, which ends the process in Arrow's
        interface between libraries.
    """
    for name in names:
        if name.startswith(OWN):
            raise Mistake(f"the column name {name!r} begins like Loopline's own columns", where=where, remedy=f"take the {OWN} away from its beginning")
        if "\0" in name:
            raise Mistake(
                f"the column name {name!r} has a NUL character", where=where, remedy="mend the name; if the text is UTF-16 or the like, say its encoding"
            )
        if not name.strip():
            raise Mistake("a column has no name", where=where, remedy="give each column a name")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise Mistake(f"the delivery names {twice!r} {list(names).count(twice)} times", where=where, remedy="give each column a name of its own")


def whole(reading: Reading, *, limit: int | None = None) -> Chunk:
    """All records of a delivery as one chunk, or the first chunks with at least `limit` records; for what fits into memory."""
    parts: list[Chunk] = []
    for chunk in reading.chunks():
        parts.append(chunk)
        if limit is not None and sum(part.read for part in parts) >= limit:
            break
    if len(parts) < 2:
        return parts[0] if parts else nothing(reading)
    ends = list(accumulate(part.frame.height for part in parts))

    def raw(places: Sequence[int]) -> list[str]:
        said = []
        for place in places:
            part = bisect_right(ends, place)
            said += parts[part].raw([place - (ends[part - 1] if part else 0)])
        return said

    return Chunk(pl.concat([part.frame for part in parts], how="vertical_relaxed"), tuple(refusal for part in parts for refusal in part.refused), raw)


def nothing(reading: Reading) -> Chunk:
    """A chunk without records, with the delivery's columns."""
    return Chunk(pl.DataFrame(schema={**reading.columns, LINE: pl.Int64()}), (), lambda places: [])


def bytes_of(path: Path) -> bytes:
    """The bytes of a file that a person names.

    Raises
    ------
    Mistake
        When there is no such file, it is a folder, or it is empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise Mistake("this is a folder, not a file", where=str(path), remedy="name a file in it") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(path), remedy="check its permissions") from None
    if not data:
        raise Mistake("the file is empty", where=str(path), remedy="give a file with a header and rows, or take it away")
    return data
