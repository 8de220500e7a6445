"""An effect that the expert refuses, held against the columns that the data have now."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.data.spec import DataSpec
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.state import State
from loopline.model.constraints import refusal
from loopline.model.packages import named
from loopline.model.spec import Hold


def refused(column: str, *, hold: Hold, by: str, why: str, state: State, charter: CharterSpec, data: DataSpec) -> Draft:
    """The draft of the entry in which what the newest package makes of a column is refused.

    Raises
    ------
    Mistake
        When there is no such column, it has no direction, the reason is empty, or there is nothing to refuse yet.
    """
    # What was taken in, and what was joined to it.
    joined = state.facts("data", "join") if data.lookups else None
    facts = {**(state.facts("data", "ingest") or {}), **(joined or {})}
    if "columns" not in facts:
        raise Mistake("no data has been taken in yet", remedy="loopline run --until model")
    types = {one["name"]: one["type"] for one in facts["columns"] if one["use"]}
    package = named(state, None)
    return refusal(column, hold=hold, by=by, why=why, types=types, task=facts["task"], kept=(charter.predict, *facts["key"]), parents=(package.id,))
