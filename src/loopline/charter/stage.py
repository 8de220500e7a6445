"""The charter stage: the study, and go or no-go."""

from __future__ import annotations

from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.engine.step import Facts, Halt, Step, Steps, brief_digest
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.workspace import Ask

MEASURING = ("ingest", "join")
"""The data stage's steps that look at the outcomes: the second one where the main table has lookups."""
SOUNDING = ("model", "sounding")
"""The model stage's step that tells what each way to decide earns, before the search."""
READS = ("predict", "positive", "task", "volume", "worth", "target", "budget")


def steps(spec: CharterSpec, ask: Ask) -> Steps:
    """The study; a no-go halts unless a named person has overridden this very charter.

    The outcomes come from the data stage's newest facts: before there are any for these prices and this target, the study is
    provisional, and it is made again once they are read.
    """
    data, sounding = _measured(spec, ask.state), _sounded(spec, ask.state)
    facts = yield Step(
        stage="charter",
        name="study",
        function="loopline.charter.study:run",
        reads=spec.fields(*READS),
        # A project without a sounding keeps the key that its study has.
        inputs={"outcome": data.get("outcome"), "task": data.get("task"), **({"sounding": sounding} if sounding else {})},
        rooms=("charter", "expression", "declaration.py"),
    )
    override = ask.state.overrides.get("charter")
    if facts["verdict"] == "no-go":
        if override is None or override.key != facts["binds"]:
            why = "no-go: " + "; ".join(facts["reasons"])
            yield Halt(state="failed", why=why, role="business", next="loopline charter override --by NAME --why REASON")
        else:
            facts = {**facts, "says": f"{facts['says']} (overridden by {override.actor}: {override.body['why']})"}
    return facts


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
