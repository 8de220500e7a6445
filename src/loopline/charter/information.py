"""What it is worth to know an assumption before deciding: no more should be spent on finding out. Pure functions on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.draws import Floats
from loopline.charter.evidence import MEASURED, MODEL
from loopline.charter.simulation import Simulation

_BINS = 80
_SEED = 7


def of_everything(simulation: Simulation) -> float | None:
    """The expected gain of knowing all assumptions before choosing; None without a volume."""
    if not simulation.worths:
        return None
    npv = np.stack(list(simulation.worths.values()), axis=1)
    return float(np.max(npv, axis=1).mean() - np.max(npv.mean(axis=0)))


def of_each(simulation: Simulation) -> dict[str, float]:
    """From each assumption to the expected gain of knowing it alone before choosing; nothing without a volume.

    The draws are sorted by the assumption and cut into bins: within one, the assumption is as good as known, and the alternative that is best on average
    is chosen. What the same bins find where the draws are shuffled is taken off, and nothing is worth more than to know everything.

    References
    ----------
    Strong, Oakley (2013). An efficient method for computing single-parameter partial expected value of perfect information. Medical Decision
    Making 33.
    """
    everything = of_everything(simulation)
    if everything is None:
        return {}
    npv = np.stack(list(simulation.worths.values()), axis=1)
    shuffled = npv[np.random.default_rng(_SEED).permutation(simulation.count)]
    chance = _gained(np.arange(simulation.count), shuffled)
    found = {}
    for assumption in simulation.prospect.assumptions():
        known = _scalar(simulation, assumption.name)
        if known is not None:
            found[assumption.name] = min(everything, max(0.0, _gained(known, npv) - chance))
    return found


def _gained(known: NDArray[Any], npv: Floats) -> float:
    """What choosing bin by bin of something known earns above choosing once."""
    order = np.argsort(known, kind="stable")
    edges = np.linspace(0, len(order), _BINS + 1).astype(np.int64)
    means = np.add.reduceat(npv[order], edges[:-1], axis=0) / np.diff(edges)[:, None]
    return float(np.average(np.max(means, axis=1), weights=np.diff(edges)) - np.max(npv.mean(axis=0)))


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
