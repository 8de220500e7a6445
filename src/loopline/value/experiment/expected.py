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
    logged = logged.where(logged.owned)
    acts, own = acted(measured.decide(variant, logged)), acted(logged.own)
    if always:
        known = logged.known
        gains = (measured.of_acting(logged, happens=happens) for happens in (True, False))
        gain = np.where(logged.outcome == measured.gauge.yardstick.positive, *gains)
        return offpolicy.direct((gain * (acts.astype(int) - own))[known], confidence=confidence)
    if (logged.held & acted(logged.decision)).any():
        by_chance = logged.split
        return _by_chance(measured, logged.where(by_chance), acts[by_chance], own[by_chance], confidence)
    by_own = ~logged.held
    return _by_own(measured, logged.where(by_own), acts[by_own], own[by_own], confidence)


def _by_chance(measured: Measured, logged: Logged, acts: offpolicy.Flags, own: offpolicy.Flags, confidence: float) -> Estimated:
    """From the rows that chance split, of which a share was acted on whatever the model wanted.

    Every row counts, whether or not its outcome has come: of one without, what the score lets expect; how far that is off, those with one tell for it.
    """
    taken = acted(logged.decision)
    lets_expect = _of_acting(measured, logged)
    taken_for = np.where(taken, lets_expect, 0.0)
    earned = taken_for + _seen(taken, logged) * (_relative(measured, logged, taken) - taken_for)
    chance = offpolicy.propensities(own, np.ones(len(logged), dtype=bool), taken, float(logged.held.mean()))
    agrees = (acts == taken).astype(np.int8) - (own == taken).astype(np.int8)
    return offpolicy.doubly_robust(earned, chance, agrees, lets_expect * (acts.astype(int) - own), taken_for, confidence=confidence)


def _by_own(measured: Measured, logged: Logged, acts: offpolicy.Flags, own: offpolicy.Flags, confidence: float) -> Estimated:
    """From rows that the own policy decided: exact where the variant acts on no more of them, else between bounds."""
    less, more = own & ~acts, acts & ~own
    lost = _seen(less, logged) * _relative(measured, logged, less)
    if not more.any():
        return offpolicy.direct(-lost, confidence=confidence)
    gains = [np.where(more, measured.of_acting(logged, happens=happens), -lost) for happens in (True, False)]
    return offpolicy.bound(np.minimum(*gains), np.maximum(*gains))


def _seen(rows: offpolicy.Flags, logged: Logged) -> Floats:
    """How many of the rows each stands for whose outcome has come, shape (n,): what has none yet is taken to be like what has one. 0 for all others."""
    known = rows & logged.known
    return np.where(known, rows.sum() / max(1, int(known.sum())), 0.0)


def _relative(measured: Measured, logged: Logged, taken: offpolicy.Flags) -> Floats:
    """What was earned above resting, shape (n,); nothing where no outcome has come."""
    return offpolicy.relative(np.where(logged.known, logged.money, 0.0), taken & logged.known, measured.of_resting(logged))


def _of_acting(measured: Measured, logged: Logged) -> Floats:
    """What acting above resting lets expect by the score, shape (n,)."""
    happens, not_so = (measured.of_acting(logged, happens=happens) for happens in (True, False))
    return np.asarray(logged.scores * happens + (1 - logged.scores) * not_so)
