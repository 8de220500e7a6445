"""The package of a candidate: its files, and the one look at the test part."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from loopline.charts import svg
from loopline.data.spec import HIDDEN
from loopline.ledger.entry import Draft
from loopline.model import card
from loopline.model.assessing import assessed
from loopline.model.assessment.pictures import misjudged, most_lost, worth_curve
from loopline.model.background import Background, make_background
from loopline.model.bom import materials
from loopline.model.candidates import Part
from loopline.model.choosing import Choice, study_digest
from loopline.model.columns import raw
from loopline.model.evaluate import Judged, interval, metrics
from loopline.model.evidence import BLOCK, OUTCOME, UNAIDED
from loopline.model.explanation import Case, explain
from loopline.model.export import Candidate, check_parity, core_files, reference
from loopline.model.leaks import Finding
from loopline.model.material import Material
from loopline.model.order import Order
from loopline.model.package import Package, pack, written
from loopline.model.predictor import BACKGROUND, Predictor, for_judging
from loopline.model.proving import Whole, processors
from loopline.model.rules import First, Points
from loopline.model.unaided import best_way, ways
from loopline.workspace import Job

_DIGITS = 12
_HASHED_ROWS = 20_000
_BACKGROUND_OF = 50_000
"""Rows whose quantiles and frequencies the background has; more hardly move them."""


@dataclass(frozen=True, eq=False)
class Made:
    """A package with what was measured on the way."""

    package: Package
    metrics: Mapping[str, Mapping[str, float | None]]
    worth: Mapping[str, Any]


def make(job: Job, material: Material, whole: Whole, candidate: Candidate, choice: Choice, leaks: Sequence[Finding]) -> Made:
    """The package of a candidate, and the one look at the test part, which is entered before it is taken."""
    order, parts = material.order, material.parts
    said = _said(job, order, choice)
    core = core_files(candidate, order)
    if tables := sorted({lookup["table"] for lookup in json.loads(core["signature.json"]).get("lookups", ())}):
        said["lookups"] = tables
    units = {name: order.units[name] for name in (*candidate.plan.columns, order.target) if name in order.units}
    drawn = np.random.default_rng(order.model.seed).permutation(len(material.learned))[:_BACKGROUND_OF]
    shown = raw(material.frame, candidate.plan.columns, material.learned[np.sort(drawn)])
    background = make_background(shown, candidate.score, seed=order.model.seed, units=units)
    core[BACKGROUND] = written(background.as_json())
    # Nothing else works now: all processors score, and scores do not hang on how many there are.
    predictor = Predictor(pack(said, core), threads=processors())
    parity = check_parity(candidate, predictor, material)
    record_look(job, study_digest(job), choice.best.key, len(parts.test))
    scores = predictor.predict(raw(material.frame, predictor.columns, parts.test))
    test = order.judge.judged(material.part(parts.test), for_judging(scores), predictor.policy)
    measured = rounded({"validation": choice.best.metrics, "test": metrics(test)})
    worth = rounded(earned(material, test))
    rows = {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}
    evaluation = assessed(job, material, candidate, choice, predictor)
    explanation = {**_explanation(material, predictor, background), **_rules(candidate)}
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
        members=[(member.family, member.weight) for member in candidate.members] if len(candidate.members) > 1 else (),
        evaluation=evaluation,
        explanation=explanation,
        leaks=[{"says": f"{finding.says} ({finding.remedy.rstrip('.')})"} for finding in leaks],
        pictures=_pictures(evaluation),
    )
    contents = {
        **core,
        "reference.json": written(reference(candidate, material, scores)),
        "metrics.json": written({**measured, "worth": worth, "parity": parity, "rows": rows, "trials": len(choice.trials)}),
        "evaluation.json": written(evaluation),
        "explanation.json": written(explanation),
        "card.md": card.write(told).encode(),
        "card.html": card.page(told).encode(),
    }
    contents["bom.json"] = written(materials(said, contents, table=content_of(job, material.frame), params=choice.best.params))
    return Made(pack(said, contents), measured, worth)


def _said(job: Job, order: Order, choice: Choice) -> dict[str, Any]:
    """What the package is, for its manifest."""
    return {
        "project": job.project,
        "task": order.task,
        "target": order.target,
        "positive": order.positive,
        "classes": list(order.classes),
        "key": list(order.key),
        "time": order.time,
        "family": choice.best.family,
    }


def _explanation(material: Material, predictor: Predictor, background: Background) -> dict[str, Any]:
    """What the package does with its columns, seen on the test part."""
    order, rows = material.order, material.parts.test
    columns = raw(material.frame, predictor.columns, rows)
    part, judge = material.part(rows), order.judge
    return explain(Case(lambda mixed: for_judging(predictor.predict(mixed)), columns, part, judge, predictor.policy, background, order.model.seed))


def _rules(candidate: Candidate) -> dict[str, Any]:
    """The expert's rules as the members have them, the heaviest first; nothing where none is made of rules alone."""
    names = [name for _, name in candidate.plan.features]
    made = [(member.weight, member.fitted) for member in candidate.members]
    told = [{"weight": weight, **fitted.told(names)} for weight, fitted in made if isinstance(fitted, First | Points)]
    return {"rules": rounded(told)} if told else {}


def _pictures(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """The pictures of the card, as SVG, by the chapter under which they stand."""
    drawn = {"What it earns": worth_curve(evaluation), "Where it fails": misjudged(evaluation) or most_lost(evaluation)}
    return {chapter: svg(spec) for chapter, spec in drawn.items() if spec is not None}


def content_of(job: Job, frame: pl.DataFrame) -> dict[str, Any]:
    """The table's name, its rows and the SHA-256 of their values: the same in every workspace that was brought the same rows."""
    digest = hashlib.sha256(repr(frame.schema).encode())
    for piece in frame.iter_slices(_HASHED_ROWS):
        digest.update(piece.write_csv().encode())
    return {"name": job.step.inputs["table"]["name"], "rows": frame.height, "sha256": digest.hexdigest()}


def earned(material: Material, test: Judged) -> dict[str, Any]:
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


def record_look(job: Job, study: str, key: str, rows: int) -> None:
    """Enters the look at the test part once; killed and run again, it is the same look."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("look",), subject=study, key=key, limit=1):
        ledger.append(Draft(kind="look", subject=study, key=key, body={"table": job.step.inputs["table"], "rows": rows}, parents=(job.attempt,)))


def record_package(job: Job, package: Package, measured: Mapping[str, Any], worth: Mapping[str, Any], **more: Any) -> None:
    """Enters a package that was made, once; with what more is to be told of it."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("package",), subject=package.digest, limit=1):
        body = {"manifest": package.manifest, "metrics": measured, "worth": worth, "policy": package.parsed("policy.json"), **more}
        ledger.append(Draft(kind="package", subject=package.digest, key=job.step.key, body=body, parents=(job.attempt,)))


def evidence_of(material: Material) -> bytes:
    """The test part as Parquet: every column that was read of the table, for another package may look at more, and ``__outcome``, ``__unaided``, ``__block``.

    ``__unaided`` is the money of each row's decision without the model, ``__block`` what the row is resampled with.
    """
    rows = material.parts.test
    outcome: Sequence[Any] = material.outcome[rows].tolist()
    own = (pl.Series(OUTCOME, outcome), pl.Series(UNAIDED, best_way(material).test), pl.Series(BLOCK, material.blocks(rows)))
    into = io.BytesIO()
    material.frame[rows].drop(HIDDEN, strict=False).with_columns(own).write_parquet(into, compression="zstd")
    return into.getvalue()
