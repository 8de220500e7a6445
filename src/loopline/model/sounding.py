"""The sounding: what each way to decide earns on a sample of this very data, before the search is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.declaration import counted, figure
from loopline.engine.step import Facts
from loopline.errors import CheckFailed, Mistake
from loopline.model import calibration, found_rule, policy
from loopline.model.alternatives import Alternative, side_by_side
from loopline.model.attempt import Asked, attempt
from loopline.model.candidates import best_trial
from loopline.model.columns import raw
from loopline.model.families import find
from loopline.model.fitting import fit
from loopline.model.leaks import case_of, find_leaks, unallowed
from loopline.model.material import Material, prepare, read_table
from loopline.model.order import Order
from loopline.model.plan import Plan
from loopline.model.policy import cost_of, for_worth, period_numbers
from loopline.model.proof import Trained
from loopline.model.proving import Whole, features_of, proof_of, whole_of
from loopline.model.rule import PresentRule
from loopline.model.sample import drawn
from loopline.model.unaided import say_season, seasonal
from loopline.workspace import Job

ROWS = 10_000
"""Rows at most that are learned from, and that are judged by."""

_SEASON = "__season"
_FAMILIES = ("linear", "lightgbm")
_FOLDS = 3
"""Folds of a cross-validation that the quick model is judged on."""


def run(job: Job) -> Facts:
    """What each way to decide earns on the test part, or ``absent``: why these rows cannot tell. It stops no loop.

    Returns
    -------
    dict
        What `loopline.model.alternatives.side_by_side` gives, and: ``rows`` whose outcome is known, how many were ``learned`` from and ``judged``, in how
        many ``blocks``; ``happens``, the share of the judged rows in which it did (of several classes, that of the most frequent one; null for numbers)
        and ``spread``, the mean distance of a number from the middle one; ``leaks``, the columns that were not learned from because they tell the outcome;
        ``without``, the ways that could not be tried, with the reason; ``priced_at``, the worth by which rule and policy were chosen.
    """
    try:
        return sounded(job)
    except (Mistake, CheckFailed) as error:
        return {"says": f"the data do not tell yet what a model would earn: {error.what}", "absent": str(error)}


def sounded(job: Job) -> Facts:
    """The same, where the rows can tell.

    Raises
    ------
    Mistake
        When they cannot, or what is declared does not fit them.
    """
    order = Order.of({**job.step.reads, "decision": "", "slices": (), "required": ()}, job.step.inputs)
    whole = prepare(read_table(job, order), order)
    material = drawn(_with_season(whole), learned=ROWS, judged=ROWS)
    leaks = unallowed(find_leaks(case_of(material)), order.model.leaks.allow)
    material = material.without({name: finding.says for finding in leaks for name in finding.columns})
    without: dict[str, str] = {}
    tried = list(ways(material, without, job.folder))
    rows, judge = material.parts.test, material.order.judge
    part, blocks = material.part(rows), material.blocks(rows)
    return {
        "says": _says(material, tried),
        "rows": len(whole.outcome),
        "learned": len(material.learned),
        "judged": len(rows),
        "blocks": len(np.unique(blocks)),
        **_happens(material),
        **side_by_side(judge, part, tried, blocks),
        "leaks": sorted({name for finding in leaks for name in finding.columns}),
        "without": without,
        "priced_at": job.step.reads["worth"],
    }


def ways(material: Material, without: dict[str, str], folder: Path) -> Iterator[Alternative]:
    """Every way to decide on the test part, from doing nothing to knowing all.

    Parameters
    ----------
    without
        Takes up the ways that cannot be tried, with the reason.
    folder
        That of the declaration.
    """
    order, judge, rows = material.order, material.order.judge, material.parts.test
    learned = material.part(material.learned)
    nothing = judge.worth.constant(learned.outcome, len(rows))
    yield Alternative("nothing", "never act" if order.task == "binary" else f"always {_word(nothing[0])}", nothing)
    yield from _always(material, nothing)
    # Made when it is first asked for: what cannot be learned from can still be judged.
    whole = cache(lambda: whole_of(material, threads=1))
    tries: dict[str, Callable[[], Alternative | None]] = {
        "present": lambda: _present(material),
        "rule": lambda: _rule(material, whole().plan) if order.task == "binary" else None,
        "model": lambda: _model(material, whole(), folder),
    }
    for name, trying in tries.items():
        try:
            way = trying()
        except (Mistake, CheckFailed) as error:
            without[name] = str(error)
            continue
        if way is not None:
            yield way
    yield Alternative("perfect", "know what will happen", _perfect(material))


def _always(material: Material, nothing: NDArray[Any]) -> Iterator[Alternative]:
    """The one decision for all that earned most on the rows that may be learned from, where that is another one than is taken without anything."""
    order, rows = material.order, material.parts.test
    best = order.judge.unaided(material.part(material.learned))
    every = policy.for_worth(order.task, np.full(len(rows), best))
    if every[0] != nothing[0] and order.model.policy.limit is None:
        yield Alternative("always", f"always {_word(best)}", every)


def _word(decision: Any) -> str:
    return figure(float(decision)) if isinstance(decision, float | np.floating) else str(decision)


def _perfect(material: Material) -> NDArray[Any]:
    """The decisions that earn most, as it turned out."""
    part = material.part(material.parts.test)
    return material.order.judge.gain(part) > 0 if material.order.task == "binary" else part.outcome


def _with_season(material: Material) -> Material:
    """The rows with what was a season before each of them, where a season is declared: in a sample most of it would be missing."""
    decided = seasonal(material)
    return material if decided is None else replace(material, frame=material.frame.with_columns(pl.Series(_SEASON, decided)))


def _present(material: Material) -> Alternative | None:
    """The rule by which the team decides today, or else what was a season before, where it is declared."""
    order = material.order
    if order.model.baseline is None:
        return Alternative("present", say_season(material), raw(material.frame, [_SEASON], material.parts.test)[_SEASON]) if _SEASON in material.frame else None
    rule = PresentRule.of(order.model.baseline, order.task, otherwise=order.judge.unaided(material.part(material.learned)))
    rule.require(material.frame.columns)
    return Alternative("present", rule.say(), rule.decide(raw(material.frame, sorted(rule.columns), material.parts.test)))


def _rule(material: Material, plan: Plan) -> Alternative | None:
    """A better rule, found in the rows that may be learned from, over the columns that a model would read."""
    names = sorted(set(plan.columns) - {word.column for word in plan.words})
    flags = frozenset(name for name in names if material.frame[name].dtype == pl.Boolean)
    rows = material.learned
    takes, most = _limit(material, rows)
    ground = found_rule.Ground(raw(material.frame, names, rows), material.order.judge.gain(material.part(rows)), flags, takes, most)
    places = np.arange(len(rows))
    held = np.isin(rows, material.parts.validation)
    rule = found_rule.find(ground, places[~held], places[held])
    if rule is None:
        return None
    return Alternative("rule", found_rule.say(rule), found_rule.holds(rule, raw(material.frame, names, material.parts.test)))


def _limit(material: Material, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64] | None, float]:
    """What acting on each of some rows takes of a declared limit, and how much there is for all of them."""
    said, part = material.order.model.policy, material.part(rows)
    rate = said.capacity or said.budget
    if rate is None or part.time is None:
        return None, float("inf")
    takes = np.ones(len(rows)) if said.cost is None else cost_of(said.cost, len(rows), part.columns)
    most = rate.amount * len(np.unique(period_numbers(rate.period, part.time)))
    # What cannot be computed is beyond the limit by itself.
    return np.minimum(takes, 2 * most), most


def _model(material: Material, whole: Whole, folder: Path) -> Alternative:
    """A quick model: the better of a line and boosted trees, with a policy chosen on rows that were held out."""
    order, judge, test = material.order, material.order.judge, material.parts.test
    first = tuple(fold for fold in material.folds if fold.repeat == 0)
    # The latest rows are most like those to come; rows in no order are alike.
    material = material.on(first[-1 if order.time is not None or order.ordered else -_FOLDS :])
    part, proof = material.part(material.judged), proof_of(material, threads=1)
    judge = judge.steered(part)
    problem = proof.folds[-1].problem
    tried = [attempt(proof, judge, part, family, Asked(name, family.portfolio(problem)[0])) for name in _FAMILIES for family in (find(name),)]
    best = best_trial([one.trial for one in tried])
    if best is None:
        raise Mistake(f"no model could be fitted: {tried[0].trial.failed}")
    held = next(one.scores for one in tried if one.trial is best)
    assert held is not None
    scale = calibration.fit(
        order.task,
        part.outcome,
        held.astype(np.float64),
        material.blocks(material.judged),
        order.model.seed,
        classes=order.classes,
        quantile=whole.problem.quantile,
    )
    rule = judge.best_policy(part, calibration.apply(scale, held.astype(np.float64)))
    fitted = fit(Trained(whole.problem, whole.stake, np.empty(0, dtype=np.int64)), best, folder)
    scores = calibration.apply(scale, fitted.score(features_of(material, whole.plan, test)))
    decided = policy.decide(rule, scores, order.classes, material.part(test).columns)
    return Alternative("model", f"a quick model ({best.family}): {policy.say(rule)}", for_worth(order.task, decided))


def _happens(material: Material) -> dict[str, float | None]:
    """How often it happens in the judged rows, or how far apart the numbers lie."""
    outcome = material.outcome[material.parts.test]
    if material.order.task == "regression":
        return {"happens": None, "spread": float(np.mean(np.abs(outcome - np.median(outcome))))}
    counts = np.unique(outcome, return_counts=True)[1]
    return {"happens": float(outcome.mean()) if material.order.task == "binary" else float(counts.max() / len(outcome)), "spread": None}


def _says(material: Material, tried: list[Alternative]) -> str:
    """What the ways earn per decision, in one line."""
    judge, part = material.order.judge, material.part(material.parts.test)
    earned = {way.name: figure(float(judge.worth.per_row(way.decision, part.outcome, part.columns).mean())) for way in tried}
    told = ", ".join(f"{name} {number}" for name, number in earned.items())
    return f"on {counted(len(part.outcome))} that nothing was learned from, {judge.worth.currency} per decision: {told}"
