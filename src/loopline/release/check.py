"""The check of a package: the evidence is gathered, and every gate judges it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

import numpy as np

from loopline.charter.metrics import ALIASES, slice_columns, sliced
from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec, Criterion, Task
from loopline.charter.worth import Worth
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.model.assessment.fairness import MEASURES
from loopline.model.candidates import Judge
from loopline.model.evaluate import METRICS, Judged, metrics
from loopline.model.evidence import Kept, Rival
from loopline.model.package import Package, load, written
from loopline.model.policy import columns_of
from loopline.model.predictor import Predictor, for_judging
from loopline.model.signing import Trust
from loopline.release.acceptance import asked_for
from loopline.release.advisories import Advisory
from loopline.release.advisories import parse as parse_advisories
from loopline.release.evidence import Evidence, Spent, Verdict
from loopline.release.gates import judge, slow_ms
from loopline.release.measure import Measured, measure
from loopline.release.passed import passed_in_words
from loopline.release.spec import ReleaseSpec
from loopline.workspace import Job

_SAMPLE = 200
_TRIES = 5
_SAME = 1e-6


def run(job: Job) -> Facts:
    """The verdict of every gate on the package."""
    inputs, reads = job.step.inputs, job.step.reads
    charter, limits = CharterSpec.model_validate(reads["charter"]), ReleaseSpec.model_validate(reads["release"])
    blobs, trust = Blobs(job.workspace.lake), Trust.of(job.workspace.ledger)
    job.progress.say(f"judging {inputs['package'][:8]} on its test part")
    package = load(blobs, inputs["package"], trust)
    predictor = Predictor(package, threads=_threads())
    judging = Judge(predictor.task, predictor.classes, Worth.of(charter.worth, predictor.task))
    names = frozenset[str]().union(*(criterion.names for criterion in charter.acceptance))
    test = Kept.of(blobs.get(inputs["evidence"]), predictor.task, judging.worth.columns | slice_columns(charter.acceptance) | {*columns_of(predictor.policy)})
    for criterion in charter.acceptance:
        require_known(criterion, predictor.task, test.frame.columns)
    require_measured(limits, predictor.task)
    scores = test.scores(predictor)
    judged = judging.judged(test.part, for_judging(scores), predictor.policy)
    rows = _sample(test, predictor.columns)
    job.progress.say("measuring latency and memory")
    measured = _measured(job, package.digest, trust, rows, limits.latency_ms)
    rival = _rival(blobs, inputs["champion"], trust, predictor, test, judging)
    evidence = Evidence(
        package=package.digest,
        limits=limits,
        currency=judging.worth.currency,
        read=inputs["rows read"],
        refused=inputs["rows refused"],
        earned=judged.money,
        unaided=test.unaided,
        blocks=test.blocks,
        rival=inputs["champion"],
        rival_earned=None if rival is None else rival.earned,
        rival_note="" if rival is None else rival.note,
        **asked_for(judged, names),
        latency_ms=np.array(measured.latency_ms),
        memory_mb=measured.memory_mb,
        parity=_parity({**package.parsed("metrics.json"), **({"test": inputs["measured"]} if "measured" in inputs else {})}, judged, predictor, rows),
        tests={name: (found, among) for name, (found, among) in inputs["tests"].items()},
        **_told(package),
        signed_by=trust.require(package.digest, written(package.manifest)),
        advisories=_advisories(job, limits),
        spent=_spent(charter, inputs),
    )
    return _facts(evidence, judge(evidence, charter.acceptance))


def _told(package: Package) -> dict[str, Any]:
    """The package's own evaluation and bill of materials, where it has them; an imported graph has no evaluation."""
    files = {"evaluation": "evaluation.json", "bill": "bom.json"}
    return {name: package.parsed(file) for name, file in files.items() if file in package.contents}


def _advisories(job: Job, limits: ReleaseSpec) -> tuple[Advisory, ...] | None:
    name = limits.gates.vulnerabilities.advisories
    if name is None:
        return None
    where = f"release.gates.vulnerabilities.advisories: {name}"
    try:
        return parse_advisories((job.folder / name).read_text(encoding="utf-8"), where=where)
    except UnicodeDecodeError:
        raise Mistake("the file is not UTF-8 text", where=where, remedy="give a JSON file in OSV's format") from None
    except OSError as error:
        raise Mistake(f"the file cannot be read ({error.strerror})", where=where, remedy="give a JSON file in OSV's format") from None


def _spent(charter: CharterSpec, inputs: Mapping[str, Any]) -> Spent:
    return Spent(
        **inputs.get("spent", {}),
        book=Prices.model_validate(inputs.get("prices", {})),
        decisions_per_year=None if charter.volume is None else charter.volume.per_year,
        build=charter.budget.build,
        run_per_year=None if charter.budget.run is None else charter.budget.run.per_year,
    )


def _sample(test: Kept, names: Sequence[str]) -> list[dict[str, Any]]:
    """Up to `_SAMPLE` rows, spread evenly, as the plain values of a request."""
    step = max(1, test.frame.height // _SAMPLE)
    rows = test.frame.select(names).gather_every(step).head(_SAMPLE).to_dicts()
    return [{name: _plain(item) for name, item in row.items()} for row in rows]


def _measured(job: Job, package: str, trust: Trust, rows: Sequence[Mapping[str, Any]], limit_ms: float) -> Measured:
    """What the package takes; too slow, it is measured again, and the quickest time counts: a busy moment is no property of the package."""
    best = measure(job.workspace.lake, package, trust, rows)
    for _ in range(_TRIES - 1):
        if slow_ms(best.latency_ms) <= limit_ms:
            break
        job.progress.say("too slow: measuring once more")
        best = min(best, measure(job.workspace.lake, package, trust, rows), key=lambda one: slow_ms(one.latency_ms))
        if np.median(best.latency_ms) > limit_ms:
            # It is not a few that had to wait for others.
            break
    return best


def require_known(criterion: Criterion, task: Task, columns: Sequence[str]) -> None:
    """Check that a criterion names only metrics of the task and columns of the test part.

    Raises
    ------
    Mistake
        Naming the first that is unknown, and the nearest right word.
    """
    known = [*METRICS[task], *ALIASES]
    for name in sorted(criterion.names):
        column, metric = sliced(name) or (None, name)
        for word, among, what in ((column, columns, "column"), (metric, known, f"{task} metric")):
            if word is not None and word not in among:
                near = get_close_matches(word, among, n=1, cutoff=0.5)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(among)}"
                raise Mistake(f"{criterion.check!r} names the {what} {word!r}, which is not there", where=f"charter.acceptance {criterion.id}", remedy=remedy)


def require_measured(limits: ReleaseSpec, task: Task) -> None:
    """Check that the bounds on fairness name only measures of the task.

    Raises
    ------
    Mistake
        Naming the first that is unknown, and the nearest right word.
    """
    known = [name for name in MEASURES[task] if name != "happened"]
    for column, measures in limits.gates.fairness.items():
        for name in measures:
            if name not in known:
                near = get_close_matches(name, known, n=1, cutoff=0.5)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
                raise Mistake(f"there is no {task} measure {name!r} of groups", where=f"release.gates.fairness.{column}", remedy=remedy)


def _rival(blobs: Blobs, champion: str | None, trust: Trust, predictor: Predictor, test: Kept, judging: Judge) -> Rival | None:
    """The champion on the same rows, where there is another one."""
    return None if champion is None else Rival.of(Predictor.load(blobs, champion, trust, threads=_threads()), predictor, test, judging.worth)


def _parity(recorded: Mapping[str, Any], judged: Judged, predictor: Predictor, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Each comparison's largest difference, as a share of what is allowed."""
    made = recorded["parity"]
    before, now = recorded["test"], metrics(judged)
    changed = [_share(number, before.get(name), _SAME) for name, number in now.items()]
    return {
        "package and model when it was made": made["max_error"] / made["tolerance"],
        "test metrics then and now": max(changed),
        "a row alone and among others": _alone(predictor, rows, made["tolerance"]),
    }


def _plain(item: Any) -> Any:
    """A value as JSON has it: dates as texts, no NaN and no infinity."""
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    return item if item is None or isinstance(item, (bool, int, str)) else str(item)


def _share(one: float | None, other: float | None, allowed: float) -> float:
    """The difference of two numbers as a share of what is allowed; enormous where only one is defined."""
    if one is None or other is None:
        return 0.0 if one is other else 1 / allowed
    return abs(one - other) / (allowed * max(1.0, abs(other)))


def _alone(predictor: Predictor, rows: Sequence[Mapping[str, Any]], tolerance: float) -> float:
    """How far the scores of single rows, given as a request gives them, are from those of the same rows together."""
    together = for_judging(predictor.predict({name: [row[name] for row in rows] for name in predictor.columns}))
    alone = np.concatenate([for_judging(predictor.predict({name: [row[name]] for name in predictor.columns})) for row in rows])
    return float(np.max(np.abs(alone - together) / (tolerance * np.maximum(1.0, np.abs(together)))))


def _facts(evidence: Evidence, verdicts: Sequence[Verdict]) -> Facts:
    failed = [verdict for verdict in verdicts if not verdict.passed]
    gates = [asdict(verdict) for verdict in verdicts]
    says = "; ".join(f"{verdict.name}: {verdict.says}" for verdict in failed) or f"{evidence.package[:8]} {passed_in_words(gates)}"
    return {
        "says": says,
        "package": evidence.package,
        "passed": not failed,
        "gates": gates,
        "against": evidence.rival,
        "answer_ms": float(np.median(evidence.latency_ms)),
    }


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
