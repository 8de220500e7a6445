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

from loopline.data.spec import HIDDEN
from loopline.declaration import counted, figure, parse_rate
from loopline.engine.step import Facts
from loopline.errors import CheckFailed, Mistake
from loopline.model import calibration, found_rule, policy
from loopline.model.alternatives import Alternative, side_by_side
from loopline.model.attempt import Asked, attempt
from loopline.model.blocks import Blocks, by_day
from loopline.model.candidates import best_trial
from loopline.model.columns import raw
from loopline.model.families import find
from loopline.model.fitting import fit
from loopline.model.leaks import case_of, find_leaks, unallowed
from loopline.model.limit import Limit, per_row
from loopline.model.material import Material, prepare, scan_table
from loopline.model.order import Order
from loopline.model.plan import Plan
from loopline.model.policy import for_worth
from loopline.model.proof import Trained
from loopline.model.proving import Whole, features_of, proof_of, whole_of
from loopline.model.rule import PresentRule
from loopline.model.sample import drawn, enough
from loopline.model.unaided import say_season, seasonal
from loopline.workspace import Job

ROWS = 10_000
"""Rows at most that are learned from, and that are judged by, unless what is rare asks for more."""
RARE, MOST = 500, 200_000
"""Rows of the rarer outcome that are drawn to learn from, and to judge by, as far as they are among so many rows."""

_SEASON, _PLACE = "__season", "__place"
_FREE = 1e-12
_FAMILIES = ("linear", "lightgbm")
_ACTS = 5
"""Rows that a limit must let be acted on in the judged ones."""
_FOLDS = 3
"""Folds of a cross-validation that the quick model is judged on."""


def run(job: Job) -> Facts:
    """What each way to decide earns on the test part, or ``absent``: why these rows cannot tell. It stops no loop.

    Returns
    -------
    dict
        What `loopline.model.alternatives.side_by_side` gives, and: ``rows`` whose outcome is known and ``shown``, their share of all rows; how many were
        ``learned`` from and ``judged``, in how many ``blocks``; ``happens``, the share of the judged rows in which it did (of several classes, that of the
        most frequent one; null for numbers) and ``spread``, the mean distance of a number from the middle one; ``leaks``, the columns that were not learned
        from because they tell the outcome; ``without``, the ways that could not be tried, with the reason; ``priced_at``, the worth by which rule and policy
        were chosen.
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
    table = scan_table(job, order).with_row_index(_PLACE)
    # Of the rows that are not drawn no more is read than says which part they are in: of 100,000 rows of 300 columns all took 570 MB, and this 340.
    narrow = table.select(name for name in table.collect_schema().names() if name in {_PLACE, *HIDDEN, *order.dividing}).collect()
    whole = prepare(narrow, order)
    shown = len(whole.outcome) / narrow.height
    material = _widened(_drawn(whole, job.step.reads.get("volume")), table)
    leaks = unallowed(find_leaks(case_of(material)), order.model.leaks.allow)
    material = material.without({name: finding.says for finding in leaks for name in finding.columns})
    without: dict[str, str] = {}
    tried = list(ways(material, without, job.folder))
    rows, judge = material.parts.test, material.order.judge
    part, blocks = material.part(rows), blocks_of(material)
    hidden = job.step.reads.get("outcome_seen") == "when_acted"
    return {
        "says": _says(material, tried)
        + (f"; of the {shown:.0%} of the rows alone in which somebody acted, for of the others no outcome is known" if hidden else ""),
        "rows": len(whole.outcome),
        "shown": shown,
        "learned": len(material.learned),
        "judged": len(rows),
        "blocks": len(np.unique(blocks)),
        **_happens(material),
        **side_by_side(judge, part, tried, blocks, in_order=is_in_order(material)),
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
    nothing = judge.worth.constant(material.outcome[material.learned], len(rows))
    yield Alternative("nothing", policy.say_for_all(order.task, nothing[0]), nothing)
    limit = _limit(material, rows)
    if limit is not None and limit.whole < _ACTS:
        what = f"of the {counted(len(rows))} that would be judged the limit leaves fewer than {_ACTS} to act on"
        raise Mistake(what, where="model.policy", remedy="deliver rows over a longer time, or state charter.study.expects")
    # Made when it is first asked for: what cannot be learned from can still be judged.
    whole = cache(lambda: whole_of(material, threads=1))
    tries: dict[str, Callable[[], Alternative | None]] = {
        "always": lambda: _always(material, nothing),
        "present": lambda: _present(material),
        "rule": lambda: _rule(material, whole().plan) if order.task == "binary" else None,
        "model": lambda: _model(material, whole(), folder, limit),
    }
    for name, trying in tries.items():
        try:
            way = trying()
        except (Mistake, CheckFailed) as error:
            without[name] = str(error)
            continue
        if way is not None:
            yield way if limit is None or name == "model" else _first_come(way, limit)
    yield Alternative("perfect", "know what will happen", _perfect(material, limit))


def blocks_of(material: Material) -> Blocks:
    """What each judged row is alike with, shape (n,): its week or its day, however few they are.

    Raises
    ------
    Mistake
        When they are all of one day: how other days differ is in none of them.
    """
    rows, time = material.parts.test, material.order.time
    moments = None if time is None else raw(material.frame, [time], rows)[time]
    if moments is None or moments.dtype.kind != "M":
        return material.blocks(rows)
    days = by_day(moments)
    if days.max(initial=0) == 0:
        what = f"the {counted(len(rows))} that would be judged are all of one day, and do not tell how other days differ"
        raise Mistake(what, where=str(time), remedy="deliver rows over a longer time")
    return days


def is_in_order(material: Material) -> bool:
    """Whether the blocks are in the order of time."""
    return material.order.time is not None or material.order.ordered


def _drawn(whole: Material, volume: str | None) -> Material:
    """The sample, with enough rows of a rare outcome, and a limit that holds at the charter's volume."""
    learned, judged = (enough(whole, rows, least=ROWS, most=MOST, rare=RARE) for rows in (whole.learned, whole.parts.test))
    return drawn(_with_season(whole), learned=learned, judged=judged, volume=None if volume is None else parse_rate(volume))


def _widened(material: Material, table: pl.LazyFrame) -> Material:
    """The rows with their other columns."""
    frame = material.frame
    rest = table.select(_PLACE, *(name for name in table.collect_schema().names() if name not in frame.columns))
    there = rest.filter(pl.col(_PLACE).is_in(frame[_PLACE].implode())).collect(engine="streaming")
    return replace(material, frame=frame.join(there, on=_PLACE, how="left", maintain_order="left").drop(_PLACE))


def _limit(material: Material, rows: NDArray[np.int64]) -> Limit | None:
    """The declared limit on some rows, of which there is as much for each row as for each of those to learn from."""
    said, learned = material.order.model.policy, material.part(material.learned)
    rate = said.capacity or said.budget
    if rate is None or learned.time is None or learned.time.dtype.kind != "M":
        return None
    return Limit.of(said, material.part(rows), per_row(rate, learned.time, None))


def _first_come(way: Alternative, limit: Limit) -> Alternative:
    """A way that ranks nothing, as far as the limit goes: who decides by it acts on what comes first in each period."""
    kept = limit.keep(way.decision)
    return way if np.array_equal(kept, way.decision) else Alternative(way.name, f"{way.says}, on those that come first, as far as the limit goes", kept)


def _always(material: Material, nothing: NDArray[Any]) -> Alternative | None:
    """The one decision for all that earned most on the rows that may be learned from, where that is another one than is taken without anything."""
    best = material.order.judge.unaided(material.part(material.learned))
    every = policy.for_worth(material.order.task, np.full(len(nothing), best))
    return None if every[0] == nothing[0] else Alternative("always", policy.say_for_all(material.order.task, best), every)


def _perfect(material: Material, limit: Limit | None) -> NDArray[Any]:
    """The decisions that earn most, as it turned out; within a limit those that earn most for what they take of it."""
    part = material.part(material.parts.test)
    if material.order.task != "binary":
        return part.outcome
    gain = material.order.judge.gain(part)
    return gain > 0 if limit is None else limit.keep(gain > 0, gain / np.maximum(limit.takes, _FREE))


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
    limit = _limit(material, rows)
    ground = found_rule.Ground(raw(material.frame, names, rows), material.order.judge.gain(material.part(rows)), flags)
    if limit is not None:
        # What cannot be computed is beyond the limit by itself.
        ground = replace(ground, takes=np.minimum(limit.takes, 2 * limit.whole), most=limit.whole)
    places = np.arange(len(rows))
    held = np.isin(rows, material.parts.validation)
    rule = found_rule.find(ground, places[~held], places[held])
    if rule is None:
        return None
    return Alternative("rule", found_rule.say(rule), found_rule.holds(rule, raw(material.frame, names, material.parts.test)))


def _model(material: Material, whole: Whole, folder: Path, limit: Limit | None) -> Alternative:
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
    columns = material.part(test).columns
    decision = for_worth(order.task, policy.decide(rule, scores, order.classes, columns))
    if limit is None:
        return Alternative("model", f"a quick model ({best.family}): {policy.say(rule)}", decision)
    says = f"a quick model ({best.family}): act on those that promise most, as far as the limit goes"
    return Alternative("model", says, limit.keep(decision, policy.promise(rule, scores, columns)))


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
