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


def explain_row(scorer: Scorer, lake: Lake, row: Mapping[str, Any], *, where: str = "") -> Explained:
    """Why a row of JSON values would get its score.

    Raises
    ------
    Mistake
        When a field is not as the signature wants it, or the package tells no reasons.
    """
    known = {name: value for name, value in row.items() if name in scorer.signature.names}
    foreign = sorted(set(row) - set(known))
    if foreign or not known:
        what = f"the package does not know {', '.join(foreign)}" if foreign else "the row is empty"
        raise Mistake(what, where=where, remedy=f"its columns are: {', '.join(scorer.signature.names)}")
    if not scorer.lookups.all:
        return scorer.explain(known)
    sheet = filled(check(scorer.signature, pl.DataFrame([known], strict=False), where=where), scorer, lake, where=where)
    if sheet.reasons:
        raise Mistake("; ".join(sheet.reasons[0]), where=where, remedy="mend the field")
    typed = sheet.typed.row(0, named=True)
    return scorer.reasons({name: [value] for name, value in typed.items()})
