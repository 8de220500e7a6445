"""The charter stage: the study, and go or no-go."""

from __future__ import annotations

from datetime import date
from typing import Any

from loopline.charter.binding import bound_once, read
from loopline.charter.override import SUBJECT, Override, no_go
from loopline.charter.prices import of_charter
from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.charter.statement import stated
from loopline.engine.step import Facts, Halt, Step, Steps, brief_digest
from loopline.ledger.entry import Entry, now
from loopline.ledger.state import State
from loopline.workspace import Ask

MEASURING = ("ingest", "join")
"""The data stage's steps that look at the outcomes: the second one where the main table has lookups."""
SOUNDING = ("model", "sounding")
"""The model stage's step that tells what each way to decide earns, before the search."""


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
    data, sounding = _measured(spec, ask.state), _sounded(spec, ask.state)
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
        yield Halt(state="failed", why=why, role="business", next="loopline charter override --by NAME --why REASON", about=facts["binds"])
    elif facts["verdict"] == "no-go":
        goes_on = said is not None and said.holds(facts, day)
        told = (
            f"{facts['says']} ({said.says(facts, day)})" if said is not None and goes_on else f"go on to the data; as far as is stated it is a {facts['says']}"
        )
        facts = {**facts, "says": told}
    if awaits is not None:
        yield awaits
    return facts


def _decides(state: State) -> dict[str, bool]:
    """That a model decides already, as the study's input, where one does: what it took to build is spent."""
    return {} if state.champion is None else {"decides": True}


def _priced(spec: CharterSpec, ask: Ask) -> dict[str, Any]:
    """The price book as the study's input, where the charter names one."""
    book = of_charter(spec, ask.folder)
    return {} if book is None else {"book": stated(book)}


def _measured(spec: CharterSpec, state: State) -> Facts:
    """The data stage's newest facts, where they were made for this target and these prices; else none."""
    measured = [entry for entry in (state.latest.get(("data", name)) for name in MEASURING) if entry is not None and "outcome" in entry.body["facts"]]
    return _made_for(spec, max(measured, key=lambda entry: entry.seq, default=None))


def _sounded(spec: CharterSpec, state: State) -> Facts:
    """The newest sounding, where it was made for this target and these prices; else none."""
    return _made_for(spec, state.latest.get(SOUNDING))


def _made_for(spec: CharterSpec, newest: Entry | None) -> Facts:
    """A step's facts, where they were made for what is declared now."""
    if newest is None:
        return {}
    present = {name: brief_digest(value) for name, value in spec.fields(*MEASURED_FOR).items()}
    facts: Facts = newest.body["facts"]
    return facts if present.items() <= newest.body["made_from"]["reads"].items() else {}
