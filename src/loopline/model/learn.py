"""The model stage's work: from the main table to a package, with every trial and the one look at the test part in the ledger."""

from __future__ import annotations

import time
from typing import Any

from loopline.access.people import person
from loopline.declaration import figure
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.model import tracking
from loopline.model.choosing import Choice, choose, study_digest, workbench
from loopline.model.export import Candidate
from loopline.model.features import Planned
from loopline.model.leaks import case_of, find_leaks, require_none
from loopline.model.making import Made, evidence_of, make, record_package, rounded
from loopline.model.material import Material, prepare, read_table
from loopline.model.order import Order
from loopline.model.package import store, written
from loopline.model.proving import noise_of, usable_threads, whole_of
from loopline.model.signing import sign, signer
from loopline.model.spec import require_installed
from loopline.workspace import Job


def run(job: Job) -> Facts:
    """The package that earns most, and what it earned on the test part."""
    since_s = time.monotonic()
    require_installed(job.step.reads["model"]["families"])
    order = Order.of(job.step.reads, job.step.inputs)
    key = signer(job.workspace.ledger, name=person(folder=job.folder).name)
    if key.is_new:
        job.progress.say(f"made your key, with which packages are signed: {key.file}")
    table = job.step.inputs["table"]
    job.progress.say(f"reading {table['name']}")
    material = prepare(read_table(job, order), order)
    with workbench(job, material) as bench:
        job.progress.say("looking for leaks")
        leaks = require_none(find_leaks(case_of(material)), order.model.leaks.allow)
        dropped = noise_of(material, threads=usable_threads()) if order.selects else ()
        material = material.without({one.column: one.says for one in dropped})
        whole = whole_of(material, threads=1)
        choice = choose(job, material, whole, bench, since_s)
    candidate = Candidate(whole.plan, choice.members, _policy(material, choice), choice.calibration)
    job.progress.say("checking that the package scores as the model does, and looking at the test part")
    made = make(job, material, whole, candidate, choice, leaks)
    blobs = Blobs(job.workspace.lake)
    package = store(blobs, made.package)
    sign(job.workspace.ledger, package, written(made.package.manifest), key, parents=(job.attempt,), made_for=job.by)
    evidence = blobs.put(evidence_of(material))
    record_package(job, made.package, made.metrics, made.worth)
    tracking.log(tracking.of_search(study_digest(job), choice.trials, made.package, best=choice.best.key), project=job.project, say=job.progress.say)
    found = {"leaks": [rounded(finding.as_json()) for finding in leaks], "dropped": [one.as_json() for one in dropped]}
    return {**_facts(job, made, choice, whole.planned, material, evidence), **found}


def _policy(material: Material, choice: Choice) -> dict[str, Any]:
    """The chosen candidate's policy, with how sure it is on the judged rows."""
    rows, order = material.judged, material.order
    rule = order.judge.sure_policy(material.part(rows), choice.scores, choice.best.policy, material.blocks(rows), seed=order.model.seed)
    return {**rule, "chosen_on": rounded(rule["chosen_on"])} if "chosen_on" in rule else rule


def _facts(job: Job, made: Made, choice: Choice, planned: Planned, material: Material, evidence: str) -> Facts:
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
        "policy": made.package.parsed("policy.json"),
        "trials": len(choice.trials),
        "study": study_digest(job),
        "rows": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "features": list(planned.plan.columns),
        "left_out": dict(planned.left_out),
        "evidence": evidence,
        "search": {
            "ended": choice.ended,
            "seconds": round(choice.searched_s, 3),
            "worked_s": round(choice.worked_s, 3),
            "workers": choice.workers,
            "members": [{"family": member.family, "weight": member.weight} for member in choice.members],
        },
    }
