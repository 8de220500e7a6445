"""What every family promises, tried on small made-up problems: for whoever writes one."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loopline.charter.spec import Task
from loopline.model.encode import Encoded
from loopline.model.families import Family, FitFailed, Fitted, NoGraph, Problem, Sample
from loopline.model.graph import assemble
from loopline.model.plan import Plan

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
_PLAN = Plan(("first", "second", "constant", "empty"), (), (("kind", ("a", "b")),))
_CLASSES: dict[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
_TOLERANCE = 1e-5


def broken(family: Family, tasks: Iterable[Task] = TASKS) -> list[str]:
    """The promises that a family breaks, each as a line that begins with the task; none where it keeps all.

    A family that says `FitFailed` for a problem breaks no promise but the first: that it fits a plain one.

    Parameters
    ----------
    tasks
        Those that the family is for.
    """
    return [f"{task}: {said}" for task in tasks for said in _broken(family, task)]


def _broken(family: Family, task: Task) -> list[str]:
    posed = made_up(task)
    settings = family.portfolio(posed)
    if not settings:
        return ["portfolio gives no setting"]
    try:
        fitted = family.fit(posed, settings[0])
    except FitFailed as error:
        return [f"it cannot be fitted to a plain problem: {error}"]
    promises: Sequence[Callable[[Family, Problem, Fitted], str]] = (_scores, _graph, _again, _last, _sent, _weights, _hostile)
    return [said for promise in promises if (said := promise(family, posed, fitted))]


def made_up(task: Task, *, rows: int = 240, seed: int = 0, nulls: float = 0.1) -> Problem:
    """A problem with two numbers that tell, a constant one, one that is always null, and a category; a quarter of the rows validates.

    What the category is, is two rules as well.
    """
    rng = np.random.default_rng(seed)
    features = np.zeros((rows, 6), dtype=np.float32)
    features[:, :2] = rng.normal(size=(rows, 2))
    features[:, 2], features[:, 3] = 7, np.nan
    kind = rng.integers(0, 3, rows)
    features[:, 4], features[:, 5] = kind == 0, kind == 1
    drive = 2 * features[:, 0].astype(np.float64) + features[:, 1] + features[:, 4] + rng.normal(scale=0.3, size=rows)
    features[rng.random(rows) < nulls, 0] = np.nan
    target = drive * 1e3 if task == "regression" else np.digitize(drive, [0.3] if task == "binary" else [-0.7, 1.0]).astype(np.float64)
    cut = rows * 3 // 4
    train, held = Sample(features[:cut], target[:cut]), Sample(features[cut:], target[cut:])
    return Problem(task, _CLASSES[task], _PLAN.count_numbers, train, held, seed=seed, effort=0.2, rules=(4, 5))


def through_graph(fitted: Fitted, task: Task, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the graph of a model that was fitted to a made-up problem says of its features, in the shape of `Fitted.score`."""
    data = assemble(_PLAN, [fitted.graph("features", "scores")], width=3 if task == "multiclass" else 1)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    kinds = np.where(features[:, 4] == 1, "a", np.where(features[:, 5] == 1, "b", "other")).astype(object).reshape(-1, 1)
    scores: NDArray[np.float64] = session.run(None, Encoded(features[:, :4], kinds).inputs())[0]
    return scores if task == "multiclass" else scores[:, 0]


def _scores(family: Family, posed: Problem, fitted: Fitted) -> str:
    features = made_up(posed.task, seed=1).train.features
    score = fitted.score(features)
    shape = (len(features), 3) if posed.task == "multiclass" else (len(features),)
    if score.shape != shape:
        return f"score gives the shape {score.shape}, and {shape} is wanted"
    if not np.isfinite(score).all():
        return "score gives numbers that are not finite"
    if posed.task != "regression" and (score.min() < 0 or score.max() > 1):
        return "score gives numbers that are no probabilities"
    if posed.task == "multiclass" and not np.allclose(score.sum(axis=1), 1):
        return "the probabilities of the classes do not add up to 1"
    return ""


def _graph(family: Family, posed: Problem, fitted: Fitted) -> str:
    features = made_up(posed.task, rows=2000, seed=2, nulls=0.4).train.features
    try:
        graph = through_graph(fitted, posed.task, features)
    except NoGraph as error:
        return f"it has no graph: {error}"
    except Exception as error:  # ONNX's checker and runtime share no narrower class
        return f"its graph is refused: {str(error).splitlines()[0]}"
    score = fitted.score(features)
    if graph.shape != score.shape:
        return f"the graph gives the shape {graph.shape}, and score {score.shape}"
    apart = np.abs(graph - score) / np.maximum(1, np.abs(score))
    return f"graph and score differ by {apart.max():.2g}, and at most {_TOLERANCE:g} is allowed" if not apart.max() <= _TOLERANCE else ""


def _again(family: Family, posed: Problem, fitted: Fitted) -> str:
    again = family.fit(replace(posed, threads=2, memo={}), family.portfolio(posed)[0])
    same = np.array_equal(again.score(posed.train.features), fitted.score(posed.train.features))
    return "" if same else "a second fit, on two threads, gives other scores"


def _last(family: Family, posed: Problem, fitted: Fitted) -> str:
    settled = fitted.settled()
    try:
        last = family.fit(replace(posed, validation=None, memo={}), {**family.portfolio(posed)[0], **settled})
    except FitFailed as error:
        return f"without validation rows it cannot be fitted with what it settled: {error}"
    return "" if last.settled() == settled else f"the last fit settles {last.settled()}, and was given {settled}"


def _sent(family: Family, posed: Problem, fitted: Fitted) -> str:
    """The last fits of an ensemble are made in workers, and come back."""
    try:
        again = pickle.loads(pickle.dumps(fitted))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        return f"a fitted model cannot be sent from a worker: {error}"
    same = np.array_equal(again.score(posed.train.features), fitted.score(posed.train.features))
    return "" if same else "sent from a worker, a fitted model gives other scores"


def _weights(family: Family, posed: Problem, fitted: Fitted) -> str:
    weights = fitted.weights()
    if weights.shape != (posed.train.features.shape[1],):
        return f"weights gives the shape {weights.shape}, and one for each feature is wanted"
    total = float(weights.sum())
    return "" if weights.min() >= 0 and (total == 0 or abs(total - 1) < 1e-6) else f"weights are no shares: they add up to {total:.4g}"


def _hostile(family: Family, posed: Problem, fitted: Fitted) -> str:
    """Few rows, a rare class, one that training has never seen, all rows alike, a direction to hold to: it fits, or says `FitFailed`."""
    train = posed.train
    few = Sample(train.features[:50], train.target[:50])
    rare = Sample(train.features, np.where(np.arange(len(train.target)) < 2, 1.0, 0.0))
    alike = Sample(np.full_like(train.features, np.nan), train.target)
    hostile = {"50 rows": few, "a class with two rows": rare, "features that are all null": alike}
    if posed.task == "multiclass":
        hostile["a class that training has never seen"] = Sample(train.features[train.target != 1], train.target[train.target != 1])
    problems = {name: replace(posed, train=sample, memo={}) for name, sample in hostile.items()}
    problems["a direction to hold to"] = replace(posed, monotone=(1, 0, 0, 0, 0, 0), memo={})
    for name, problem in problems.items():
        try:
            made = family.fit(problem, family.portfolio(problem)[0])
        except FitFailed:
            continue
        score = made.score(train.features)
        if not np.isfinite(score).all():
            return f"with {name}, score gives numbers that are not finite"
        if "direction" in name and posed.task != "multiclass" and not _rises(made, train.features):
            return "it does not hold to a direction, and does not say FitFailed"
    return ""


def _rises(fitted: Fitted, features: NDArray[np.float32]) -> bool:
    """Whether the score never falls as the first feature rises."""
    rows = features[~np.isnan(features[:, 0])][:30]
    before = None
    for value in np.linspace(-3, 3, 25):
        moved = rows.copy()
        moved[:, 0] = value
        now = fitted.score(moved)
        if before is not None and np.any(now < before - 1e-9 * np.maximum(1, np.abs(before))):
            return False
        before = now
    return True
