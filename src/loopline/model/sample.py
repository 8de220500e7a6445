"""A sample of what there is to learn from and to judge by, the same each time; its parts are those of all rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from loopline.declaration import Rate
from loopline.model.division import folded
from loopline.model.material import Material
from loopline.model.spec import PolicySpec
from loopline.model.split import Index, Parts


def drawn(material: Material, *, learned: int, judged: int) -> Material:
    """So many rows at most to learn from and to judge by, drawn by the seed: every block of time has its share of them.

    A limit for each period, such as ``30 per day``, is made as much smaller as the rows to learn from are, and nobody is asked: what is chosen
    acts on the rows that come, and on no others.
    """
    parts, seed = material.parts, material.order.model.seed
    share, shown = min(1.0, learned / len(parts.learned)), min(1.0, judged / len(parts.test))
    shares = {"train": share, "early": share, "validation": share, "late": share, "test": shown}
    kept = {name: _some(getattr(parts, name), of, seed + at) for at, (name, of) in enumerate(shares.items())}
    rows = np.sort(np.concatenate(list(kept.values())))
    fewer = Parts(**{name: np.searchsorted(rows, places) for name, places in kept.items()})
    model = material.order.model
    order = replace(material.order, model=model.model_copy(update={"policy": _smaller(model.policy, share)}))
    frame, outcome = material.frame[rows], material.outcome[rows]
    folds, split = folded(frame, outcome, order, fewer)
    return replace(material, order=order, frame=frame, outcome=outcome, parts=fewer, folds=folds, split=split)


def _some(rows: Index, share: float, seed: int) -> Index:
    """A share of some rows, in their order."""
    if share >= 1 or not len(rows):
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), max(1, int(len(rows) * share)), replace=False))]


def _smaller(policy: PolicySpec, share: float) -> PolicySpec:
    """The policy for a share of the rows, all of which are decided on without a person."""
    said: dict[str, Any] = {"ask": None}
    for name in ("capacity", "budget"):
        rate: Rate | None = getattr(policy, name)
        if rate is not None:
            said[name] = rate.model_copy(update={"amount": rate.amount * share})
    return policy.model_copy(update=said)
