"""The choice: the search carried out on the engine's workers, the ensemble of its best candidates, and which of all earns most."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.declaration import figure
from loopline.engine.step import source_digest
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import Draft, digest
from loopline.model import calibration, ensemble
from loopline.model.attempt import Asked, Tried, attempt, attempt_in, awake, end, share
from loopline.model.calibration import Calibration
from loopline.model.candidates import Judge, Part, Trial, is_no_poorer, judge_trial
from loopline.model.evaluate import LOSS, METRICS, metrics
from loopline.model.export import Member
from loopline.model.families import Family, find
from loopline.model.fitting import Chosen, fit, fit_all
from loopline.model.material import Material
from loopline.model.proof import Proof, Trained
from loopline.model.proving import Whole, drawn_rows, processors, proof_of, usable_threads
from loopline.model.search import Found, Search, told
from loopline.model.spec import Weighting
from loopline.model.stops import Stop
from loopline.model.weighting import suited
from loopline.workspace import Job

ENSEMBLE = "ensemble"

PARALLEL_FROM = 2_000_000
"""Numbers that all folds' fits read together, from which on workers are worth their start."""

_GROWTH = 2.0
_STARTED_S = 6.5
"""Seconds that are kept back in any case: to weigh the ensemble, to wait for fits that run, to draw the card."""

_SCORED_AFTER = 140_000
"""Rows that are scored to check, assess and explain a package."""

_STUDY_READS = ("predict", "worth", "decided", "outcome_known")


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen: the trial, the fitted members with their weights, and all trials.

    Parameters
    ----------
    scores
        The chosen candidate's scores of the judged rows, (n,) or (n, k), calibrated.
    calibration
        The map from the members' mean to these scores, as plain values.
    chosen
        The trials of the members.
    last
        The last fold: what assessments fit anew to.
    searched_s, worked_s
        How long the search took, and how much of its workers' time was inside fits and predictions.
    """

    best: Trial
    members: Sequence[Member]
    trials: Sequence[Trial]
    scores: NDArray[np.float64]
    calibration: Calibration
    chosen: Sequence[Chosen]
    last: Trained
    ended: str
    searched_s: float
    worked_s: float
    workers: int


def study_digest(job: Job) -> str:
    """What a trial's result depends on: more trials, or other words in the charter, find the earlier ones again."""
    reads = job.step.reads
    model = {name: value for name, value in reads["model"].items() if name not in ("search", "families", "fairness", "assess", "policy")}
    same = {"model": model, "by": reads["model"]["search"]["by"], **{name: reads.get(name) for name in _STUDY_READS}}
    return digest({"reads": same, "inputs": job.step.inputs, "code": [source_digest(room) for room in job.step.rooms]})


@dataclass(frozen=True, eq=False)
class Bench:
    """The engine's workers, and the folder that they share."""

    pool: Executor
    folder: Path
    workers: int


@contextmanager
def workbench(job: Job, material: Material) -> Iterator[Bench]:
    """As many workers as the search is worth; they import what they need while the features are made here."""
    workers = _workers(job, material)
    with tempfile.TemporaryDirectory(prefix="loopline-") as folder, job.workspace.engine.pool(workers) as pool:
        if workers > 1:
            for _ in range(workers):
                pool.submit(awake, (material.order.model.families, job.folder))
        yield Bench(pool, Path(folder), workers)


def choose(job: Job, material: Material, whole: Whole, bench: Bench, since_s: float) -> Choice:
    """The candidate that earns most, fitted to every row before the test part.

    Raises
    ------
    Mistake
        When no candidate could be fitted, or a metric that should rank is none of the task's.
    """
    order = material.order
    _require_metric(order.judge)
    families = {name: find(name, job.folder) for name in order.model.families}
    pool, folder, workers = bench.pool, bench.folder, bench.workers
    keep = _Keep(job, study_digest(job))
    proof = proof_of(material, threads=1 if workers > 1 else usable_threads())
    part = replace(material.part(material.judged), fold=_fold_of(proof), trust=_trust(material))
    judge = order.judge.steered(part)
    _announce(job, proof, whole, workers)
    if workers > 1:
        share(folder, proof, judge, part, job.folder)
    search = Search(
        whole.problem,
        families,
        judge,
        weightings=_weightings(material),
        known=keep.known(),
        tries=partial(_in_worker, str(folder)) if workers > 1 else partial(_here, proof, judge, part, families),
        record=keep.record,
        progress=job.progress,
        stop=_stop(job, workers),
        over=partial(end, folder),
        reserve_s=partial(_last_fit_s, workers=workers, folds=len(proof.folds)),
        since_s=since_s,
    )
    found = search.run(_spent(job, order.model.search), pool, workers=workers)
    searched_s = time.monotonic() - since_s
    best, chosen, scores = _best(job, material, judge, part, found, keep)
    job.progress.say(f"fitting {_named(chosen)} to all {len(material.learned):,} rows before the test part")
    trained = Trained(whole.problem, whole.stake, np.empty(0, dtype=np.int64))
    if workers > 1 and len(chosen) > 1:
        fitted = fit_all(trained, chosen, pool, folder, job.folder)
    else:
        fitted = [fit(replace(trained, problem=replace(whole.problem, threads=usable_threads())), one.trial, job.folder) for one in chosen]
    members = [Member(one.trial.family, model, one.weight) for one, model in zip(chosen, fitted, strict=True)]
    worked_s = sum(trial.worked_s for trial in keep.computed)
    best, scores, scale = _calibrated(material, judge, part, best, scores, whole.problem.quantile)
    return Choice(best, members, found.trials, scores, scale, chosen, proof.folds[-1], found.ended, searched_s, worked_s, workers)


def _fold_of(proof: Proof) -> NDArray[np.int64] | None:
    """By which fold of the first repeat each judged row is scored; None where there is one fold."""
    first = [fold for fold in proof.folds if fold.repeat == 0]
    if len(first) == 1:
        return None
    found = np.zeros(proof.rows, dtype=np.int64)
    for number, fold in enumerate(first):
        found[fold.places] = number
    return found


def _calibrated(
    material: Material, judge: Judge, part: Part, best: Trial, scores: NDArray[np.float64], quantile: float
) -> tuple[Trial, NDArray[np.float64], Calibration]:
    """The chosen trial with its policy and metrics on the scale that the judged rows show, its scores on that scale, and the map to it."""
    seed, classes = material.order.model.seed, material.order.classes
    scale = calibration.fit(judge.task, part.outcome, scores, material.blocks(material.judged), seed, classes=classes, quantile=quantile)
    mapped = calibration.apply(scale, scores)
    rule = judge.best_policy(part, mapped)
    known = metrics(judge.judged(part, mapped, rule))
    return replace(best, policy=rule, metrics=known, worth=known["worth"], loss=known[LOSS[judge.task]]), mapped, scale


def _trust(material: Material) -> NDArray[np.float64] | None:
    """Each block of time counts twice as much as the one before it; None where folds have no order."""
    in_time = material.order.time is not None or material.order.ordered
    return np.exp2(np.arange(len(material.folds), dtype=np.float64)) if in_time else None


def _here(proof: Proof, judge: Judge, part: Part, families: Mapping[str, Family], asked: Asked) -> Tried:
    return attempt(proof, judge, part, families[asked.family], asked)


def _in_worker(folder: str, asked: Asked) -> Tried:
    return attempt_in((folder, asked))


def _named(chosen: Sequence[Chosen]) -> str:
    names = ", ".join(dict.fromkeys(one.trial.family for one in chosen))
    return f"the best candidate ({names})" if len(chosen) == 1 else f"the {len(chosen)} candidates of the ensemble ({names})"


def _announce(job: Job, proof: Proof, whole: Whole, workers: int) -> None:
    spec, rows = whole.problem, max(len(fold.problem.train.target) for fold in proof.folds)
    model = job.step.reads["model"]
    said = f"{rows:,} rows to learn from, {len(whole.plan.columns)} columns, {spec.train.features.shape[1]} features, {len(proof.folds)} folds"
    plural = "" if workers == 1 else f", {workers} at once"
    job.progress.say(f"searching: {model['search']['trials']} trials over {', '.join(model['families'])}; {said}{plural}")


def _require_metric(judge: Judge) -> None:
    if judge.by not in METRICS[judge.task]:
        remedy = f"one of: {', '.join(METRICS[judge.task])}"
        raise Mistake(f"{judge.by!r} is no metric of a {judge.task} task", where="model.search.by", remedy=remedy)


def _weightings(material: Material) -> Sequence[Weighting]:
    """What rows may count by: as declared, else what suits the task, its worth and its order."""
    order = material.order
    if order.model.search.weighting is not None:
        return order.model.search.weighting
    return suited(order.task, in_time=order.time is not None or order.ordered, priced=bool(order.judge.worth.columns))


def _workers(job: Job, material: Material) -> int:
    """Candidates that are fitted at once: the engine's workers, fewer where memory is short, one where the work is too little for more."""
    spec = material.order.model.search
    cells = drawn_rows(material) * len(material.frame.columns)
    workers = spec.workers or job.workspace.engine.workers
    if spec.memory_gb is not None:
        # A fit holds its features, its own copy of them, and about as much again of histograms and predictions.
        each_gb = 0.3 + 3 * cells * 4 / len(material.folds) / 1e9
        workers = min(workers, max(1, int(spec.memory_gb / each_gb)))
    return workers if spec.workers is not None or cells * spec.trials >= 20 * PARALLEL_FROM else 1


class _Keep:
    """The study's trials in the ledger, and their scores in the lake."""

    def __init__(self, job: Job, study: str) -> None:
        self._job = job
        self._study = study
        self._blobs = Blobs(job.workspace.lake)
        self.computed: list[Trial] = []

    def known(self) -> dict[str, Trial]:
        """The study's trials by key; those from before the step's last success are not looked at, for then it runs again to be computed afresh."""
        ledger = self._job.workspace.ledger
        done = [entry.seq for entry in ledger.read(kinds=("step",), key=self._job.step.key) if entry.body["state"] == "succeeded"]
        entries = ledger.read(kinds=("trial",), subject=self._study, after=max(done, default=0))
        return {entry.key: Trial.of_json(entry.body) for entry in entries}

    def record(self, tried: Tried) -> Trial:
        """The trial, once its scores and then its entry are durable."""
        trial = tried.trial
        if tried.scores is not None:
            into = io.BytesIO()
            np.save(into, tried.scores)
            trial = told(trial, self._blobs.put(into.getvalue()))
        self.enter(trial)
        self.computed.append(trial)
        return trial

    def enter(self, trial: Trial) -> None:
        """Enters a trial."""
        draft = Draft(kind="trial", subject=self._study, key=trial.key, body=trial.as_json(), parents=(self._job.attempt,))
        self._job.workspace.ledger.append(draft)

    def scores(self, trial: Trial) -> NDArray[np.float64]:
        """A trial's scores of the judged rows."""
        return np.asarray(np.load(io.BytesIO(self._blobs.get(trial.scores)), allow_pickle=False), dtype=np.float64)


def _best(job: Job, material: Material, judge: Judge, part: Part, found: Found, keep: _Keep) -> tuple[Trial, list[Chosen], NDArray[np.float64]]:
    """The best of all trials and of their ensemble, what is to be fitted, and its scores of the judged rows."""
    whole = {trial.key: trial for trial in found.trials if trial.is_whole}
    ranked = sorted(whole.values(), key=lambda trial: -(trial.value if trial.value is not None else float("-inf")))
    # What was tuned to the past may be tuned to what passes.
    firsts = list({trial.family: trial for trial in reversed(whole.values())}.values()) if part.trust is not None else []
    short = ensemble.shortlist(ranked)
    ranked = [trial for trial in ranked if trial in short or trial in firsts]
    if material.order.model.search.ensemble and len(ranked) > 1:
        job.progress.say(f"weighing the {len(ranked)} best candidates against one another")
        scores = [keep.scores(trial) for trial in ranked]
        loss, kinds, tried = _loss(judge, part), [trial.family for trial in ranked], len(whole)
        untuned = {place for place, trial in enumerate(ranked) if trial in firsts}
        blocks, seed = material.blocks(material.judged), material.order.model.seed
        members = ensemble.chosen(scores, loss, blocks, kinds=kinds, tried=tried, seed=seed, untuned=untuned)
        if len(members) > 1:
            mean = np.asarray(sum(member.weight * scores[member.place] for member in members))
            said = {"members": [[ranked[member.place].key, member.weight] for member in members]}
            worked = sum(ranked[member.place].worked_s for member in members)
            joint = replace(judge_trial(judge, part, ENSEMBLE, said, {}, mean), seconds=round(worked, 3), worked_s=round(worked, 3))
            if joint.key not in keep.known():
                keep.enter(joint)
            alone = keep.scores(found.best)
            # What errs in several ways errs less where the rows to come are unlike these: the rows must plainly speak against it.
            if is_no_poorer(joint, found.best) and not ensemble.is_worse(mean, alone, loss, tried=tried):
                return joint, [Chosen(ranked[member.place], member.weight) for member in members], mean
    return found.best, [Chosen(found.best, 1.0)], keep.scores(found.best)


def _loss(judge: Judge, part: Part) -> ensemble.Loss:
    """The loss that members are chosen by: the ranking metric where there is one, else the task's loss, which every row informs."""
    by = LOSS[judge.task] if judge.by == "worth" and judge.task != "regression" else judge.by
    ranking = replace(judge, by=by, loss_worth=0.0)
    rule = {"kind": {"binary": "threshold", "multiclass": "most_likely", "regression": "value"}[judge.task], "threshold": 0.5}

    def loss(scores: NDArray[np.float64], rows: NDArray[np.int64]) -> float:
        some = part.where(rows)
        value = ranking.value(ranking.judged(some, scores[rows], rule), some)
        return float("inf") if value is None else -value

    return loss


def _last_fit_s(trials: Sequence[Trial], *, workers: int, folds: int) -> float:
    """About how long the last fit of an ensemble of the best trials so far will take, and what is measured of its package afterwards."""
    whole = ensemble.shortlist(sorted((trial for trial in trials if trial.is_whole), key=lambda trial: -(trial.value or 0.0)))
    if not whole:
        return _STARTED_S
    # Which of them become members is not known yet: as many as may be, that take as long as they do on the average.
    fitted_s = ensemble.MEMBERS * float(np.mean([_GROWTH * trial.worked_s / folds for trial in whole]))
    scored_s = ensemble.MEMBERS * float(np.mean([trial.scored_us for trial in whole])) * _SCORED_AFTER / 1e6
    return _STARTED_S + fitted_s / workers + scored_s / processors()


def _stop(job: Job, workers: int) -> Stop | None:
    """The rule by expected gain, where the charter has a volume and the price of this machine."""
    said = job.step.reads.get("stop")
    return None if said is None else Stop(said["per_year"], said["per_hour"], workers, said["currency"])


def _spent(job: Job, spec: Any) -> Any:
    """The search as declared, its minutes cut to what its money pays for.

    Raises
    ------
    Mistake
        When money caps it and the charter has no price of this machine.
    """
    if spec.spend is None:
        return spec
    said = job.step.reads.get("stop")
    price = None if said is None else said["per_hour"]
    if not price:
        remedy = "say charter.prices with machine: 0.10 per hour, or cap the minutes"
        raise Mistake("the search is capped by money, and the price of this machine is not said", where="model.search.spend", remedy=remedy)
    minutes = min(spec.minutes, spec.spend / price * 60)
    job.progress.say(f"{figure(spec.spend)} pays for {minutes:.4g} minutes")
    return spec.model_copy(update={"minutes": minutes})
