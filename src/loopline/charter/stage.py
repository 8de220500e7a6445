"""The charter stage: the study, and go or no-go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from loopline.charter.binding import binds, bound_once, read
from loopline.charter.override import GO_ON, SUBJECT, Override, no_go, refusing
from loopline.charter.prices import of_charter
from loopline.charter.spec import MEASURED_FOR, CharterSpec, WorthSpec
from loopline.charter.statement import book_in_force, stated
from loopline.engine.step import Facts, Halt, Step, Steps, brief_digest
from loopline.ledger.entry import Entry, now
from loopline.ledger.state import State
from loopline.workspace import Ask

MEASURING = ("ingest", "join")
"""The data stage's steps that look at the outcomes: the second one where the main table has lookups."""
SOUNDING = ("model", "sounding")
"""The model stage's step that tells what each way to decide earns, before the search."""
_OF_THE_TARGET = ("predict", "task", "positive")


def steps(spec: CharterSpec, ask: Ask, *, has_data: bool = True, awaits: Halt | None = None, today: date | None = None) -> Steps:
    """The study; a no-go halts unless a named person has overridden this very charter, and so does one that is not signed yet.

    The outcomes come from the data stage's newest facts: before there are any for these prices and this target, the study is
    provisional, and it is made again once they are read. A no-go that rests on nothing but what is stated is no reason not to look at data.

    Parameters
    ----------
    has_data
        Whether there are data to look at.
    awaits
        Who has to sign the charter as it stands, or has refused to; None where nobody is waited for.
    today
        The day by which an override is over; the present one by default.
    """
    data, sounding = measured(spec, ask.state), sounded(spec, ask.state)
    facts = yield Step(
        stage="charter",
        name="study",
        function="loopline.charter.study:run",
        reads=read(spec),
        # A project without a sounding keeps the key that its study has.
        inputs={
            "outcome": data.get("outcome"),
            "task": data.get("task"),
            **({"sounding": sounding} if sounding else {}),
            **_decides(ask.state),
            **_priced(spec, ask),
        },
        rooms=("charter", "expression", "declaration.py"),
    )
    day, said = today or now().date(), Override.of(ask.state.overrides.get(SUBJECT), facts["binds"], bound_once(spec))
    if why := no_go(facts, said, today=day, has_data=has_data):
        rests_on: Literal["data", "charter"] = "data" if has_data and "charter" not in refusing(facts).values() else "charter"
        yield Halt(state="failed", why=why, role="business", next=GO_ON, about=facts["binds"], rests_on=rests_on)
    elif facts["verdict"] == "no-go":
        goes_on = said is not None and said.holds(facts, day)
        told = (
            f"{facts['says']} ({said.says(facts, day)})" if said is not None and goes_on else f"go on to the data; as far as is stated it is a {facts['says']}"
        )
        facts = {**facts, "says": told}
    if awaits is not None:
        yield awaits
    return facts


def standing_no_go(spec: CharterSpec, state: State) -> str:
    """Why the newest study of this very charter stops the loop; empty where it does not, or there is none."""
    facts = state.facts("charter", "study")
    if facts is None or facts["binds"] != binds(read(spec), book_in_force(state.charters)):
        return ""
    said = Override.of(state.overrides.get(SUBJECT), facts["binds"], bound_once(spec))
    return no_go(facts, said, today=now().date(), has_data=True)


def _decides(state: State) -> dict[str, bool]:
    """That a model decides already, as the study's input, where one does: what it took to build is spent."""
    return {} if state.champion is None else {"decides": True}


def _priced(spec: CharterSpec, ask: Ask) -> dict[str, Any]:
    """The price book as the study's input, where the charter names one."""
    book = of_charter(spec, ask.folder)
    return {} if book is None else {"book": stated(book)}


def measured(spec: CharterSpec, state: State) -> Facts:
    """The data stage's newest facts, where they were made for this target and these prices; else none."""
    found = [entry for entry in (state.latest.get(("data", name)) for name in MEASURING) if entry is not None and "outcome" in entry.body["facts"]]
    return _made_for(spec, max(found, key=lambda entry: entry.seq, default=None))


def sounded(spec: CharterSpec, state: State) -> Facts:
    """The newest sounding, where it was made for this target and these prices; else none."""
    return _made_for(spec, state.latest.get(SOUNDING))


def sounded_at_other_prices(spec: CharterSpec, state: State) -> Mapping[str, Any] | None:
    """The newest sounding of this target, where it was made for other prices and tells how often each falls due; None where there is none.

    What it tells of a rule or a model is of one that was chosen for those prices: one that is chosen for these earns as much, or more.
    """
    newest = state.latest.get(SOUNDING)
    if newest is None or "means" not in newest.body["facts"]:
        return None
    facts: Mapping[str, Any] = newest.body["facts"]
    present = {name: brief_digest(value) for name, value in spec.fields(*_OF_THE_TARGET).items()}
    said = (spec.worth, WorthSpec.model_validate(facts["priced_at"]))
    is_told = all(not isinstance(price, str) for worth in said for name, price in worth if name != "currency") and said[0].tasks == said[1].tasks
    return facts if is_told and present.items() <= newest.body["made_from"]["reads"].items() else None


def _made_for(spec: CharterSpec, newest: Entry | None) -> Facts:
    """A step's facts, where they were made for what is declared now."""
    if newest is None:
        return {}
    present = {name: brief_digest(value) for name, value in spec.fields(*MEASURED_FOR).items()}
    facts: Facts = newest.body["facts"]
    return facts if present.items() <= newest.body["made_from"]["reads"].items() else {}
