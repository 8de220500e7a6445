"""The review: the windows of the watch stage judged against the charter, as an entry and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loopline.charter.spec import CharterSpec
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Draft
from loopline.model.package import load_manifest
from loopline.value.report import html, markdown
from loopline.value.rules import Case, Promise, Review, following, judge
from loopline.value.spec import ValueSpec
from loopline.workspace import Job


def run(job: Job) -> Facts:
    """The recommendation with its reasons, what was realised, and the report's two forms as blobs; entered once."""
    blobs, champion = Blobs(job.workspace.lake), job.step.inputs["champion"]
    case = Case(
        project=job.project,
        charter=CharterSpec.model_validate(job.step.reads["charter"]),
        spec=ValueSpec.model_validate(job.step.reads["value"]),
        champion=champion,
        promise=None if champion is None else _promise(blobs, champion),
        windows=json.loads(blobs.get(job.step.inputs["summary"])),
        alerts=job.step.inputs["alerts"],
        has_earlier=job.step.inputs["has_earlier"],
        knows_the_data=job.step.inputs["knows_the_data"],
        lift=job.step.inputs["lift"],
    )
    review = judge(case)
    job.progress.say("writing the report")
    pages = {"html": blobs.put(html(case, review).encode()), "markdown": blobs.put(markdown(case, review).encode())}
    facts = {**told(case, review), **pages, "next": following(case, review)}
    newest = job.workspace.ledger.read(kinds=("review",), subject=champion or "", key=job.step.key, newest_first=True, limit=1)
    if not newest or newest[0].body != facts:
        job.workspace.ledger.append(Draft(kind="review", subject=champion or "", key=job.step.key, body=facts, parents=(job.attempt,)))
    return facts


def _promise(blobs: Blobs, package: str) -> Promise:
    measured: Mapping[str, Any] = json.loads(blobs.get(load_manifest(blobs, package)["files"]["metrics.json"]))
    return Promise.of(measured)


def told(case: Case, review: Review) -> dict[str, Any]:
    """The review as plain values. Money is per decision but for ``total``, which is of all decisions whose outcome is known."""
    whole, target = case.whole, case.charter.target
    realised = None
    if whole is not None:
        yearly = None if whole.per_year is None else whole.added.mean * whole.per_year
        realised = {
            "total": whole.earned.mean * whole.outcomes,
            "per_decision": whole.earned.mean,
            "low": whole.earned.low,
            "high": whole.earned.high,
            "added": {"per_decision": whole.added.mean, "low": whole.added.low, "high": whole.added.high, "per_year": yearly},
            "perfect": whole.perfect,
            "target": whole.target(case.charter),
            "decisions": whole.decisions,
            "outcomes": whole.outcomes,
            "since": whole.since.isoformat(),
            "until": whole.until.isoformat(),
        }
    baseline = whole.baseline if whole is not None else None if case.promise is None else case.promise.baseline
    return {
        "says": f"{review.recommendation}: {review.reasons[0].says}" + ("" if case.charter.worth.is_priced else " The charter has no prices yet."),
        "package": case.champion,
        "recommendation": review.recommendation,
        "reasons": [{"rule": reason.rule, "recommendation": reason.recommendation, "says": reason.says} for reason in review.reasons],
        "currency": case.currency,
        "priced": case.charter.worth.is_priced,
        "realised": realised,
        "target_per_year": None if target is None else target.per_year,
        "baseline": baseline,
    }
