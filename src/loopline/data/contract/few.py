"""Texts of which a column holds few different ones: each is judged once, and rows are told by the text that they hold; pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

_PROBE, _FEW = 4096, 256
_COMPARED = 6


def different(texts: pl.Series) -> pl.Series | None:
    """The different texts of a column, null among them; None where they are too many to be judged one by one."""
    if len(texts) < 2 * _PROBE or texts.head(_PROBE).n_unique() > _FEW:
        return None
    found = texts.unique()
    return found if len(found) <= _FEW else None


def one_of(name: str, texts: Sequence[str | None]) -> pl.Expr:
    """Whether a column holds one of some texts, or null where that is one of them; never null."""
    known = [text for text in texts if text is not None]
    column = pl.col(name)
    # A few comparisons take a tenth of the time of a look into a set.
    tests = [column == text for text in known] if len(known) <= _COMPARED else [column.is_in(known)]
    found = reduce(or_, tests).fill_null(False) if known else pl.lit(False)
    return found | column.is_null() if None in texts else found
