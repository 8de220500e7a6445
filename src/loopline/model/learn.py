"""The model stage's work: from the main table to a package, with every trial and the one look at the test part in the ledger."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.data.spec import HIDDEN
from loopline.declaration import figure
from loopline.engine.step import Facts, source_digest
from loopline.errors import CheckFailed
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, digest
from loopline.model import card
from loopline.model.background import Background, make_background
from loopline.model.candidates import Part, Trial
from loopline.model.constraints import excluded, monotone_of
from loopline.model.encode import Plan, encode
from loopline.model.evaluate import Judged, interval, metrics
from loopline.model.explanation import Case, explain
from loopline.model.export import Candidate, check_parity, core_files, reference
from loopline.model.families import FitFailed, Problem, Sample, find
from loopline.model.features import Planned, make_plan, raw
from loopline.model.material import Material, Order, prepare
from loopline.model.matrix import matrix
from loopline.model.package import Package, pack, store, written
from loopline.model.predictor import BACKGROUND, Predictor, for_judging
from loopline.model.search import Found, Search
from loopline.workspace import Job

SEARCHED_AT_MOST = 100_000
"""Training rows that each candidate learns from in the search."""

_DIGITS = 12
_STUDY_READS = ("predict", "worth")


def run(job: Job) -> Facts:
    """The package that earns most, and what it earned on the test part."""
    order = Order.of(job.step.reads, job.step.inputs)
    table = job.step.inputs["table"]
    job.progress.say(f"reading {table['name']}")
    frame = _read(job, order)
    material = prepare(frame, order)
    learned = material.frame[material.learned]
    refused = excluded(order.constraints)
    planned = make_plan(learned, order.columns, time=order.time, leave_out={order.target, *order.key, *order.model.leave_out, *refused})
    planned = replace(planned, left_out={**planned.left_out, **refused})
    study = study_digest(job)
    whole = _whole(material, planned.plan)
    found = _search(job, material, planned.plan, whole, study)
    candidate = _last_fit(job, planned.plan, whole, found.best)
    job.progress.say("checking that the package scores as the model does, and looking at the test part")
    made = _package(job, material, planned, candidate, found, study)
    blobs = Blobs(job.workspace.lake)
    package = store(blobs, made.package)
    evidence = blobs.put(_parquet(material, planned.plan))
    _record_package(job, made, package)
    return _facts(job, made, found, planned, material, evidence)


def study_digest(job: Job) -> str:
    """What a trial's result depends on: more trials, or other words in the charter, find the earlier ones again."""
    reads = job.step.reads
    model = {name: value for name, value in reads["model"].items() if name not in ("search", "families")}
    same = {"model": model, **{name: reads[name] for name in _STUDY_READS}}
    return digest({"reads": same, "inputs": job.step.inputs, "code": [source_digest(room) for room in job.step.rooms]})


def _read(job: Job, order: Order) -> pl.DataFrame:
    table = job.step.inputs["table"]
    lazy = Tables(job.workspace.lake).read(table["name"], version=table["version"])
    there = lazy.collect_schema().names()
    return lazy.select([*order.read_columns(), *(name for name in HIDDEN if name in there)]).collect()


def _whole(material: Material, plan: Plan) -> Problem:
    """All that may be learned from: the training rows, and after them the validation rows."""
    order, rows = material.order, material.learned
    features = matrix(plan, encode(plan, raw(material.frame[rows], plan.columns)))
    return Problem(
        order.task,
        order.classes,
        plan.count_numbers,
        Sample(features, material.target(rows)),
        None,
        seed=order.model.seed,
        quantile=order.judge.quantile(material.part(material.parts.train)) if order.task == "regression" else 0.5,
        threads=_threads(),
        monotone=monotone_of(plan, order.constraints),
    )


def _last_fit(job: Job, plan: Plan, whole: Problem, best: Trial) -> Candidate:
    """The best candidate, fitted once more to the training and the validation rows.

    The latest rows teach most where time has passed: measured on the bank and the bicycle data, split by time, the last fit
    earned 14.2 instead of 2.0 per decision and lost 46 instead of 74; where rows are drawn at random it changes little. The policy
    stays the one that earned most on the validation rows while they were still unseen.
    """
    job.progress.say(f"fitting the best candidate ({best.family}) to the training and the validation rows")
    try:
        fitted = find(best.family, job.folder).fit(whole, {**best.params, **best.settled})
    except FitFailed as error:
        what = f"the best candidate ({best.family}) cannot be fitted to the validation rows too: {error}"
        raise CheckFailed(what, where="model", remedy="leave its family out of model.families") from None
    return Candidate(plan, fitted, best.policy)


def _search(job: Job, material: Material, plan: Plan, whole: Problem, study: str) -> Found:
    order, parts = material.order, material.parts
    known, cut = whole.train, len(parts.train)
    drawn = _drawn(cut, order.model.seed)
    train, held = Sample(known.features[drawn], known.target[drawn]), Sample(known.features[cut:], known.target[cut:])
    problem = replace(whole, train=train, validation=held, memo={})
    said = f"{len(train.target):,} rows to learn from, {len(plan.columns)} columns, {len(plan.features)} features"
    job.progress.say(f"searching: {order.model.search.trials} trials over {', '.join(order.model.families)}; {said}")
    search = Search(
        problem,
        {name: find(name, job.folder) for name in order.model.families},
        order.judge,
        material.part(parts.validation),
        known=_known_trials(job, study),
        record=lambda trial: _record_trial(job, study, trial),
        progress=job.progress,
    )
    return search.run(order.model.search)


def _drawn(rows: int, seed: int) -> slice | NDArray[np.int64]:
    """The training rows that candidates are compared on: all of them, or `SEARCHED_AT_MOST` drawn by the seed; the last fit learns from all."""
    if rows <= SEARCHED_AT_MOST:
        return slice(0, rows)
    return np.sort(np.random.default_rng(seed).choice(rows, SEARCHED_AT_MOST, replace=False))


def _threads() -> int:
    """Half of the processors that may be used.

    Threads that wait for one another spin: measured on two processors of which another process had one, two threads took 14 s where one
    took 0.9 s, and on idle ones they took 0.5 s instead of 0.7.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // 2)


def _known_trials(job: Job, study: str) -> dict[str, Trial]:
    """The study's trials by key; those from before the step's last success are not looked at, for then it runs again to be computed afresh."""
    ledger = job.workspace.ledger
    done = [entry.seq for entry in ledger.read(kinds=("step",), key=job.step.key) if entry.body["state"] == "succeeded"]
    entries = ledger.read(kinds=("trial",), subject=study, after=max(done, default=0))
    return {entry.key: Trial.of_json(entry.body) for entry in entries}


def _record_trial(job: Job, study: str, trial: Trial) -> None:
    job.workspace.ledger.append(Draft(kind="trial", subject=study, key=trial.key, body=trial.as_json(), parents=(job.attempt,)))


@dataclass(frozen=True, eq=False)
class _Made:
    """A package with what was measured on the way."""

    package: Package
    metrics: Mapping[str, Mapping[str, float | None]]
    worth: Mapping[str, Any]


def _package(job: Job, material: Material, planned: Planned, candidate: Candidate, found: Found, study: str) -> _Made:
    """The package of a candidate, and the one look at the test part, which is entered before it is taken."""
    order, parts = material.order, material.parts
    said = {
        "project": job.project,
        "task": order.task,
        "target": order.target,
        "positive": order.positive,
        "classes": list(order.classes),
        "key": list(order.key),
        "time": order.time,
        "family": found.best.family,
    }
    core = core_files(candidate, order)
    if tables := sorted({lookup["table"] for lookup in json.loads(core["signature.json"]).get("lookups", ())}):
        said["lookups"] = tables
    units = {name: order.units[name] for name in (*candidate.plan.columns, order.target) if name in order.units}
    background = make_background(raw(material.frame[material.learned], candidate.plan.columns), candidate.score, seed=order.model.seed, units=units)
    core[BACKGROUND] = written(background.as_json())
    predictor = Predictor(pack(said, core))
    parity = check_parity(candidate, predictor, material)
    _record_look(job, study, found.best, len(parts.test))
    scores = predictor.predict(raw(material.frame[parts.test], predictor.columns))
    test = order.judge.judged(material.part(parts.test), for_judging(scores), predictor.policy)
    measured = rounded({"validation": found.best.metrics, "test": metrics(test)})
    worth = rounded(_worth(material, test))
    rows = {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}
    told = card.Facts(
        manifest=said,
        decision=order.decision,
        currency=order.worth.currency,
        priced=order.worth.is_priced,
        worth=worth,
        metrics=measured,
        policy=candidate.policy,
        rows=rows,
        split=material.split,
        trials=len(found.trials),
        weights=_weights(candidate),
        left_out=planned.left_out,
        parity=parity,
    )
    contents = {
        **core,
        "reference.json": written(reference(candidate, material, scores)),
        "metrics.json": written({**measured, "worth": worth, "parity": parity, "rows": rows, "trials": len(found.trials)}),
        "card.md": card.write(told).encode(),
        "explanation.json": written(_explanation(material, predictor, background)),
    }
    return _Made(pack(said, contents), measured, worth)


def _explanation(material: Material, predictor: Predictor, background: Background) -> dict[str, Any]:
    """What the package does with its columns, seen on the test part."""
    order, rows = material.order, material.parts.test
    columns = raw(material.frame[rows], predictor.columns)
    part, judge = material.part(rows), order.judge
    return explain(Case(lambda mixed: for_judging(predictor.predict(mixed)), columns, part, judge, predictor.policy, background, order.model.seed))


def _worth(material: Material, test: Judged) -> dict[str, Any]:
    """Money per decision on the test part: the package's with its interval, and what stands beside it."""
    order = material.order
    known, part = material.part(material.learned), Part(test.outcome, test.columns)
    baseline, rule = _without_model(material)
    blocks = material.blocks(material.parts.test)
    low, high = interval(test.money, blocks, seed=order.model.seed)
    gain_low, gain_high = interval(test.money - baseline, blocks, seed=order.model.seed)
    return {
        "per_decision": float(test.money.mean()),
        "low": low,
        "high": high,
        "gain": {"mean": float((test.money - baseline).mean()), "low": gain_low, "high": gain_high},
        "baseline": float(baseline.mean()),
        "rule": rule,
        "constant": order.judge.unaided(known),
        "do_nothing": float(order.judge.worth.without_model(part.outcome, part.columns, known=known.outcome).mean()),
        "perfect": float(order.judge.worth.perfect(part.outcome, part.columns).mean()),
    }


def _without_model(material: Material) -> tuple[NDArray[np.float64], str]:
    """The money of each test row, shape (n,), by the best decision for all rows that the earlier parts tell; and that rule in words."""
    return material.order.judge.without_model(material.part(material.learned), material.part(material.parts.test))


def _weights(candidate: Candidate) -> list[tuple[str, float]]:
    """How much each raw column counts, the greatest first; a column is the sum of its features."""
    totals: dict[str, float] = {}
    for (column, _), share in zip(candidate.plan.features, candidate.fitted.weights(), strict=True):
        totals[column] = totals.get(column, 0.0) + float(share)
    return sorted(((name, share) for name, share in totals.items() if share > 0), key=lambda item: (-item[1], item[0]))


def rounded(value: Any) -> Any:
    """Plain values with their numbers cut to 12 digits: what differs beyond them differs by the processor."""
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _record_look(job: Job, study: str, best: Trial, rows: int) -> None:
    """Enters the look at the test part once; killed and run again, it is the same look."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("look",), subject=study, key=best.key, limit=1):
        ledger.append(Draft(kind="look", subject=study, key=best.key, body={"table": job.step.inputs["table"], "rows": rows}, parents=(job.attempt,)))


def _record_package(job: Job, made: _Made, package: str) -> None:
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("package",), subject=package, limit=1):
        body = {"manifest": made.package.manifest, "metrics": made.metrics, "worth": made.worth, "policy": made.package.parsed("policy.json")}
        ledger.append(Draft(kind="package", subject=package, key=job.step.key, body=body, parents=(job.attempt,)))


def _parquet(material: Material, plan: Plan) -> bytes:
    """The test part as Parquet: the raw columns that the package, its worth and its slices read, ``__outcome``, ``__unaided`` and ``__block``.

    ``__unaided`` is the money of each row's decision without the model, ``__block`` what the row is resampled with.
    """
    order = material.order
    needed = {*plan.columns, *order.key, *order.judge.worth.columns, *order.slices, *({order.time} - {None})}
    rows = material.parts.test
    frame = material.frame[rows].select([name for name in material.frame.columns if name in needed])
    outcome: Sequence[Any] = material.outcome[rows].tolist()
    into = io.BytesIO()
    unaided, _ = _without_model(material)
    own = (pl.Series("__outcome", outcome), pl.Series("__unaided", unaided), pl.Series("__block", material.blocks(rows)))
    frame.with_columns(own).write_parquet(into, compression="zstd")
    return into.getvalue()


def _facts(job: Job, made: _Made, found: Found, planned: Planned, material: Material, evidence: str) -> Facts:
    order, parts, worth = material.order, material.parts, made.worth
    best = found.best
    gain = worth["gain"]["mean"]
    says = (
        f"{best.family}, the best of {len(found.trials)} candidates, earns {figure(worth['per_decision'])} {order.worth.currency} per decision "
        f"({figure(worth['low'])} to {figure(worth['high'])}), {'+' if gain >= 0 else ''}{figure(gain)} against {worth['rule']}"
    )
    return {
        "says": says,
        "package": made.package.digest,
        "family": best.family,
        "params": dict(best.params),
        "task": order.task,
        "metrics": made.metrics,
        "worth": worth,
        "currency": order.worth.currency,
        "policy": dict(best.policy),
        "trials": len(found.trials),
        "study": study_digest(job),
        "rows": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "features": list(planned.plan.columns),
        "left_out": dict(planned.left_out),
        "evidence": evidence,
    }
