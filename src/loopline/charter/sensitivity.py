"""Which assumption matters most, and where the decision would turn: one assumption is moved at a time, the others stay at their middle. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.draws import REACH, Assumption, Floats, at
from loopline.charter.evidence import MEASURED, MODEL
from loopline.charter.prospect import Prospect

_FAR = 8.0
"""How many standard deviations from its middle an assumption is moved in search of where the choice turns: far beyond its range, for a range may be wrong."""
_STEPS = np.sort(np.append(np.linspace(-_FAR, _FAR, 641), [-REACH, REACH]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What an assumption does to the model's net present value.

    Parameters
    ----------
    at_low, at_high
        The net present value at the ends of its range.
    low, high, middle
        The ends of its range, and its middle: for what was measured, money per decision that the model earns above the best alternative without one.
    turns_at, turns_to
        The value nearest to the middle at which another alternative becomes the best, and which; None where none does, as far as can be imagined.
    is_within
        Whether that lies within the range.
    """

    assumption: Assumption
    low: float
    middle: float
    high: float
    at_low: float
    at_high: float
    turns_at: float | None
    turns_to: str | None
    is_within: bool

    def as_json(self) -> dict[str, Any]:
        """The bar as plain values."""
        ends = {"low": self.low, "middle": self.middle, "high": self.high, "at_low": self.at_low, "at_high": self.at_high}
        named = {"name": self.assumption.name, "says": self.assumption.says, "unit": self.assumption.unit}
        return {**named, **ends, "turns_at": self.turns_at, "turns_to": self.turns_to, "is_within": self.is_within}


@dataclass(frozen=True, slots=True)
class Turn:
    """Where moving one number turns the answer.

    Parameters
    ----------
    at
        The value nearest to where it stands at which another alternative becomes the best.
    to
        Which one.
    """

    at: float
    to: str


def turning(prospect: Prospect, name: str, values: Floats, stands: float) -> Turn | None:
    """Where the answer turns when one number alone is moved, the others at their middle; None where it does not along these values.

    Parameters
    ----------
    name
        Of an assumption or a price, as ``worth.act_wrong`` or ``volume``.
    values
        Along which it is moved, in their order.
    stands
        Where it stands.
    """
    along = np.unique(np.append(values, stands))
    accounts = prospect.accounts({name: along})
    npv = {one: np.broadcast_to(np.asarray(accounts[one].npv), along.shape) for one in prospect.choices if accounts[one].npv is not None}
    if not npv:
        return None
    names, middle = tuple(npv), int(np.searchsorted(along, stands))
    best = np.argmax(np.stack([npv[one] for one in names]), axis=0)
    turns = np.flatnonzero(best != best[middle])
    if not turns.size:
        return None
    nearest = int(turns[np.argmin(np.abs(along[turns] - stands))])
    return Turn(_crossing(npv, names, best, nearest, middle, along), names[int(best[nearest])])


def tornado(prospect: Prospect) -> list[Bar]:
    """A bar for each assumption, the widest first; none without a model or a volume."""
    still = prospect.accounts({})
    if MODEL not in still or still[MODEL].npv is None:
        return []
    bars = [bar for one in prospect.assumptions() if (bar := _bar(prospect, one)) is not None]
    moving = [bar for bar in bars if bar.at_high != bar.at_low or bar.turns_at is not None]
    return sorted(moving, key=lambda bar: -abs(bar.at_high - bar.at_low))


def _bar(prospect: Prospect, assumption: Assumption) -> Bar | None:
    moved = _moved(prospect, assumption)
    if moved is None:
        return None
    shown, values = moved
    accounts = prospect.accounts({assumption.name: values})
    npv = {name: np.broadcast_to(np.asarray(accounts[name].npv), _STEPS.shape) for name in prospect.choices}
    names = tuple(npv)
    best = np.argmax(np.stack([npv[name] for name in names]), axis=0)
    middle = len(_STEPS) // 2
    turns = np.flatnonzero((best != best[middle]) & _is_possible(assumption, shown))
    nearest = None if not turns.size else int(turns[np.argmin(np.abs(turns - middle))])
    ends = [float(np.interp(end, _STEPS, npv[MODEL])) for end in (-REACH, REACH)]
    low, high = (float(np.interp(end, _STEPS, shown)) for end in (-REACH, REACH))
    return Bar(
        assumption=assumption,
        low=low,
        middle=float(shown[middle]),
        high=high,
        at_low=ends[0],
        at_high=ends[1],
        turns_at=None if nearest is None else _crossing(npv, names, best, nearest, middle, shown),
        turns_to=None if nearest is None else names[int(best[nearest])],
        is_within=nearest is not None and bool(abs(_STEPS[nearest]) <= REACH),
    )


def _is_possible(assumption: Assumption, shown: Floats) -> NDArray[np.bool_]:
    """Where the assumption is what it can be."""
    return np.asarray((shown >= assumption.least) & (shown <= assumption.most))


def _moved(prospect: Prospect, assumption: Assumption) -> tuple[Floats, Floats] | None:
    """What the assumption is shown as along the steps, and its values there."""
    if assumption.name != MEASURED:
        values = at(assumption.range, _STEPS)
        return values, np.clip(values, assumption.least, assumption.most)
    still = prospect.accounts({})
    others = {name: float(np.asarray(still[name].npv)[0]) for name in prospect.choices if name != MODEL}
    rival = max(others, key=lambda name: others[name])
    leaning = prospect.evidence.leaning(prospect.prices({})[0], MODEL, rival, _STEPS)
    if leaning is None:
        return None
    accounts = prospect.accounts({MEASURED: leaning})
    return np.broadcast_to(accounts[MODEL].per_decision - accounts[rival].per_decision, _STEPS.shape), leaning


def _crossing(npv: dict[str, Floats], names: tuple[str, ...], best: Floats, turned: int, middle: int, shown: Floats) -> float:
    """The value between two steps at which the best alternative and its successor are worth the same."""
    before = turned - int(np.sign(turned - middle))
    old, new = (npv[names[int(best[at_])]] for at_ in (middle, turned))
    gaps = old[before] - new[before], old[turned] - new[turned]
    share = 0.5 if gaps[0] == gaps[1] else float(np.clip(gaps[0] / (gaps[0] - gaps[1]), 0, 1))
    return float(shown[before] + share * (shown[turned] - shown[before]))
