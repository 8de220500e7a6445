"""What a variant of a policy would have earned on logged rows, told before an experiment asks it of live ones: with what must be true for it."""

from __future__ import annotations

import numpy as np

from loopline.model.policy import Policy
from loopline.value import offpolicy
from loopline.value.logged import Floats, Logged, Measured, acted
from loopline.value.offpolicy import Estimated


def expected(measured: Measured, logged: Logged, variant: Policy, *, always: bool, confidence: float) -> Estimated:
    """The money per decision that a variant adds to the package's own policy (binary).

    Where outcomes are seen whatever is done, both decisions' worth is known of every row. Where they are seen only after acting, a stricter variant is known as
    well, for it acts only where the own policy does; one that acts on more is told by a hold-out that acts, and else lies between bounds.

    Parameters
    ----------
    always
        Whether outcomes are seen whatever is done.
    """
    acts, own = acted(measured.decide(variant, logged)), acted(logged.own)
    if always:
        known = logged.known
        gains = (measured.of_acting(logged, happens=happens) for happens in (True, False))
        gain = np.where(logged.outcome == measured.gauge.yardstick.positive, *gains)
        return offpolicy.direct((gain * (acts.astype(int) - own))[known], confidence=confidence)
    taken = acted(logged.decision)
    if (logged.held & taken).any():
        return _by_chance(measured, logged, acts, own, taken, confidence)
    return _by_own(measured, logged, acts, own, taken, confidence)


def _by_chance(measured: Measured, logged: Logged, acts: offpolicy.Flags, own: offpolicy.Flags, taken: offpolicy.Flags, confidence: float) -> Estimated:
    """From the rows that chance split, of which a share was acted on whatever the model wanted."""
    rows = logged.split & (~taken | logged.known)
    seen = taken & logged.known & logged.split
    weight = int((taken & logged.split).sum()) / max(1, int(seen.sum()))
    earned = weight * offpolicy.relative(np.where(logged.known, logged.money, 0.0), taken, measured.of_resting(logged))
    chance = offpolicy.propensities(own, np.ones(len(logged), dtype=bool), taken, float(logged.held[logged.split].mean()))
    agrees = (acts == taken).astype(np.int8) - (own == taken).astype(np.int8)
    lets_expect = _of_acting(measured, logged)
    both, taken_for = lets_expect * (acts.astype(int) - own), np.where(taken, lets_expect, 0.0)
    return offpolicy.doubly_robust(earned[rows], chance[rows], agrees[rows], both[rows], taken_for[rows], confidence=confidence)


def _by_own(measured: Measured, logged: Logged, acts: offpolicy.Flags, own: offpolicy.Flags, taken: offpolicy.Flags, confidence: float) -> Estimated:
    """From rows that the own policy decided: exact where the variant acts on no more of them, else between bounds."""
    rows = ~logged.held & (~taken | logged.known)
    lost = np.where(own & ~acts, offpolicy.relative(np.where(logged.known, logged.money, 0.0), taken, measured.of_resting(logged)), 0.0)
    more = acts & ~own
    if not more[rows].any():
        return offpolicy.direct(-lost[rows], confidence=confidence)
    gains = [np.where(more, measured.of_acting(logged, happens=happens), -lost)[rows] for happens in (True, False)]
    return offpolicy.bound(np.minimum(*gains), np.maximum(*gains))


def _of_acting(measured: Measured, logged: Logged) -> Floats:
    """What acting above resting lets expect by the score, shape (n,)."""
    happens, not_so = (measured.of_acting(logged, happens=happens) for happens in (True, False))
    return np.asarray(logged.scores * happens + (1 - logged.scores) * not_so)
