"""A sample of what there is to learn from and to judge by, the same each time; its parts are those of all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from loopline.declaration import Rate
from loopline.model.division import folded
from loopline.model.limit import per_row
from loopline.model.material import Material
from loopline.model.spec import PolicySpec
from loopline.model.split import Index, Parts


def drawn(material: Material, *, learned: int, judged: int, volume: Rate | None = None) -> Material:
    """So many rows at most to learn from and to judge by, drawn by the seed: every block of time has its share of them.

    A limit for each period, such as ``30 per day``, is made to leave as much for each row as it does for each of the decisions that come, and nobody is
    asked: what is chosen acts on the rows that come, and on no others.

    Parameters
    ----------
    volume
        The decisions that are to come; as many as came in the rows to learn from where None.
    """
    parts, seed = material.parts, material.order.model.seed
    share, shown = min(1.0, learned / len(parts.learned)), min(1.0, judged / len(parts.test))
    shares = {"train": share, "early": share, "validation": share, "late": share, "test": shown}
    kept = {name: _some(getattr(parts, name), of, seed + at) for at, (name, of) in enumerate(shares.items())}
    rows = np.sort(np.concatenate(list(kept.values())))
    fewer = Parts(**{name: np.searchsorted(rows, places) for name, places in kept.items()})
    model = material.order.model
    order = replace(
        material.order,
        model=model.model_copy(update={"policy": _smaller(material, np.concatenate([kept["train"], kept["early"], kept["validation"]]), volume)}),
    )
    frame, outcome = material.frame[rows], material.outcome[rows]
    folds, split = folded(frame, outcome, order, fewer)
    return replace(material, order=order, frame=frame, outcome=outcome, parts=fewer, folds=folds, split=split)


def enough(material: Material, rows: Index, *, least: int, most: int, rare: int) -> int:
    """How many of some rows to draw: the least, or so many more that there are enough of the rarer outcome among them (binary)."""
    if material.order.task != "binary":
        return least
    share = float(material.outcome[rows].mean())
    return round(min(max(least, rare / max(min(share, 1 - share), 1e-9)), most))


def _some(rows: Index, share: float, seed: int) -> Index:
    """A share of some rows, in their order."""
    if share >= 1 or not len(rows):
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), max(1, int(len(rows) * share)), replace=False))]


def _smaller(material: Material, fewer: Index, volume: Rate | None) -> PolicySpec:
    """The policy for some of the rows to learn from, all of which are decided on without a person."""
    policy, said = material.order.model.policy, dict[str, Any](ask=None)
    time, again = (material.part(rows).time for rows in (material.learned, fewer))
    for name in ("capacity", "budget"):
        rate: Rate | None = getattr(policy, name)
        # A time that is no moment is refused where the limit is held.
        if rate is not None and time is not None and again is not None and time.dtype.kind == "M":
            said[name] = rate.model_copy(update={"amount": rate.amount * per_row(rate, time, volume) / per_row(rate, again, None)})
    return policy.model_copy(update=said)
