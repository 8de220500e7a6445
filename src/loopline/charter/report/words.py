"""The study's facts in words: names of alternatives, amounts, and what would change the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline.charter.evidence import ALWAYS, MEASURED
from loopline.declaration import counted, figure

NAMES = {
    "nothing": "Do nothing",
    "always": "Always act",
    "present": "As it is done today",
    "rule": "A simple rule, found in the data",
    "break_even": "A model that just pays for itself",
    "model": "A model, as good as expected",
    "perfect": "A model that is never wrong",
}
"""How the alternatives are called."""
_FOR_ALL = {"multiclass": "Always say the same class", "regression": "Always say the same number"}
"""How the best decision for all is called where nobody acts."""
_FOREVER = 1200.0
"""Months after which nobody waits for a payback any more."""


def named(name: str | None, task: str | None) -> str:
    """What an alternative is called.

    >>> named("always", "binary"), named("always", "regression"), named("model", None)
    ('Always act', 'Always say the same number', 'A model, as good as expected')
    """
    return _FOR_ALL[task] if name == ALWAYS and task in _FOR_ALL else NAMES.get(name or "", (name or "").replace("_", " "))


def amount(found: Mapping[str, float | None] | None, unit: str = "") -> str:
    """The expected value of an amount; a dash where there is none."""
    value = None if found is None else found["value"]
    return "-" if value is None else f"{figure(value)}{unit and ' '}{unit}"


def adds(one: Mapping[str, Any]) -> Mapping[str, float | None] | None:
    """What an alternative adds in a year above the best decision for all, as a target counts it; above what is done today where that is not known."""
    found: Mapping[str, float | None] | None = one.get("above_constant") or one.get("added")
    return found


def between(found: Mapping[str, float | None] | None) -> str:
    """The ends of an amount's interval; empty where it has none, or no width."""
    if found is None or found["low"] is None or found["high"] is None or found["low"] == found["high"]:
        return ""
    return f"{figure(found['low'])} to {figure(found['high'])}"


def share(chance: float | None) -> str:
    """A chance in words that do not claim to be surer than draws can be."""
    if chance is None:
        return "-"
    return "over 99%" if chance > 0.99 else "under 1%" if chance < 0.01 else f"{chance:.0%}"


def payback(found: Mapping[str, float | None] | None) -> str:
    """When what was put in has come back."""
    if found is None:
        return "-"
    value = found["value"]
    if value is None or value > _FOREVER:
        return "never"
    return "at once" if value == 0 else "within a month" if value < 1 else counted(round(value), "month") if value < 36 else f"{value / 12:.1f} years"


def quantity(value: float, assumption: Mapping[str, Any], currency: str) -> str:
    """A value of an assumption in its unit."""
    unit = assumption["unit"]
    # What rounding leaves of nothing is nothing.
    value = 0.0 if abs(value) < 1e-9 else value
    if unit == "%":
        return f"{value:.3g}" if value > 1 else f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"
    if unit == "money" or assumption["name"] == MEASURED:
        return f"{figure(value)} {currency}"
    return f"{figure(value)}{unit and ' '}{unit}"


def turn(bar: Mapping[str, Any], task: str | None, currency: str) -> str:
    """At which value of an assumption another alternative becomes the better choice, in a sentence; empty where at none."""
    if bar["turns_at"] is None:
        return ""
    side = "or less" if bar["turns_at"] < bar["middle"] else "or more"
    where = "within its range" if bar["is_within"] else "outside of its range"
    what = "what the model adds to each decision above the best choice without one" if bar["name"] == MEASURED else bar["says"]
    said = f"{what}: at {quantity(bar['turns_at'], bar, currency)} {side}, the better choice would be: {named(bar['turns_to'], task).lower()} ({where})"
    return said[:1].upper() + said[1:]
