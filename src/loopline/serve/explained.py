"""Reasons outside the server: of one row that somebody gives, with what it does not say looked up in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.model.reasons import Explained
from loopline.serve.batch import check
from loopline.serve.filled import filled
from loopline.serve.scorer import Scorer

NO_REASONS = "has no rows to tell reasons with"
"""What a package lacks that was imported as a bare graph."""


def typed(scorer: Scorer, lake: Lake, row: Mapping[str, Any], *, where: str = "") -> dict[str, list[Any]]:
    """A row of JSON values as columns of one typed value each, with what it does not say looked up.

    Raises
    ------
    Mistake
        When a field is not as the signature wants it.
    """
    known = {name: value for name, value in row.items() if name in scorer.signature.names}
    foreign = sorted(set(row) - set(known))
    if foreign or not known:
        what = f"the package does not know {', '.join(foreign)}" if foreign else "the row is empty"
        raise Mistake(what, where=where, remedy=f"its columns are: {', '.join(scorer.signature.names)}")
    if not scorer.lookups.all:
        return scorer.typed(known)
    sheet = filled(check(scorer.signature, pl.DataFrame([known], strict=False), where=where), scorer, lake, where=where)
    if sheet.reasons:
        raise Mistake("; ".join(sheet.reasons[0]), where=where, remedy="mend the field")
    return {name: [value] for name, value in sheet.typed.row(0, named=True).items()}


def told(scorer: Scorer, found: Explained, count: int, *, id: str | None = None) -> dict[str, Any]:
    """A score with its strongest reasons as plain values; ``rest`` is what all other columns add, so that the sum is the score."""
    rest = found.score - found.base - sum(reason.effect for reason in found.reasons[:count])
    return {"package": scorer.package, "id": id, "score": found.score, "base": found.base, "reasons": found.strongest(count), "rest": rest}
