"""The verdicts of gates in plain words: what each gate is called, what it asks, and what it found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.charter.meaning import amount, meaning
from loopline.charter.spec import CharterSpec
from loopline.declaration import figure
from loopline.expression.language import parse
from loopline.release.judgement import found, outcome

_TITLES = {
    "contract": "Rows within the contract",
    "data_tests": "Tests of the data",
    "beats_baseline": "Better than no model",
    "worst_slice": "The weakest part of the cases",
    "fairness": "Fairness between groups",
    "calibration": "Predictions that come true",
    "latency": "Time to answer",
    "memory": "Memory in use",
    "parity": "Released as it was trained",
    "signature": "Signature",
    "licences": "Licences of its libraries",
    "vulnerabilities": "Known weaknesses of its libraries",
    "budget": "Cost of making it",
    "where_to_run": "Cost of running it",
    "beats_champion": "Better than the model before",
}
_OF_CRITERION = "acceptance "

Gate = Mapping[str, Any]


@dataclass(frozen=True)
class Wording:
    """A gate's verdict in plain words.

    Parameters
    ----------
    outcome
        ``passed``, ``failed``, ``waived`` or ``not asked``.
    check
        What a criterion's gate checks, as the charter writes it; empty for other gates.
    value, limit
        Numbers; of a criterion as people read them.
    """

    name: str
    title: str
    outcome: str
    asked: str
    check: str
    found: str
    value: str | float | None
    limit: str | float | None

    @property
    def is_asked(self) -> bool:
        """Whether anything was declared to hold the package to."""
        return self.outcome != "not asked"


def worded(gate: Gate, charter: CharterSpec) -> Wording:
    """A verdict that is settled with its waivers in plain words."""
    name, asked = str(gate["name"]), str(gate.get("asked") or "")
    check = asked if name.startswith(_OF_CRITERION) else ""
    return Wording(
        name=name,
        title=title(name, charter),
        outcome=outcome(gate),
        asked=meaning(check, charter) if check else asked,
        check=check,
        found=_found(gate, check, charter),
        value=read(check, gate.get("value"), charter),
        limit=read(check, gate.get("threshold"), charter),
    )


def title(name: str, charter: CharterSpec) -> str:
    """What a gate is called; a criterion by what it says.

    >>> title("beats_baseline", CharterSpec(predict="late")), title("acceptance A1", CharterSpec(predict="late"))
    ('Better than no model', 'Criterion A1')
    """
    if not name.startswith(_OF_CRITERION):
        return _TITLES.get(name, name.replace("_", " ").capitalize())
    return _says(name, charter) or f"Criterion {name.removeprefix(_OF_CRITERION)}"


def read(check: str | None, value: float | None, charter: CharterSpec) -> str | float | None:
    """The number of a check as people read it: a share in per cent, money in its currency.

    >>> read("precision >= 0.5", 0.4829, CharterSpec(predict="late"))
    '48.29%'
    """
    names = sorted(parse(check).names) if check else []
    return value if value is None or len(names) != 1 else amount(names[0], value, charter.worth.currency)


def _found(gate: Gate, check: str, charter: CharterSpec) -> str:
    """What was found, and who waived it; of a criterion without what it says and asks, which stand beside it."""
    said = found(gate)
    if not check:
        return said
    says = _says(str(gate["name"]), charter)
    said = said.removeprefix(f"{says}: " if says else "").replace(f"; asked for {check}", "", 1)
    names, value = sorted(parse(check).names), gate.get("value")
    if len(names) != 1 or value is None:
        return said
    return said.replace(f"{names[0]} is {figure(value)}", amount(names[0], value, charter.worth.currency), 1)


def _says(name: str, charter: CharterSpec) -> str:
    return next((one.says for one in charter.acceptance if one.id == name.removeprefix(_OF_CRITERION)), "")
