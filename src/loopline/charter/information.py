"""What it is worth to know an assumption before deciding: no more should be spent on finding out. Pure functions on NumPy."""

from __future__ import annotations

import numpy as np

from loopline.charter.draws import Floats
from loopline.charter.evidence import MEASURED, MODEL
from loopline.charter.simulation import Simulation

_DEGREE = 6
_SEED = 7


def of_everything(simulation: Simulation) -> float | None:
    """The expected gain of knowing all assumptions before choosing; None without a volume."""
    if not simulation.worths:
        return None
    npv = np.stack(list(simulation.worths.values()), axis=1)
    return float(np.max(npv, axis=1).mean() - np.max(npv.mean(axis=0)))


def of_each(simulation: Simulation) -> dict[str, float]:
    """From each assumption to the expected gain of knowing it alone before choosing; nothing without a volume.

    The expected worth of each alternative, given the assumption, is a polynomial of the assumption's ranks. What the same polynomial finds
    where the draws are shuffled is taken off.

    References
    ----------
    Strong, Oakley, Brennan (2014). Estimating multiparameter partial expected value of perfect information from a probabilistic sensitivity
    analysis sample: a nonparametric regression approach. Medical Decision Making 34.
    """
    if not simulation.worths:
        return {}
    npv = np.stack(list(simulation.worths.values()), axis=1)
    shuffled = np.random.default_rng(_SEED).permutation(simulation.count)
    found = {}
    for assumption in simulation.prospect.assumptions():
        known = _scalar(simulation, assumption.name)
        if known is not None:
            found[assumption.name] = max(0.0, _gained(known, npv) - _gained(known[shuffled], npv))
    return found


def _gained(known: Floats, npv: Floats) -> float:
    ranks = np.argsort(np.argsort(known)) / (len(known) - 1) * 2 - 1
    basis = np.polynomial.legendre.legvander(ranks, _DEGREE)
    fitted = basis @ np.linalg.lstsq(basis, npv, rcond=None)[0]
    return float(np.max(fitted, axis=1).mean() - np.max(npv.mean(axis=0)))


def _scalar(simulation: Simulation, name: str) -> Floats | None:
    """An assumption's draws as one number each: of what was measured, how far the model is off against the best alternative without one."""
    values = simulation.values.get(name)
    if values is None or name != MEASURED:
        return values
    prospect, simpler = simulation.prospect, simulation.simpler
    if simpler is None or MODEL not in simulation.worths:
        return None
    leaning = prospect.evidence.leaning(prospect.prices({})[0], MODEL, simpler, np.ones(1))
    return None if leaning is None else values @ leaning[0]
