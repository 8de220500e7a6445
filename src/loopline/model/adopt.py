"""The import step's work: a model that was made elsewhere as a candidate, judged on the same rows as the search's package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.access.people import person
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import digest
from loopline.model import card, tracking
from loopline.model.bom import materials
from loopline.model.choosing import study_digest
from loopline.model.columns import raw
from loopline.model.evaluate import interval, metrics
from loopline.model.evidence import Kept, Rival
from loopline.model.export import TOLERANCE, Candidate, reference, signature
from loopline.model.foreign import Graph, match
from loopline.model.layout import NULLABLE, Layout
from loopline.model.making import content_of, earned, evidence_of, record_look, record_package, rounded
from loopline.model.material import Material, prepare, read_table
from loopline.model.order import Order
from loopline.model.package import Package, load, pack, store, written
from loopline.model.plan import Plan
from loopline.model.predictor import Predictor, Scores, for_judging
from loopline.model.signing import Trust, sign, signer
from loopline.workspace import Job

FAMILY = "imported"
_ROLES = {"champion": "the champion", "search": "the search's package"}
_PARITY = {"rows": 0, "max_error": 0.0, "tolerance": TOLERANCE}


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a candidate showed on validation and test rows, and how it stands against another package there; None against itself."""

    scores: Scores
    metrics: Mapping[str, Any]
    worth: Mapping[str, Any]
    evidence: bytes
    against: Mapping[str, Any] | None


def run(job: Job) -> Facts:
    """The imported package, or the package of an imported graph, and what it earned on the test part.

    Raises
    ------
    Mistake
        When it does not fit the table, or predicts another outcome.
    Fault
        When it is a package that nobody who is trusted signed.
    """
    order = Order.of(job.step.reads, job.step.inputs)
    proposal, blobs = job.step.inputs["proposal"], Blobs(job.workspace.lake)
    material = prepare(read_table(job, order), order)
    job.progress.say(f"judging the imported {proposal['name']}")
    if "package" in proposal:
        package = load(blobs, proposal["package"], Trust.of(job.workspace.ledger))
        _require_alike(package, order)
        judged = _judge(job, Predictor(package), material, proposal)
    else:
        package, judged = _made(job, Graph(blobs.get(proposal["graph"]), tuple(proposal["columns"])), material, proposal)
        store(blobs, package)
        key = signer(job.workspace.ledger, name=person(folder=job.folder).name)
        sign(job.workspace.ledger, package.digest, written(package.manifest), key, parents=(job.attempt,), made_for=job.by)
    record_package(job, package, judged.metrics, judged.worth, against=judged.against)
    tracking.log([tracking.of_package(study_digest(job), package, params={})], project=job.project, say=job.progress.say)
    plan = Plan.of_json(package.parsed("signature.json"))
    return _facts(job, package, judged, material, plan, blobs.put(judged.evidence))


def _require_alike(package: Package, order: Order) -> None:
    said = package.manifest
    ours = {"task": order.task, "target": order.target, "positive": order.positive, "classes": list(order.classes)}
    for name, value in ours.items():
        if said[name] != value:
            what = f"its {name} is {said[name]!r}, and the project's is {value!r}"
            raise Mistake(what, where=f"package {package.digest[:12]}", remedy="import a package that was made for the same outcome")
    there = {column.name for column in order.columns}
    absent = [name for name in Predictor(package).columns if name not in there]
    if absent:
        raise Mistake(f"it reads {', '.join(absent)}, which the table has not", where=f"package {package.digest[:12]}", remedy="deliver these columns")


def _made(job: Job, graph: Graph, material: Material, proposal: Mapping[str, Any]) -> tuple[Package, _Judged]:
    """The package of a graph: its policy is the one that earns most on the judged rows, with the metrics of the one look at the test part."""
    order = material.order
    usable = [column for column in order.columns if column.name in material.frame.columns and column.name != order.target]
    layout = match(graph, usable, task=order.task, classes=order.classes, positive=order.positive)
    plan = _plan(layout)
    said = {
        **{"project": job.project, "task": order.task, "target": order.target, "positive": order.positive, "classes": list(order.classes)},
        **{"key": list(order.key), "time": order.time, "family": FAMILY},
    }
    core = {
        "model.onnx": graph.data,
        "scoring.json": written({"members": [{"family": FAMILY, "weight": 1.0}], "calibration": None}),
        "signature.json": written({**_signature(plan, layout, order), "layout": layout.as_json()}),
    }
    rule = {"binary": {"kind": "threshold", "threshold": 0.5}, "multiclass": {"kind": "most_likely"}, "regression": {"kind": "value"}}[order.task]
    score = _scored(Predictor(pack(said, {**core, "policy.json": written(rule)})), material, material.judged)
    if order.task != "regression" and (score.min() < -1e-6 or score.max() > 1 + 1e-6):
        raise Mistake(
            "its scores are no probabilities between 0 and 1", where=str(proposal["name"]), remedy="export its predict_proba, not its decision function"
        )
    rule = order.judge.best_policy(material.part(material.judged), score)
    core["policy.json"] = written(rule)
    judged = _judge(job, Predictor(pack(said, core)), material, proposal)
    rows = _rows(material)
    told = card.Facts(
        manifest=said,
        decision=order.decision,
        currency=order.worth.currency,
        priced=order.worth.is_priced,
        worth=judged.worth,
        metrics=judged.metrics,
        policy=rule,
        rows=rows,
        split=material.split,
        trials=0,
        weights=(),
        left_out={},
        parity=_PARITY,
        against=judged.against,
    )
    contents = {
        **core,
        "reference.json": written(reference(Candidate(plan, (), rule), material, judged.scores)),
        "metrics.json": written({**judged.metrics, "worth": judged.worth, "parity": _PARITY, "rows": rows, "trials": 0}),
        "card.md": card.write(told).encode(),
        "card.html": card.page(told).encode(),
    }
    contents["bom.json"] = written(materials(said, contents, table=content_of(job, material.frame), params={}))
    return pack(said, contents), judged


def _plan(layout: Layout) -> Plan:
    """The graph's columns by their kind, for the signature and the reference profile; the graph encodes them itself."""
    kinds = {name: one.kind for one in layout.inputs for name in one.columns}
    numbers = tuple(name for name, kind in kinds.items() if kind != "text")
    return Plan(numbers, (), tuple((name, ()) for name in sorted(kinds) if kinds[name] == "text"))


def _signature(plan: Plan, layout: Layout, order: Order) -> dict[str, Any]:
    """The signature, in which a column that the graph cannot take as null is required."""
    strict = {name for one in layout.inputs if one.kind not in NULLABLE for name in one.columns}
    made = signature(plan, order)
    made["columns"] = [{**column, "required": column["required"] or column["name"] in strict} for column in made["columns"]]
    return made


def _scored(predictor: Predictor, material: Material, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    scores = for_judging(predictor.predict(raw(material.frame, predictor.columns, rows)))
    if not np.isfinite(scores).all():
        raise Mistake(
            f"it gives no score to {int((~np.isfinite(scores)).sum()):,} of {len(rows):,} rows",
            where="PATH",
            remedy="let it fill in nulls, and export it again",
        )
    return scores


def _judge(job: Job, predictor: Predictor, material: Material, proposal: Mapping[str, Any]) -> _Judged:
    """The one look at the test part, entered before it is taken."""
    judge, rows = material.order.judge, material.parts.test
    validation = judge.judged(material.part(material.judged), _scored(predictor, material, material.judged), predictor.policy)
    record_look(job, study_digest(job), digest(dict(proposal)), len(rows))
    scores = predictor.predict(raw(material.frame, predictor.columns, rows))
    test = judge.judged(material.part(rows), for_judging(scores), predictor.policy)
    measured, evidence = rounded({"validation": metrics(validation), "test": metrics(test)}), evidence_of(material)
    kept = Kept.of(evidence, material.order.task, judge.worth.columns)
    return _Judged(scores, measured, rounded(earned(material, test)), evidence, _against(job, predictor, test.money, kept, material.order))


def _against(job: Job, predictor: Predictor, money: NDArray[np.float64], kept: Kept, order: Order) -> dict[str, Any] | None:
    """How it stands against the champion, or else the search's package, on the same rows: the mean difference per decision with its interval."""
    asked = job.step.inputs["rival"]
    if asked["package"] == predictor.package:
        return None
    rival = Rival.of(Predictor.load(Blobs(job.workspace.lake), asked["package"], Trust.of(job.workspace.ledger)), predictor, kept, order.judge.worth)
    named = f"{_ROLES[asked['role']]} {rival.package[:8]}"
    if rival.earned is None:
        says = f"It could not be held against {named}: {rival.note}."
        return {**asked, "rows": len(money), "mean": None, "low": None, "high": None, "says": says}
    gap = money - rival.earned
    mean, (low, high) = float(gap.mean()), interval(gap, kept.blocks, seed=order.model.seed)
    side = f"{figure(abs(mean))} {order.worth.currency} {'less' if mean < 0 else 'more'}"
    sure = "beyond chance" if low > 0 or high < 0 else "which is within what chance gives"
    note = f"; {rival.note}" if rival.note else ""
    says = f"On the same {len(money):,} rows it earns {side} per decision than {named} ({figure(low)} to {figure(high)}), {sure}{note}."
    return {**asked, "rows": len(money), **rounded({"mean": mean, "low": low, "high": high}), "says": says}


def _rows(material: Material) -> dict[str, int]:
    parts = material.parts
    return {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}


def _facts(job: Job, package: Package, judged: _Judged, material: Material, plan: Plan, evidence: str) -> Facts:
    order, worth, against = material.order, judged.worth, judged.against
    gain = worth["gain"]["mean"]
    says = (
        f"the imported {job.step.inputs['proposal']['name']} earns {figure(worth['per_decision'])} {order.worth.currency} per decision "
        f"({figure(worth['low'])} to {figure(worth['high'])}), {_signed(gain)} against {worth['rule']}"
    )
    if against is not None and against["mean"] is not None:
        rival = f"{_ROLES[against['role']]} {against['package'][:8]}"
        says += f", {_signed(against['mean'])} ({figure(against['low'])} to {figure(against['high'])}) against {rival}"
    return {
        "says": says,
        "imported": True,
        "package": package.digest,
        "family": package.manifest["family"],
        "params": {},
        "task": order.task,
        "metrics": judged.metrics,
        "worth": worth,
        "against": against,
        "currency": order.worth.currency,
        "policy": package.parsed("policy.json"),
        "trials": 0,
        "study": study_digest(job),
        "rows": _rows(material),
        "features": list(plan.columns),
        "left_out": {},
        "evidence": evidence,
    }


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{figure(value)}"
