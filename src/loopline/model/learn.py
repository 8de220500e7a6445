"""The model stage's work: from the main table to a package, with every trial and the one look at the test part in the ledger."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loopline.access.people import person
from loopline.data.spec import HIDDEN
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft
from loopline.model import card, tracking
from loopline.model.bom import materials
from loopline.model.candidates import Part
from loopline.model.choosing import Choice, choose, study_digest
from loopline.model.evaluate import Judged, interval, metrics
from loopline.model.export import Candidate, check_parity, core_files, reference
from loopline.model.features import Planned, raw
from loopline.model.material import Material, prepare
from loopline.model.order import Order
from loopline.model.package import Package, pack, store, written
from loopline.model.predictor import Predictor, for_judging
from loopline.model.proving import whole_of
from loopline.model.signing import sign, signer
from loopline.workspace import Job

_DIGITS = 12
_HASHED_ROWS = 100_000


def run(job: Job) -> Facts:
    """The package that earns most, and what it earned on the test part."""
    since_s = time.monotonic()
    order = Order.of(job.step.reads, job.step.inputs)
    key = signer(job.workspace.ledger, name=person(folder=job.folder).name)
    if key.is_new:
        job.progress.say(f"made your key, with which packages are signed: {key.file}")
    table = job.step.inputs["table"]
    job.progress.say(f"reading {table['name']}")
    material = prepare(read_table(job, order), order)
    whole = whole_of(material, threads=1)
    choice = choose(job, material, whole, since_s)
    candidate = Candidate(whole.plan, choice.members, choice.best.policy)
    job.progress.say("checking that the package scores as the model does, and looking at the test part")
    study = study_digest(job)
    made = _package(job, material, whole.planned, candidate, choice, study)
    blobs = Blobs(job.workspace.lake)
    package = store(blobs, made.package)
    sign(job.workspace.ledger, package, written(made.package.manifest), key, parents=(job.attempt,))
    evidence = blobs.put(evidence_of(material, whole.plan.columns))
    record_package(job, made.package, made.metrics, made.worth)
    tracking.log(tracking.of_search(study, choice.trials, made.package, best=choice.best.key), project=job.project, say=job.progress.say)
    return _facts(job, made, choice, whole.planned, material, evidence)


def read_table(job: Job, order: Order) -> pl.DataFrame:
    """The main table's columns that are needed, in the version that the step was given."""
    table = job.step.inputs["table"]
    lazy = Tables(job.workspace.lake).read(table["name"], version=table["version"])
    there = lazy.collect_schema().names()
    return lazy.select([*order.read_columns(), *(name for name in HIDDEN if name in there)]).collect()


@dataclass(frozen=True, eq=False)
class _Made:
    """A package with what was measured on the way."""

    package: Package
    metrics: Mapping[str, Mapping[str, float | None]]
    worth: Mapping[str, Any]


def _package(job: Job, material: Material, planned: Planned, candidate: Candidate, choice: Choice, study: str) -> _Made:
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
    predictor = Predictor(pack(said, core))
    parity = check_parity(candidate, predictor, material)
    record_look(job, study, choice.best.key, len(parts.test))
    scores = predictor.predict(raw(material.frame[parts.test], predictor.columns))
    test = order.judge.judged(material.part(parts.test), for_judging(scores), predictor.policy)
    measured = rounded({"validation": choice.best.metrics, "test": metrics(test)})
    worth = rounded(earned(material, test))
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
        left_out=planned.left_out,
        parity=parity,
        members=[(member.family, member.weight) for member in candidate.members] if len(candidate.members) > 1 else (),
    )
    contents = {
        **core,
        "reference.json": written(reference(candidate, material, scores)),
        "metrics.json": written({**measured, "worth": worth, "parity": parity, "rows": rows, "trials": len(choice.trials)}),
        "card.md": card.write(told).encode(),
        "card.html": card.page(told).encode(),
    }
    contents["bom.json"] = written(materials(said, contents, table=content_of(job, material.frame), params=choice.best.params))
    return _Made(pack(said, contents), measured, worth)


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
    for (column, _), share in zip(candidate.plan.features, candidate.weights(), strict=True):
        totals[column] = totals.get(column, 0.0) + float(share)
    return sorted(((name, share) for name, share in totals.items() if share > 0), key=lambda item: (-item[1], item[0]))


def rounded(value: Any) -> Any:
    """Plain values with their numbers cut to 12 digits: what differs beyond them differs by the processor."""
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def record_look(job: Job, study: str, key: str, rows: int) -> None:
    """Enters the look at the test part once; killed and run again, it is the same look."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("look",), subject=study, key=key, limit=1):
        ledger.append(Draft(kind="look", subject=study, key=key, body={"table": job.step.inputs["table"], "rows": rows}, parents=(job.attempt,)))


def record_package(job: Job, package: Package, measured: Mapping[str, Any], worth: Mapping[str, Any]) -> None:
    """Enters a package that was made, once."""
    ledger = job.workspace.ledger
    if not ledger.read(kinds=("package",), subject=package.digest, limit=1):
        body = {"manifest": package.manifest, "metrics": measured, "worth": worth, "policy": package.parsed("policy.json")}
        ledger.append(Draft(kind="package", subject=package.digest, key=job.step.key, body=body, parents=(job.attempt,)))


def evidence_of(material: Material, columns: Sequence[str]) -> bytes:
    """The test part as Parquet: these raw columns, those that its worth and its slices read, ``__outcome``, ``__unaided`` and ``__block``.

    ``__unaided`` is the money of each row's decision without the model, ``__block`` what the row is resampled with.
    """
    order = material.order
    needed = {*columns, *order.key, *order.judge.worth.columns, *order.slices, *({order.time} - {None})}
    rows = material.parts.test
    frame = material.frame[rows].select([name for name in material.frame.columns if name in needed])
    outcome: Sequence[Any] = material.outcome[rows].tolist()
    into = io.BytesIO()
    unaided, _ = _without_model(material)
    own = (pl.Series("__outcome", outcome), pl.Series("__unaided", unaided), pl.Series("__block", material.blocks(rows)))
    frame.with_columns(own).write_parquet(into, compression="zstd")
    return into.getvalue()


def _facts(job: Job, made: _Made, choice: Choice, planned: Planned, material: Material, evidence: str) -> Facts:
    order, parts, worth = material.order, material.parts, made.worth
    best = choice.best
    gain = worth["gain"]["mean"]
    says = (
        f"{best.family}, the best of {len(choice.trials)} candidates, earns {figure(worth['per_decision'])} {order.worth.currency} per decision "
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
        "trials": len(choice.trials),
        "study": study_digest(job),
        "rows": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "features": list(planned.plan.columns),
        "left_out": dict(planned.left_out),
        "evidence": evidence,
    }
