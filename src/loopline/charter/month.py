"""A month of people's work on each of several charters: what it promises, and which is the best use of it, in draws that stand side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopline.charter.draws import Assumption, Floats
from loopline.charter.evidence import MEASURED, MODEL, Measured
from loopline.charter.simulation import Simulation

LEAST_H = 1.0
"""Work that takes less than an hour is counted as an hour."""
_SEED = 20_191_004


def redrawn(simulations: Sequence[tuple[str, Simulation]]) -> list[Simulation]:
    """Simulations whose draws stand side by side: all that they suppose is independent, but what charters of one project suppose alike is one and the same.

    Parameters
    ----------
    simulations
        Each with the project that it is of.
    """
    known: dict[object, Floats] = {}
    found = []
    for place, (project, simulation) in enumerate(simulations):
        # Every study begins with the same draws: in another order they are independent of it.
        order = np.random.default_rng([_SEED, place]).permutation(simulation.count)
        supposed = {one.name: one for one in simulation.prospect.assumptions()}
        values = {name: known.setdefault((project, _what(supposed[name], simulation), drawn.shape), drawn[order]) for name, drawn in simulation.values.items()}
        found.append(replace(simulation, values=values, accounts=simulation.prospect.accounts(values)))
    return found


def _what(one: Assumption, simulation: Simulation) -> object:
    """What makes an assumption the same as another's: its words and its range, or the measurement that it is about."""
    evidence = simulation.prospect.evidence
    told = evidence.means.tobytes() if one.name == MEASURED and isinstance(evidence, Measured) else b""
    return one.name, one.says, one.range.ends, told


def work_h(simulation: Simulation) -> Floats | None:
    """Hours of people's work until the model decides, shape (n,); None where the charter does not say them."""
    if simulation.prospect.charter.study.effort.build is None:
        return None
    build, _ = simulation.prospect.outlay.hours(MODEL, simulation.values)
    return np.broadcast_to(np.maximum(build, LEAST_H), (simulation.count,))


def promised(simulation: Simulation, hours: float) -> Floats | None:
    """The net present value that so many hours of work on the model bring, shape (n,): all of it where they suffice, else the part that is built in them.

    None where the worth of the model or the work that it takes is not known.
    """
    npv, work = simulation.worths.get(MODEL), work_h(simulation)
    return None if npv is None or work is None else npv * np.minimum(1.0, hours / work)


@dataclass(frozen=True)
class Best:
    """Which use of the month is the best one.

    Parameters
    ----------
    chances
        From each use to how likely none is better, and it brings more than nothing.
    nothing
        How likely each of them loses.
    knowing
        What it is worth to know all before choosing between them.
    """

    chances: Mapping[str, float]
    nothing: float
    knowing: float


def best_of(promises: Mapping[str, Floats]) -> Best:
    """The best use of the month in each draw; uses that come to the same share it.

    Parameters
    ----------
    promises
        From a use to what it brings in one currency, each of the same shape (n,).
    """
    if not promises:
        return Best({}, 1.0, 0.0)
    brought = np.stack(list(promises.values()), axis=1)
    most = np.maximum(brought.max(axis=1), 0.0)
    is_best = (brought == most[:, None]) & (brought > 0)
    shares = is_best / np.maximum(is_best.sum(axis=1, keepdims=True), 1)
    knowing = float(most.mean()) - max(float(brought.mean(axis=0).max()), 0.0)
    return Best(dict(zip(promises, shares.mean(axis=0).tolist(), strict=True)), float(np.mean(most == 0)), max(knowing, 0.0))
