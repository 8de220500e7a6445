"""When an experiment ends by itself: rules are small named functions in a list, and the first that speaks ends it. Pure, and light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from loopline.declaration import figure


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the rules look at.

    Parameters
    ----------
    arms
        From each arm's name to its package (empty where it has none of its own), the control first.
    package
        The package that decided when it began; empty where what decides has no part in it, as in one on a feature.
    champion
        The package that decides now.
    units, until
        The units that were planned for, and the last day; None where the plan names none.
    withdrawn
        Why a package of it may decide no more; empty where each still may.
    found, trouble
        What it shows as `loopline.value.experiment.analysis.Analysis.as_json` writes it, or None and why nothing can be told.
    """

    arms: Mapping[str, str]
    package: str
    champion: str | None
    units: int | None
    until: date | None
    today: date
    withdrawn: str = ""
    found: Mapping[str, Any] | None
    trouble: str = ""

    @property
    def measured(self) -> int:
        """Units that have been measured, of all arms."""
        return 0 if self.found is None else sum(self.found["units"].values())


@dataclass(frozen=True)
class Ending:
    """Why an experiment ends, by which rule, and the arm that has won; empty where none has."""

    rule: str
    winner: str
    why: str


Rule = Callable[[Seen], Ending | None]


def withdrawn(seen: Seen) -> Ending | None:
    """A package of it may decide no more."""
    return Ending("withdrawn", "", seen.withdrawn) if seen.withdrawn else None


def unreadable(seen: Seen) -> Ending | None:
    """A package of it can no longer be read, so that nothing can ever be told."""
    return Ending("unreadable", "", seen.trouble) if seen.found is None else None


def invalid(seen: Seen) -> Ending | None:
    """The split is not the one that was planned; no more units mend that."""
    if not seen.found or seen.found["state"] != "invalid":
        return None
    return Ending("invalid", "", f"nothing can be told: {seen.found['mismatch']}; see that every arm is asked for and measured alike, then begin another")


def decided(seen: Seen) -> Ending | None:
    """The evidence tells: an arm has won, or none can be worth it."""
    found = seen.found
    return Ending("decided", found["winner"], found["says"]) if found and found["state"] in ("winner", "control") else None


def harmed(seen: Seen) -> Ending | None:
    """An arm surely loses, or surely harms what is guarded, while others are open still: whoever is given it pays for it."""
    losses = [arm["harm"] for arm in seen.found["arms"] if arm["harm"]] if seen.found else []
    if not losses:
        return None
    return Ending("harmed", "", f"{'; '.join(losses)}; to go on with the others, begin another experiment without it")


def replaced(seen: Seen) -> Ending | None:
    """Another package decides than the one that it began with, so that no row is split any more."""
    if not seen.package or seen.champion == seen.package:
        return None
    arm = next((name for name, package in seen.arms.items() if package and package == seen.champion), "")
    if arm:
        return Ending("replaced", arm, f"{arm} decides already")
    now = f"{seen.champion[:8]} decides now" if seen.champion else "no package decides now"
    return Ending("replaced", "", f"{now}, and it began with {seen.package[:8]}")


def as_planned(seen: Seen) -> Ending | None:
    """As many units have come as were planned: a difference that is worth finding would have shown by now, as surely as was asked for."""
    if seen.units is None or seen.measured < seen.units:
        return None
    return Ending("as_planned", "", f"undecided after {seen.measured:,} units, of {seen.units:,} that were planned{_left_open(seen.found)}")


def last_day(seen: Seen) -> Ending | None:
    """Its last day is over."""
    if seen.until is None or seen.today <= seen.until:
        return None
    planned = "" if seen.units is None else f" of {seen.units:,} that were planned"
    why = f"undecided when its last day, {seen.until}, was over: {seen.measured:,} units{planned} were measured{_left_open(seen.found)}"
    return Ending("last_day", "", why)


RULES: tuple[Rule, ...] = (withdrawn, unreadable, invalid, decided, harmed, replaced, as_planned, last_day)


def ruled(seen: Seen) -> Ending | None:
    """The end of the first rule that speaks; None while the experiment goes on."""
    return next((ending for rule in RULES if (ending := rule(seen)) is not None), None)


def _left_open(found: Mapping[str, Any] | None) -> str:
    """Within what each difference lies, where that is known."""
    known = [one for one in found["arms"] if one["low"] is not None] if found else []
    return "".join(f"; {one['arm']} brings {figure(one['low'])} to {figure(one['high'])} more {one['metric']} a unit" for one in known)
