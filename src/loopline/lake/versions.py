"""What is said of a table's versions and of the writes that made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TableVersion:
    """One version of a table.

    Parameters
    ----------
    id
        The table's own identity, which stays when its content changes.
    rows
        How many rows it has.
    """

    name: str
    id: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What a write did.

    Parameters
    ----------
    version
        The table's version after it.
    added, changed, removed
        How many rows.
    repeated
        Whether the batch was in the table already, so that nothing was done.
    """

    version: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a table's history."""

    version: int
    time: datetime
    operation: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
