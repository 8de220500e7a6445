"""A delivery on its way in: its columns, and its records chunk by chunk; what every reader gives, and all that the contract sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from loopline.data.spec import ColumnType


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
    """

    frame: pl.DataFrame
    refused: tuple[Refusal, ...]
    raw: Callable[[Sequence[int]], list[str]]

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
