"""The review: the windows of the watch stage and what was decided in them, judged against the charter, as an entry and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from loopline.charter.metrics import slice_columns
from loopline.charter.spec import CharterSpec
from loopline.engine.step import Facts
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.store import Ledger
from loopline.model.package import load_manifest
from loopline.release.champion import history
from loopline.sheet.plain import markdown
from loopline.sheet.stored import plain
from loopline.value.case import Case, Promise
from loopline.value.caused import readings
from loopline.value.counted import counted
from loopline.value.criteria import criteria
from loopline.value.heard import heard
from loopline.value.hindsight import better
from loopline.value.monitors import judged
from loopline.value.report.report import report
from loopline.value.rules import Review, following, judge
from loopline.value.segments import COLUMNS, segments
from loopline.value.spec import ValueSpec
from loopline.watch.decisions import Decisions
from loopline.watch.gauge import shown
from loopline.watch.inquiry import Evidence, entries_about, gather, sliceable
from loopline.watch.spec import URGENCY
from loopline.watch.summary import bodies
from loopline.watch.upstream import between, happenings
from loopline.workspace import Job

EXPLAINED, CHANGES = 3, 12
"""Alerts that are explained, the most urgent first, and happenings upstream that are told, the newest."""
_RANGES = "unseen_ranges"
_RECENT = timedelta(days=31)
"""So far back it is read which steps failed, from now and from the day on which an open alert began."""


def run(job: Job) -> Facts:
    """The recommendation with its reasons, what was realised, what the next charter starts from, and the report's forms as blobs; entered once."""
    blobs, champion = Blobs(job.workspace.lake), job.step.inputs["champion"]
    case = case_of(job)
    review = judge(case)
    job.progress.say("writing the report")
    document = report(case, review)
    made = {
        "markdown": markdown(document),
        "document": json.dumps(plain(document)),
        "per_window": json.dumps(per_window(case)),
    }
    pages = {name: blobs.put(text.encode()) for name, text in made.items()}
    facts = {**told(case, review), **pages, "next": following(case, review), "breaches": judged(case)}
    newest = job.workspace.ledger.read(kinds=("review",), subject=champion or "", key=job.step.key, newest_first=True, limit=1)
    if not newest or newest[0].body != facts:
        job.workspace.ledger.append(Draft(kind="review", subject=champion or "", key=job.step.key, body=facts, parents=(job.attempt,)))
    return facts


def case_of(job: Job) -> Case:
    """What the review is made from; nothing is entered."""
    inputs, ledger, blobs = job.step.inputs, job.workspace.ledger, Blobs(job.workspace.lake)
    champion: str | None = inputs["champion"]
    charter, spec = CharterSpec.model_validate(job.step.reads["charter"]), ValueSpec.model_validate(job.step.reads["value"])
    windows = bodies(blobs, inputs["summary"])
    entries = read(ledger, champion, inputs["alerts"], moment=now())
    return Case(
        project=job.project,
        charter=charter,
        spec=spec,
        champion=champion,
        promise=None if champion is None else _promise(blobs, champion, charter),
        windows=windows,
        made=now().date(),
        until=None if inputs["until"] is None else datetime.fromisoformat(inputs["until"]),
        alerts=inputs["alerts"],
        has_earlier=inputs["has_earlier"],
        knows_the_data=inputs["knows_the_data"],
        retrained=inputs["retrained"],
        only_when_asked=inputs["only_when_asked"],
        roles=frozenset(inputs["roles"]),
        heard=heard(Tables(job.workspace.lake), inputs["versions"], inputs["feedback"]),
        changes=happenings(entries)[-CHANGES:],
        reigns=[reign.as_json() for reign in history([entry for entry in entries if entry.kind == "champion"])],
        experiments=inputs["experiments"],
        tables=inputs["tables"],
        lift=inputs["lift"],
        lift_over_time=() if inputs["lift"] is None else readings(job.workspace.lake, inputs["lift"]),
        cost=inputs["cost"],
        **({} if champion is None else _looked_into(job, charter, spec, windows, entries, champion)),
    )


def read(ledger: Ledger, package: str | None, alerts: Sequence[Mapping[str, Any]], *, moment: datetime) -> list[Entry]:
    """The entries that the review tells from; of the steps, which come at every turn, the newest, and those of the time in which an open alert began."""
    began = [datetime.fromisoformat(alert["since"]) for alert in alerts]
    steps = ledger.read(kinds=("step",), since=min([moment, *began]) - _RECENT)
    return entries_about(ledger, package, steps=steps)


def _looked_into(
    job: Job, charter: CharterSpec, spec: ValueSpec, windows: Sequence[Mapping[str, Any]], entries: Sequence[Entry], champion: str
) -> dict[str, Any]:
    """What single decisions of the champion tell; criteria that nothing tells of yet are told as such."""
    inputs, sees_all = job.step.inputs, charter.outcome_seen == "always"
    declared = {*spec.segments, *slice_columns(charter.acceptance)}
    job.progress.say("looking into single decisions")
    evidence = gather(
        job.workspace,
        champion,
        charter.worth,
        happened=partial(between, entries),
        versions=inputs["versions"],
        summary=inputs["summary"],
        proof=inputs["proof"],
        columns=declared,
    )
    decisions = evidence.decisions
    found: dict[str, Any] = {
        "criteria": criteria(charter.acceptance, decisions, windows, package=champion, sees_all=sees_all),
        "explained": _explained(evidence, inputs["alerts"], champion),
        "departed": [one for alert in inputs["alerts"] if alert["package"] == champion and alert["monitor"] == _RANGES for one in evidence.departed(alert)],
    }
    if decisions is None or len(decisions) < spec.outcomes_needed:
        return found
    return {
        **found,
        "segments": segments(decisions, spec.segments or sliceable(evidence.package)[:COLUMNS], confidence=spec.confidence),
        "better": better(decisions, evidence.policy, confidence=spec.confidence),
        "base_rate": _base_rate(decisions) if sees_all else None,
    }


def _base_rate(decisions: Decisions) -> float | None:
    return float(decisions.judged.outcome.mean()) if decisions.yardstick.task == "binary" else None


def _explained(evidence: Evidence, alerts: Sequence[Mapping[str, Any]], champion: str) -> list[Any]:
    own = [alert for alert in alerts if alert["package"] == champion]
    urgent = sorted(own, key=lambda alert: URGENCY.index(alert["monitor"]) if alert["monitor"] in URGENCY else len(URGENCY))
    return [made for alert in urgent[:EXPLAINED] if (made := evidence.explain(alert)) is not None]


def _promise(blobs: Blobs, package: str, charter: CharterSpec) -> Promise:
    manifest = load_manifest(blobs, package)
    measured, policy = (json.loads(blobs.get(manifest["files"][name])) for name in ("metrics.json", "policy.json"))
    hides = charter.outcome_seen == "when_acted" and manifest["task"] == "binary"
    return Promise.of(measured, shown=shown(measured, policy, charter.worth) if hides else 1.0)


def per_window(case: Case) -> list[dict[str, Any]]:
    """What each window earned against the target, as plain values."""
    return [one.as_json() for one in case.spans]


def told(case: Case, review: Review) -> dict[str, Any]:
    """The review as plain values. Money is per decision but for ``total``, which is of all decisions whose outcome is known."""
    whole, target = case.whole, case.charter.target
    baseline = whole.baseline if whole is not None else None if case.promise is None else case.promise.baseline
    return {
        "says": f"{review.recommendation}: {review.reasons[0].says}" + ("" if case.charter.worth.is_priced else " The charter has no prices yet."),
        "package": case.champion,
        "recommendation": review.recommendation,
        "reasons": [{"rule": reason.rule, "recommendation": reason.recommendation, "says": reason.says} for reason in review.reasons],
        "currency": case.currency,
        "priced": case.charter.worth.is_priced,
        "realised": _realised(case),
        "month": None if case.month is None else case.month.as_json(),
        "target_per_year": None if target is None else target.per_year,
        "baseline": baseline,
        "criteria": [one.as_json() for one in case.criteria],
        "segments": [one.as_json() for one in case.segments],
        "better_policy": None if case.better is None else case.better.as_json(),
        "explained": [{"says": one.says, **one.as_json()} for one in case.explained],
        "feedback": None if case.heard is None else case.heard.as_json(),
        "learned": learned(case),
        "made_from": made_from(case),
    }


def made_from(case: Case) -> dict[str, Any]:
    """What the review was made from: the decisions and outcomes up to a moment, and the version of each table."""
    until = max((str(window["end"]) for window in case.windows), default=None)
    return {**counted(case.windows).as_json(), "until": until, "tables": dict(case.tables)}


def _realised(case: Case) -> dict[str, Any] | None:
    whole = case.whole
    if whole is None:
        return None
    yearly = None if whole.yearly is None else whole.yearly.mean
    return {
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


def learned(case: Case) -> dict[str, Any]:
    """What the next charter starts from: what was only expected before and is known now; None for what is not."""
    whole = case.whole
    bills = {} if case.cost is None else case.cost.get("now", {}).get("bills", {})
    return {
        "base_rate": case.base_rate,
        "worth_per_decision": None if whole is None else whole.earned.mean,
        "added_per_decision": None if whole is None else whole.added.mean,
        "baseline_per_decision": None if whole is None else whole.baseline,
        "perfect_per_decision": None if whole is None else whole.perfect,
        "decisions_per_year": None if whole is None or whole.per_year is None else whole.per_year * whole.served / whole.decisions,
        "completeness": None if whole is None else whole.outcomes / whole.decisions,
        "cost_per_month": {place: bill["per_month"] for place, bill in bills.items()} or None,
        "criteria_held": {one.id: one.passed for one in case.criteria},
        "segments_that_lose": [one.name for one in case.segments if one.loses],
    }
