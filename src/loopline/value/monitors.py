"""Monitors of the business: what the charter says does not hold, on what happened.

Each is pure, and finds its breaches in what a review is made from, so that there is one judge. The review hands them on, and the watch stage's look at the
machinery raises them (`loopline.watch.machinery.judged`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from loopline.declaration import figure
from loopline.value.case import Case
from loopline.value.pace import pace
from loopline.value.realised import realise
from loopline.value.rules import too_early
from loopline.watch.monitors.watched import Breach

SURE = 0.99
"""How sure an alert is, at the least: a review may say at nine in ten what nobody has to be called for."""
MATERIAL = 0.1
"""By so much of what is chartered the volume must differ."""


def worth_target(case: Case) -> list[Breach] | None:
    """What the champion adds in a year at this rate is surely below the charter's target, a sum per year.

    `loopline.watch.monitors.earning.worth_promised` holds each decision against what was promised on the test part: a model may keep that promise and
    yet miss the target, where less was promised than is asked for. A year has as many decisions as the charter says, else as they came: that fewer come
    than chartered is what `volume_chartered` tells.
    """
    target = case.charter.target
    own = realise([window for window in case.windows if window["package"] == case.champion], case.charter, confidence=SURE)
    yearly = None if own is None else own.yearly
    if target is None or yearly is None or yearly.low is None or yearly.high is None or too_early(case) is not None:
        return None
    if yearly.high >= target.per_year:
        return []
    says = f"it adds {case.money(yearly.mean)} a year at this rate ({figure(yearly.low)} to {figure(yearly.high)}), and the target is {target}"
    return [Breach(monitor="worth_target", role="business", says=says, value=yearly.mean, limit=target.per_year)]


def criterion(case: Case) -> list[Breach] | None:
    """Acceptance criteria that do not hold on the outcomes that came, each by itself, as `loopline.value.criteria` judges them."""
    told = [one for one in case.criteria if one.passed is not None]
    broken = [one for one in told if not one.passed]
    return [_broken(one.id, f"criterion {one.name} does not hold: {one.says}", one.value, one.threshold) for one in broken] if told else None


def _broken(id: str, says: str, value: float | None, limit: float | None) -> Breach:
    return Breach(monitor="criterion", feature=id, role="business", says=says, value=value or 0.0, limit=limit or 0.0)


def volume_chartered(case: Case) -> list[Breach] | None:
    """Decisions come otherwise than the charter's volume says, in either direction: the whole interval of their pace (`loopline.value.pace`) differs
    from it by `MATERIAL` or more.
    """
    said = case.charter.volume
    found = pace(case.windows, until=case.until, confidence=SURE)
    if said is None or said.per_year <= 0 or found is None:
        return None
    if found.high > said.per_year * (1 - MATERIAL) and found.low < said.per_year * (1 + MATERIAL):
        return []
    low, mean, high = (figure(value * said.amount / said.per_year) for value in (found.low, found.per_year, found.high))
    says = f"{mean} decisions come per {said.period} ({low} to {high}, by {found.weeks} weeks), and {figure(said.amount)} are chartered"
    return [Breach(monitor="volume_chartered", role="business", says=says, value=found.per_year, limit=said.per_year)]


Monitor = Callable[[Case], "list[Breach] | None"]
MONITORS: tuple[Monitor, ...] = (worth_target, criterion, volume_chartered)


def judged(case: Case) -> dict[str, list[dict[str, Any]] | None]:
    """What every monitor found, by its name, as plain values; None where it could not judge."""
    looks = {monitor.__name__: monitor(case) for monitor in MONITORS}
    return {name: None if found is None else [{**asdict(breach), "features": list(breach.features)} for breach in found] for name, found in looks.items()}
