"""The package of a candidate: its files, and the one look at the test part."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from loopline.ledger.entry import Draft
from loopline.model import card
from loopline.model.assessing import assessed
from loopline.model.background import Background, make_background
from loopline.model.candidates import Part, Trial
from loopline.model.choosing import Choice, study_digest
from loopline.model.evaluate import Judged, interval, metrics
from loopline.model.explanation import Case, explain
from loopline.model.export import Candidate, check_parity, core_files, reference
from loopline.model.features import raw
from loopline.model.leaks import Finding
from loopline.model.material import Material
from loopline.model.package import Package, pack, written
from loopline.model.plan import Plan
from loopline.model.predictor import BACKGROUND, Predictor, for_judging
from loopline.model.proving import Whole
from loopline.model.unaided import best_way, ways
from loopline.workspace import Job

_DIGITS = 12


@dataclass(frozen=True, eq=False)
class Made:
    """A package with what was measured on the way."""

    package: Package
    metrics: Mapping[str, Mapping[str, float | None]]
    worth: Mapping[str, Any]


def make(job: Job, material: Material, whole: Whole, candidate: Candidate, choice: Choice, leaks: Sequence[Finding]) -> Made:
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
        "family": choice.best.family,
    }
    core = core_files(candidate, order)
    if tables := sorted({lookup["table"] for lookup in json.loads(core["signature.json"]).get("lookups", ())}):
        said["lookups"] = tables
    units = {name: order.units[name] for name in (*candidate.plan.columns, order.target) if name in order.units}
    background = make_background(raw(material.frame[material.learned], candidate.plan.columns), candidate.score, seed=order.model.seed, units=units)
    core[BACKGROUND] = written(background.as_json())
    predictor = Predictor(pack(said, core))
    parity = check_parity(candidate, predictor, material)
    _record_look(job, study_digest(job), choice.best, len(parts.test))
    scores = predictor.predict(raw(material.frame[parts.test], predictor.columns))
    test = order.judge.judged(material.part(parts.test), for_judging(scores), predictor.policy)
    measured = rounded({"validation": choice.best.metrics, "test": metrics(test)})
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
        trials=len(choice.trials),
        weights=_weights(candidate),
        left_out=whole.planned.left_out,
        parity=parity,
        questions=[f"{finding.says} ({finding.remedy.rstrip('.')})" for finding in leaks],
    )
    contents = {
        **core,
        "reference.json": written(reference(candidate, material, scores)),
        "metrics.json": written({**measured, "worth": worth, "parity": parity, "rows": rows, "trials": len(choice.trials)}),
        "card.md": card.write(told).encode(),
        "evaluation.json": written(assessed(job, material, candidate, choice, predictor)),
        "explanation.json": written(_explanation(material, predictor, background)),
    }
    return Made(pack(said, contents), measured, worth)


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
    beaten = best_way(material)
    baseline, rule = beaten.test, beaten.says
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
        "ways": [{"says": way.says, "per_decision": float(way.test.mean())} for way in ways(material)],
        "perfect": float(order.judge.worth.perfect(part.outcome, part.columns).mean()),
    }


def _weights(candidate: Candidate) -> list[tuple[str, float]]:
    """How much each raw column counts, the greatest first; a column is the sum of its features."""
    totals: dict[str, float] = {}
    for (column, _), share in zip(candidate.plan.features, candidate.weights(), strict=True):
        totals[column] = totals.get(column, 0.0) + float(share)
    return sorted(((name, share) for name, share in totals.items() if share > 0), key=lambda item: (-item[1], item[0]))


def rounded(value: Any) -> Any:
    """Plain values with their numbers cut to 12 digits: what differs beyond them differs by the processor."""
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _record_look(job: Job, study: str, best: Trial, rows: int) -> None:
    """Enters the look at the test part once; killed and run again, it is the same look."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("look",), subject=study, key=best.key, limit=1):
        ledger.append(Draft(kind="look", subject=study, key=best.key, body={"table": job.step.inputs["table"], "rows": rows}, parents=(job.attempt,)))


def record(job: Job, made: Made, package: str) -> None:
    """Enters the package once."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("package",), subject=package, limit=1):
        body = {"manifest": made.package.manifest, "metrics": made.metrics, "worth": made.worth, "policy": made.package.parsed("policy.json")}
        ledger.append(Draft(kind="package", subject=package, key=job.step.key, body=body, parents=(job.attempt,)))


def parquet(material: Material, plan: Plan) -> bytes:
    """The test part as Parquet: the raw columns that the package, its worth and its slices read, ``__outcome``, ``__unaided`` and ``__block``.

    ``__unaided`` is the money of each row's decision without the model, ``__block`` what the row is resampled with.
    """
    order = material.order
    needed = {*plan.columns, *order.key, *order.priced, *order.slices, *({order.time} - {None})}
    rows = material.parts.test
    frame = material.frame[rows].select([name for name in material.frame.columns if name in needed])
    outcome: Sequence[Any] = material.outcome[rows].tolist()
    into = io.BytesIO()
    unaided = best_way(material).test
    own = (pl.Series("__outcome", outcome), pl.Series("__unaided", unaided), pl.Series("__block", material.blocks(rows)))
    frame.with_columns(own).write_parquet(into, compression="zstd")
    return into.getvalue()
