"""Which arm of a feature's experiment a unit belongs to, as clients ask for it, and what they tell later of what it brought."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from loopline.serve.answers import Refusal
from loopline.serve.experiments import Experiment, is_assignment
from loopline.serve.outcomes import LONGEST, Malformed
from loopline.serve.signature import describe, is_text

OUTCOME = "outcome"
"""The name of what is measured where none is said."""
_ASKED = frozenset({"experiment", "unit", "prior"})
_TOLD = frozenset({"id", "outcome", "metric"})


@dataclass(frozen=True, slots=True)
class Assigned:
    """A unit's arm.

    Parameters
    ----------
    arm
        None for a unit that takes no part.
    id
        By which outcomes of the unit are told; None where nothing is kept, since it takes no part or the experiment has ended.
    prior
        What the unit brought before the experiment began, where the client says so.
    """

    experiment: Experiment
    unit: str
    arm: str | None
    id: str | None
    prior: float | None

    @classmethod
    def of(cls, experiment: Experiment, unit: str, prior: float | None = None) -> Assigned:
        """The arm of a unit, always the same."""
        arm = experiment.arm_of(unit)
        return cls(experiment, unit, arm, experiment.id_of(unit) if experiment.is_running and arm is not None else None, prior)

    def answer(self) -> dict[str, Any]:
        """What the client is told."""
        return {"experiment": self.experiment.name, "unit": self.unit, "arm": self.arm, "id": self.id, "running": self.experiment.is_running}

    def record(self, now: str) -> dict[str, Any] | None:
        """Its record in the log, without the unit; None where nothing is kept."""
        return None if self.id is None else {"id": self.id, "time": now, "experiment": self.experiment.id, "arm": self.arm, "prior": self.prior}


class Features:
    """The experiments on features as they are now: looked up when they are asked for, at most once a second.

    Parameters
    ----------
    find
        Every experiment on a feature, running or ended.
    """

    def __init__(self, find: Callable[[], Sequence[Experiment]], *, every_s: float = 1.0) -> None:
        self._find = find
        self._every_s = every_s
        self._looked_s = -math.inf
        self._known: Mapping[str, Experiment] = {}

    def look(self) -> Mapping[str, Experiment]:
        """The experiments by their names."""
        if time.monotonic() - self._looked_s >= self._every_s:
            self._known = {one.name: one for one in self._find()}
            self._looked_s = time.monotonic()
        return self._known


def read_assign(item: object, at: int, known: Mapping[str, Experiment]) -> Assigned:
    """The arm that one item of a request's ``assign`` asks for.

    Raises
    ------
    Refusal
        When it names no experiment on a feature, or no unit.
    """
    where = f"assign[{at}]"
    if type(item) is not dict or set(item) - _ASKED:
        remedy = 'send {"experiment": "banner", "unit": "customer-17"}'
        raise Refusal(400, "it is no object with experiment, unit and perhaps prior", where=where, remedy=remedy)
    prior, unit = item.get("prior"), item.get("unit")
    if type(unit) is not str or not is_text(unit) or not 0 < len(unit) <= LONGEST:
        raise Refusal(400, f"the unit is {describe(unit)}", where=f"{where}.unit", remedy=f"send what is assigned as text of up to {LONGEST} characters")
    if prior is not None and not _is_number(prior):
        raise Refusal(400, f"the prior is {describe(prior)}", where=f"{where}.prior", remedy="send a number that was known before, or leave it out")
    name = str(item.get("experiment"))
    if name not in known:
        near = get_close_matches(name[:80], known, n=1)
        remedy = f"{near[0]!r} perhaps" if near else f"there are: {', '.join(known) or 'none'}; begin one with loopline value experiment start"
        raise Refusal(404, f"there is no experiment {ascii(name[:40])} on a feature", where=f"{where}.experiment", remedy=remedy)
    return Assigned.of(known[name], unit, None if prior is None else float(prior))


def is_measure(item: object) -> bool:
    """Whether an item of a request's ``outcomes`` tells of a unit that was assigned an arm, and not of a prediction."""
    return type(item) is dict and type(item.get("id")) is str and is_assignment(item["id"])


def read_measure(item: object, now: str) -> dict[str, Any] | Malformed:
    """The log's record of what a unit brought: a number, or true and false for 1 and 0; or why there is none."""
    assert type(item) is dict
    unknown = sorted(name[:80] for name in item if name not in _TOLD)
    if unknown:
        return Malformed(f"{ascii(unknown[0])[1:-1]}: there is no such field; expected one of: id, outcome, metric")
    value, metric = item.get("outcome"), item.get("metric", OUTCOME)
    if not _is_number(value) and type(value) is not bool:
        return Malformed(f"outcome: it is {describe(value)}; expected a number, true or false")
    if not is_text(metric) or not 0 < len(metric) <= LONGEST:
        return Malformed(f"metric: it is {describe(metric)}; expected the name of what is measured")
    if len(item["id"]) > LONGEST:
        return Malformed("id: it is too long; expected the id of an assignment")
    return {"id": item["id"], "metric": metric, "value": float(value or 0), "time": now}


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e300  # type: ignore[arg-type]
