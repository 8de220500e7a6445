"""The whole assessment of a model as one plain JSON document: ``evaluation.json``, each part with a line for whoever pays for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from loopline.declaration import figure
from loopline.model.assessment import curves, fairness, lessons, reliability, robustness, stability, worst
from loopline.model.assessment.case import HEADLINE, Case
from loopline.model.estimates import of_mean, plain
from loopline.model.intervals import measured

REFITS_AT_MOST = stability.REFITS + lessons.FITS
"""Fits that an assessment makes at most: with other seeds, and to shares of the rows."""

DIGITS = 6
"""Digits that a number has: what differs beyond them says nothing."""

Document = dict[str, Any]


def assess(case: Case) -> Document:
    """What the model earns and where it fails, the same for the same case.

    Each part has ``says``: a line in plain words. A part that cannot be measured has ``skipped`` with the reason. The parts are `PARTS`.
    """
    document = {name: part(case) for name, part in PARTS.items()}
    rounded: Document = _rounded(document)
    return rounded


def _worth(case: Case) -> Document:
    judged, blocks = case.test.judged, case.test.blocks
    earned, gain = of_mean(judged.money, blocks), of_mean(judged.money - case.unaided, blocks)
    if earned is None or gain is None:
        return _skipped("the test part has no rows")
    per_year = None if case.volume_per_year is None else {name: value * case.volume_per_year for name, value in gain.as_json().items()}
    chance = "" if gain.is_above_zero else ", which is within what chance gives"
    year = "" if per_year is None else f", {figure(per_year['value'])} per year"
    says = (
        f"It earns {figure(earned.value)} {case.currency} per decision ({figure(earned.low)} to {figure(earned.high)}), "
        f"{_signed(gain.value)} against {case.rule} ({_signed(gain.low)} to {_signed(gain.high)}){year}{chance}."
    )
    return {
        "rows": len(judged),
        "currency": case.currency,
        "per_decision": earned.as_json(),
        "gain": gain.as_json(),
        "gain_per_year": per_year,
        "without_model": {"rule": case.rule, "value": float(case.unaided.mean())},
        "perfect": float(case.perfect.mean()),
        "says": says,
    }


def _metrics(case: Case) -> Document:
    found = measured(case.test.judged, case.test.blocks, seed=case.seed)
    document: Document = {"test": {name: plain(value) for name, value in found.items()}}
    if case.validation is not None:
        document["validation"] = {name: plain(value) for name, value in measured(case.validation.judged, case.validation.blocks, seed=case.seed).items()}
    name = HEADLINE[case.test.judged.task]
    head = found[name]
    says = (
        f"Its {name} cannot be measured on these rows." if head is None else f"Its {name} is {figure(head.value)} ({figure(head.low)} to {figure(head.high)})."
    )
    return {**document, "says": says}


def _calibration(case: Case) -> Document:
    judged, blocks = case.test.judged, case.test.blocks
    if not len(judged):
        return _skipped("the test part has no rows")
    if judged.task == "regression":
        found = reliability.values(judged, blocks, quantile=case.quantile)
        below = found["below"]
        fits = "as the prices ask" if below["low"] <= case.quantile <= below["high"] else f"where the prices ask for {case.quantile:.0%}"
        return {**found, "says": f"Of the outcomes {below['value']:.0%} lie at or below the predicted value, {fits}."}
    happened = judged.outcome if judged.task == "binary" else judged.decision == judged.outcome
    said = judged.score if judged.task == "binary" else judged.score.max(axis=1)
    found = reliability.probabilities(said, happened, blocks, seed=case.seed)
    if found["error"] <= found["by_chance"]:
        says = "Its probabilities can be read as they are: they are off by no more than chance gives."
    else:
        way = "too high" if found["said"] > found["happened"] else "too low"
        says = f"Its probabilities are {way}: {found['said']:.1%} is said on average, {found['happened']:.1%} happened; they are off by {found['error']:.1%}."
        if abs(found["said"] - found["happened"]) < found["error"] / 2:
            says = f"Its probabilities are off by {found['error']:.1%} on average, where chance alone would give {found['by_chance']:.1%} at most."
    return {**found, "says": says}


def _curves(case: Case) -> Document:
    judged, blocks = case.test.judged, case.test.blocks
    if judged.task != "binary":
        return _skipped("only a decision of yes or no has a threshold to move")
    if not len(judged):
        return _skipped("the test part has no rows")
    acted, rested = case.for_all(acted=True), case.for_all(acted=False)
    references = {"act on none": rested, "act on all": acted, "perfect foresight": case.perfect}
    worth = curves.worth(judged, acted, rested, blocks, references=references)
    chosen, best = worth["chosen"], worth["best"]
    says = f"It acts on {chosen['share']:.1%} and earns {figure(chosen['worth'])} {case.currency} per decision; "
    most = f"the best share on these rows, known only afterwards, would have been {best['share']:.1%} with {figure(best['worth'])}."
    document = {"worth": worth, "roc": curves.roc(judged), "precision_recall": curves.precision_recall(judged), "gains": curves.gains(judged)}
    return {**document, "says": says + most}


def _worst(case: Case) -> Document:
    judged = case.test.judged
    if not judged.columns or not len(judged):
        return _skipped("there is no column to make slices of")
    lost, foretold = case.perfect - judged.money, case.foretold()
    most = worst.find(judged, lost, case.test.blocks)
    most["says"] = worst.say(most, currency=case.currency, foretold=False)
    if foretold is None:
        return {"most_lost": most, "says": most["says"]}
    found = worst.find(judged, lost - foretold, case.test.blocks)
    found["says"] = worst.say(found, currency=case.currency, foretold=True)
    return {"misjudged": found, "most_lost": most, "says": found["says"]}


def _fairness(case: Case) -> Document:
    if not case.fairness:
        return _skipped("model.fairness names no column")
    columns = {name: fairness.by_column(case.test.judged, name, case.test.blocks) for name in case.fairness}
    return {"columns": columns, "says": " ".join(part["says"] for part in columns.values())}


def _over_time(case: Case) -> Document:
    if len(case.test.judged) == 0:
        return _skipped("the test part has no rows")
    # Rows in no order have no periods.
    if case.test.time is None and len(np.unique(case.test.blocks)) == len(case.test.blocks):
        return _skipped("the rows are in no order of time")
    parts = [("validation", case.validation)] if case.validation is not None else []
    return stability.by_period([*((name, part) for name, part in parts if part is not None), ("test", case.test)], currency=case.currency)


def _over_seeds(case: Case) -> Document:
    if case.refit is None:
        return _skipped("the model was not fitted with other seeds")
    return stability.over_seeds(case, case.refit)


def _robustness(case: Case) -> Document:
    if case.score is None:
        return _skipped("there is nothing that scores raw columns")
    return robustness.disturb(case, case.score)


def _lessons(case: Case) -> Document:
    if case.lessons is None:
        return _skipped("the model was not fitted to shares of the rows")
    return lessons.learn(case, case.lessons)


def _cost(case: Case) -> Document:
    if not case.cost:
        return _skipped("measured apart: times are not the same each time")
    return {**case.cost, "says": _cost_says(case.cost)}


def _cost_says(cost: Mapping[str, Any]) -> str:
    parts = []
    if fit := cost.get("fit"):
        memory = "" if fit.get("peak_bytes") is None else f" and {figure(fit['peak_bytes'] / 1e6)} MB of memory"
        parts.append(f"a fit takes {figure(fit['cpu_s'])} s of a processor{memory}")
    if size := cost.get("bytes"):
        parts.append(f"the package has {figure(size['total'] / 1e6)} MB")
    if speed := cost.get("per_row"):
        parts.append(f"a score takes {figure(speed['single_us'])} us alone and {figure(speed['batch_us'])} us in a batch")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


PARTS: Mapping[str, Callable[[Case], Document]] = {
    "worth": _worth,
    "metrics": _metrics,
    "calibration": _calibration,
    "curves": _curves,
    "worst_slices": _worst,
    "fairness": _fairness,
    "over_time": _over_time,
    "over_seeds": _over_seeds,
    "robustness": _robustness,
    "learning_curve": _lessons,
    "cost": _cost,
}
"""The parts of the document, in the order in which they are read."""


def _skipped(why: str) -> Document:
    return {"skipped": why, "says": f"Not measured: {why}."}


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{figure(value)}"


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
