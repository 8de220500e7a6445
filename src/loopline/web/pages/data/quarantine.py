"""The refused rows: how many for which reason, page by page, and what is done to many of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import reason as given_reason
from loopline.data.quarantine.discards import discard
from loopline.data.quarantine.quarantine import QUARANTINE, STATES, Filter, Listing, listing
from loopline.data.quarantine.replay import replay
from loopline.data.quarantine.waiting import waiting
from loopline.declaration import counted
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.page import Action, Done, Form, Page
from loopline.web.pages.data.cells import Cell, cell, plain
from loopline.web.pages.data.shown import PER_PAGE, ROWS, Part, about, page_of, version_of, writing
from loopline.web.tasks import replayed
from loopline.web.work import Work

AT_ONCE = 500
"""So many rows are replayed while a reader waits; more are long work."""
_LEAST_DIGITS = 16
_REASONS = 40
_NAMES = ("table", "batch", "reason", "state")


@dataclass(frozen=True)
class Refused:
    """A row of the list."""

    table: str
    id: str
    file: str
    line: int
    state: str
    reasons: tuple[str, ...]
    raw: Cell


@dataclass(frozen=True)
class Quarantine:
    """What the page shows of the rows that are meant.

    Parameters
    ----------
    mended
        How many refused rows somebody said something of since, so that a replay may take them in.
    seen
        The quarantine as it is now.
    """

    title: str
    asked: Mapping[str, str]
    tables: tuple[str, ...]
    found: Listing
    part: Part
    mended: int
    seen: str
    sees_rows: bool = True

    @property
    def rows(self) -> tuple[Refused, ...]:
        """The rows of this page."""
        return tuple(
            Refused(
                one["table"],
                f"{one['batch'][:_LEAST_DIGITS]}:{one['line']}",
                one["source"],
                one["line"],
                one["state"],
                tuple(one["reasons"] or ()),
                cell(one["raw"]),
            )
            for one in self.found.shown
        )

    @property
    def reasons(self) -> tuple[tuple[str, int], ...]:
        """The reasons, most often first."""
        return tuple(self.found.reasons.items())[:_REASONS]

    @property
    def became(self) -> tuple[tuple[str, int], ...]:
        """What became of the rows that wait no more: the states, and how many are in each."""
        counts = ((state, sum(getattr(one, state) for one in self.found.batches)) for state in STATES[1:])
        return tuple((state, count) for state, count in counts if count)

    @property
    def nothing(self) -> str:
        """What is to be said where no row is meant."""
        if self.is_narrowed or self.asked["state"]:
            return "No refused row is meant."
        if not self.found.batches:
            return "Nothing was taken in yet, so that nothing is refused."
        if not all(one.is_even for one in self.found.batches):
            return "No row waits here, and yet not every record that was read is accounted for: the first data page has the balance."
        return "No row waits." if self.became else "The quarantine is empty: every record that was read is in its table."

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state says which rows are meant, so that they may be discarded together."""
        return bool(self.asked["table"] or self.asked["batch"] or self.asked["reason"])

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, as the command gives them; long texts are cut."""
        said = self.found.as_json()
        return {**said, "refused": [{**one, "raw": plain(one["raw"])} for one in said["refused"]], "page": self.part.page, "mended": self.mended}


def view(current: Current, asked: Asked) -> Quarantine:
    """The refused rows that are meant."""
    data = current.project.declaration.data
    page = page_of(asked)
    found = listing(current.workspace, data, _meant(asked.query), limit=PER_PAGE, skip=(page - 1) * PER_PAGE)
    said = {name: asked.query.get(name, "") for name in _NAMES}
    mended = waiting(Tables(current.workspace.lake)).mended
    return Quarantine("Quarantine", said, tuple(data.sources), found, Part(page, found.rows), mended, _seen(current, asked, {}))


def _meant(said: Mapping[str, str]) -> Filter:
    """The rows that a query or a form means.

    Raises
    ------
    Mistake
        When it names no state.
    """
    state = said.get("state") or "refused"
    if state not in (*STATES, "all"):
        raise Mistake(f"{state[:40]!r} is no state of a refused row", remedy=f"choose one of: {', '.join((*STATES, 'all'))}")
    table, batch, reason = (said.get(name, "").strip() or None for name in ("table", "batch", "reason"))
    return Filter(table=table, batch=batch, reason=reason, states=STATES if state == "all" else (state,))


def _seen(current: Current, asked: Asked, form: Form) -> str:
    return seen_of(*version_of(current, QUARANTINE))


def replay_many(current: Current, asked: Asked, form: Form) -> Done | Work:
    """Put mended rows through the contract again, or all that the form means."""
    chosen, why = Filter() if form.get("which") == "mended" else _meant(form), form.get("why", "").strip()
    data = current.project.declaration.data
    count = waiting(Tables(current.workspace.lake)).mended if chosen.is_open else listing(current.workspace, data, chosen, limit=1).rows
    if count > AT_ONCE:
        return replayed({name: getattr(chosen, name) for name in ("table", "batch", "reason", "states")}, why=why)
    with writing(current):
        done = replay(current.workspace, data, chosen, by=asked.reader.name, why=why)
    if not done.rows:
        return Done("No row is mended and waits: nothing was done.", "/data/quarantine")
    still = f", {counted(done.refused)} still refused" if done.refused else ""
    return Done(f"{done.accepted:,} of {counted(done.rows)} accepted{still}.", "/data/quarantine")


def discard_many(current: Current, asked: Asked, form: Form) -> Done:
    """Give up the rows that the form means, with the reason."""
    why, chosen = given_reason(form.get("why", "")), _meant(form)
    if not (chosen.table or chosen.batch or chosen.reason):
        raise Mistake("nothing says which rows are given up", remedy="choose a table, a batch or a reason first")
    with writing(current):
        done = discard(current.workspace, current.project.declaration.data, chosen, by=asked.reader.name, why=why)
    return Done(f"{counted(done.rows)} discarded." if done.rows else "No row that waits is meant: nothing was done.", "/data/quarantine")


PAGES = (Page("data quarantine", "/data/quarantine", view, "data/quarantine.html.j2", ROWS),)
ACTIONS = (Action("/data/quarantine/replay", replay_many, ROWS, _seen, about), Action("/data/quarantine/discard", discard_many, ROWS, _seen, about))
