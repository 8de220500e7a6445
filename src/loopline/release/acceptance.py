"""Acceptance criteria: the metrics that their checks name, and whether a check holds for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loopline.charter.bounds import bounds
from loopline.charter.metrics import parts
from loopline.charter.spec import Criterion
from loopline.declaration import figure
from loopline.expression.language import Expression, parse
from loopline.expression.on_numpy import evaluate
from loopline.model.evaluate import Judged, metrics, worst_slice
from loopline.release.evidence import Verdict, not_asked

EXAMPLE = "precision >= 0.5"


def asked_for(judged: Judged, names: frozenset[str]) -> dict[str, dict[str, Any]]:
    """The ``metrics`` that criteria name, and the ``slices`` that the worst of them belong to."""
    numbers: dict[str, float | None] = {}
    slices: dict[str, str] = {}
    whole = metrics(judged)
    for name in names:
        column, metric = parts(name)
        if column is None:
            numbers[name] = whole[metric]
            continue
        worst, numbers[name] = worst_slice(judged, column, metric)
        if worst is not None:
            slices[name] = f"{column} {worst}"
    return {"metrics": numbers, "slices": slices}


def verdict_on(criterion: Criterion, measured: Mapping[str, float | None], slices: Mapping[str, str], *, on: str = "the test part") -> Verdict:
    """Whether a criterion's check holds for the metrics that it names, measured `on` some rows, and the `slices` that the worst of them belong to.

    One that nothing checks yet passes, and says so.
    """
    name = f"acceptance {criterion.id}"
    if criterion.check is None:
        return not_asked(name, f"nothing checks it yet; say its check in charter.acceptance, such as {EXAMPLE}")
    check = parse(criterion.check)
    numbers = {name: measured[name] for name in sorted(check.names)}
    undefined = [name for name, number in numbers.items() if number is None]
    passed = not undefined and bool(np.all(evaluate(check, numbers)))
    shown = ", ".join(_shown(name, number, slices.get(name), on) for name, number in numbers.items())
    words = f"{criterion.says}: " if criterion.says else ""
    value, threshold = _compared(check, numbers)
    says = f"{words}{shown}; asked for {criterion.check}"
    return Verdict(name=name, passed=passed, asked=criterion.check, value=value, threshold=threshold, says=says)


def _shown(name: str, number: float | None, piece: str | None, on: str) -> str:
    if number is None:
        return f"{name} is not defined on {on}"
    return f"{name} is {figure(number)}" + (f" ({piece})" if piece else "")


def _compared(check: Expression, numbers: Mapping[str, float | None]) -> tuple[float | None, float | None]:
    """The one metric and the one limit of a check such as ``precision >= 0.5``; None for each that it is not."""
    value = next(iter(numbers.values())) if len(numbers) == 1 else None
    limits = {bound.limit for bound in bounds(check)}
    return value, limits.pop() if len(limits) == 1 else None
