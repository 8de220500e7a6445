"""One refused row: its cells beside what the contract wants, what was done to it, and what is done next: try, mend, replay, discard, take up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from loopline.access.people import reason as given_reason
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.dossier import dossier
from loopline.data.quarantine.mending import Tried, mend, tried
from loopline.data.quarantine.mends import told
from loopline.data.quarantine.quarantine import Filter, one
from loopline.data.quarantine.replay import replay
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.page import Action, Done, Form, Missing, Page, Stale
from loopline.web.pages.data.cells import WHOLE, Cell, cell, cells, plain
from loopline.web.pages.data.shown import ROWS, about, table_of, writing

FIELD = "cell."
"""How the names of the fields begin that hold cells."""
_LONGEST = 6000
"""So many characters of tried cells go into an address."""
_INPUTS = 60
"""So many cells can be typed over at once; of more columns those that are wrong come first."""


@dataclass(frozen=True)
class Typed:
    """A column of the row.

    Parameters
    ----------
    value
        What the field holds: the cell as it is by now, or as it was tried.
    was, now
        The cell as it was delivered, and as it was mended.
    """

    column: str
    was: Cell
    now: Cell | None
    wants: str
    is_wrong: bool
    value: str
    is_typed: bool

    @property
    def is_typable(self) -> bool:
        """Whether a field can hold it."""
        return len(self.value) <= WHOLE


@dataclass(frozen=True)
class Row:
    """What the page shows; `tried` is what the contract would say of the cells that were typed.

    Parameters
    ----------
    why, replays
        What was typed and chosen beside the cells that were tried.
    """

    title: str
    said: Mapping[str, Any]
    id: str
    columns: tuple[Typed, ...]
    tried: Tried | None
    seen: str
    why: str = ""
    replays: bool = True
    sees_rows: bool = True

    @property
    def waits(self) -> bool:
        """Whether something can be done about it."""
        return self.said["state"] in ("refused", "merged")

    @property
    def typed(self) -> tuple[Typed, ...]:
        """The columns that can be typed over: wrong ones first, then in their order."""
        ordered = sorted((one for one in self.columns if one.is_typable), key=lambda one: not (one.is_wrong or one.is_typed))
        return tuple(ordered[:_INPUTS])

    @property
    def raw(self) -> Cell:
        """The record as it came."""
        return cell(self.said["raw"], WHOLE)

    @property
    def fields(self) -> tuple[Cell, ...]:
        """What a record falls into that could not be cut into columns."""
        return cells(self.said["fields"])

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them; long texts are cut."""
        texts = {"raw": plain(self.said["raw"], WHOLE), "fields": [plain(one, WHOLE) for one in self.said["fields"]]}
        of_row = [{**one, "cell": plain(one["cell"], WHOLE), "mended": plain(one["mended"], WHOLE)} for one in self.said["cells"]]
        times = {name: None if (at := self.said[name]) is None else at.isoformat() for name in ("time", "moved")}
        attempt = None if self.tried is None else {"changed": dict(self.tried.changed), "reasons": list(self.tried.reasons)}
        return {**self.said, **texts, **times, "cells": of_row, "tried": attempt}


def view(current: Current, asked: Asked) -> Row:
    """All that is known of the row, and what the contract would say of the cells behind the question mark."""
    row = _row(current, asked)
    said = dossier(current.workspace, current.project.declaration.data, row)
    given = _given(asked.query)
    attempt = tried(current.workspace, current.project.declaration.data, row, given) if given and said["state"] in ("refused", "merged") else None
    columns = tuple(_typed(one, given) for one in said["cells"])
    beside = ("", True) if attempt is None else (asked.query.get("why", ""), "replay" in asked.query)
    return Row(f"Refused row {said['id']}", said, asked.path["id"], columns, attempt, _stands(current, row), *beside)


def _typed(one: Mapping[str, Any], given: Mapping[str, str]) -> Typed:
    name, now = one["column"], one["mended"] if one["is_mended"] else one["cell"]
    value = given.get(name, now or "")
    mended = cell(one["mended"], WHOLE) if one["is_mended"] else None
    return Typed(name, cell(one["cell"], WHOLE), mended, one["wants"], one["wrong"], value, name in given)


def _row(current: Current, asked: Asked) -> dict[str, Any]:
    """The row of the address.

    Raises
    ------
    Missing
        When there is none.
    """
    table = table_of(current, asked, sources=True)
    try:
        return one(Tables(current.workspace.lake), current.project.declaration.data, asked.path["id"], table=table)
    except Mistake as mistake:
        raise Missing(mistake.what, where=mistake.where, remedy="choose it in the quarantine") from None


def _given(said: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(FIELD): value for name, value in said.items() if name.startswith(FIELD) and name != FIELD}


def _changed(current: Current, row: Mapping[str, Any], form: Form) -> dict[str, str]:
    """The cells of a form that its reader typed over: browsers send the ends of lines, and what no text may hold, otherwise than they were given."""
    said = dossier(current.workspace, current.project.declaration.data, row)["cells"]
    known = {one["column"]: _as_sent((one["mended"] if one["is_mended"] else one["cell"]) or "") for one in said}
    return {name: _ends(value) for name, value in _given(form).items() if _as_sent(value) != known.get(name)}


def _ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_sent(text: str) -> str:
    return _ends(text).replace("\0", "\ufffd")


def _stands(current: Current, row: Mapping[str, Any]) -> str:
    """The row as it stands, in a word: its state, its reasons, and all that was said of it."""
    said = told(Tables(current.workspace.lake), row["table"], row["batch"])
    mine = [(time.isoformat(), by) for line, time, by in said.select("line", "time", "by").iter_rows() if line == row["line"]]
    return seen_of(row["state"], row["moved"], row["reasons"], mine)


def _seen(current: Current, asked: Asked, form: Form) -> str:
    return _stands(current, _row(current, asked))


def _here(asked: Asked) -> str:
    return f"/data/quarantine/{asked.path['table']}/{asked.path['id']}"


def _own(row: Mapping[str, Any]) -> Filter:
    return Filter(table=row["table"], ids=(f"{row['batch']}:{row['line']}",))


def check(current: Current, asked: Asked, form: Form) -> Done:
    """What the contract would say of the cells that were typed; nothing is kept."""
    row = _row(current, asked)
    found = tried(current.workspace, current.project.declaration.data, row, _changed(current, row, form))
    if not found.changed:
        raise Mistake("no cell says something else than it does by now", remedy="type over a cell, then check it")
    says = f"It would still be refused: {'; '.join(found.reasons)}." if found.reasons else "The contract would accept it. Nothing is kept yet."
    words = {f"{FIELD}{name}": value or "" for name, value in found.changed.items()}
    address = urlencode({**words, **{name: form[name] for name in ("why", "replay") if form.get(name)}})
    if len(address) > _LONGEST:
        raise Mistake(f"what you typed has more than {_LONGEST:,} characters, which are not checked beside the page", remedy="mend the row: it is checked then")
    return Done(says, f"{_here(asked)}?{address}")


def mend_one(current: Current, asked: Asked, form: Form) -> Done:
    """Keep the cells that were typed; where the reader asks for it and the contract accepts the row, it enters its table at once."""
    row, data = _row(current, asked), current.project.declaration.data
    given = _changed(current, row, form)
    key = (row["table"], row["batch"], row["line"])
    before = _stands(current, row)
    with writing(current):
        _require_same(current, asked, before)
        done = mend(current.workspace, data, {key: given}, by=asked.reader.name, why=form.get("why", "").strip())
        if not done.rows:
            raise Mistake("no cell has changed, and nothing was done", remedy="type over a cell, or discard the row")
        if done.would_enter and form.get("replay"):
            entered = replay(current.workspace, data, _own(row), by=asked.reader.name, why=form.get("why", "").strip())
            return Done("Mended and accepted: the row is in its table." if entered.accepted else "Mended, and it has not entered its table.", _here(asked))
    reasons = "; ".join(done.reasons)
    return Done(f"Mended; it is still refused: {reasons}." if reasons else "Mended; the contract accepts it now. A replay takes it in.", _here(asked))


def replay_one(current: Current, asked: Asked, form: Form) -> Done:
    """Put the row through the contract again; of a discarded one this takes it up again."""
    row = _row(current, asked)
    before, own = _stands(current, row), _own(row)
    chosen = Filter(table=own.table, ids=own.ids, states=("refused", "merged", "discarded"))
    with writing(current):
        _require_same(current, asked, before)
        done = replay(current.workspace, current.project.declaration.data, chosen, by=asked.reader.name, why=form.get("why", "").strip())
    if done.accepted:
        return Done("Accepted: the row is in its table.", _here(asked))
    said = "; ".join(done.reasons)
    return Done(f"It waits, and is refused: {said}." if said else "It has not entered: a later delivery has its key.", _here(asked))


def discard_one(current: Current, asked: Asked, form: Form) -> Done:
    """Give the row up, with the reason."""
    row, why = _row(current, asked), given_reason(form.get("why", ""))
    before = _stands(current, row)
    with writing(current):
        _require_same(current, asked, before)
        done = discard(current.workspace, current.project.declaration.data, _own(row), by=asked.reader.name, why=why)
    return Done("Discarded; it can be taken up again." if done.rows else "It does not wait: nothing was done.", _here(asked))


def _require_same(current: Current, asked: Asked, before: str) -> None:
    """Check, under the lease, that nobody was quicker.

    Raises
    ------
    Stale
        When somebody was.
    """
    if _stands(current, _row(current, asked)) != before:
        raise Stale(())


_PATH = "/data/quarantine/{table}/{id}"
PAGES = (Page("data refused row", _PATH, view, "data/refused.html.j2", ROWS),)
ACTIONS = (
    Action(f"{_PATH}/check", check, ROWS),
    Action(f"{_PATH}/mend", mend_one, ROWS, _seen, about),
    Action(f"{_PATH}/replay", replay_one, ROWS, _seen, about),
    Action(f"{_PATH}/discard", discard_one, ROWS, _seen, about),
)
