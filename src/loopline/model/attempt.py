"""One attempt: a candidate fitted to every fold and judged on the rows that were held out; in this process or in a worker."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Fault
from loopline.model.candidates import Judge, Part, Trial, judge_trial
from loopline.model.families import Family, FitFailed, find
from loopline.model.proof import Proof, Trained
from loopline.model.spec import Weighting

_TIMED_ROWS = 500
"""Rows from which on the time of a score is that of its rows, and not of the call."""

_JUDGING, _OVER = "judging", "over"


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate that the search asks for.

    Parameters
    ----------
    promising
        The value that its first look must reach for it to be given its full effort; None where it is given that whatever it shows.
    """

    family: str
    params: Mapping[str, Any]
    weighting: Weighting = "all"
    promising: float | None = None


@dataclass(frozen=True, eq=False)
class Tried:
    """The trial, and its scores of the judged rows, (n,) or (n, k) float32; None where it could not be fitted or was not promising."""

    trial: Trial
    scores: NDArray[np.float32] | None


class Over(Exception):
    """The search is over: what was begun for it is left."""


def attempt(proof: Proof, judge: Judge, part: Part, family: Family, asked: Asked, is_over: Callable[[], bool] = lambda: False) -> Tried:
    """The candidate's trial: first with little effort, then with all where it shows promise.

    Its scores are single precision, as they are kept: a search that goes on judges the very same numbers.

    Raises
    ------
    Over
        Before the next fit, once `is_over`.
    """
    since = time.monotonic()
    worked, scored_us, trial, scores, looked = 0.0, 0.0, None, None, None
    for effort in proof.rungs:
        started = time.monotonic()
        try:
            scores, settled, scored_us = _scored(proof.at(effort), proof.rows, family, asked, effort, is_over)
        except (FitFailed, MemoryError) as error:
            return Tried(Trial.unfitted(asked.family, asked.params, asked.weighting, time.monotonic() - since, str(error) or "memory did not suffice"), None)
        worked += time.monotonic() - started
        if not np.all(np.isfinite(scores)):
            why = "it gives scores that are no numbers"
            return Tried(Trial.unfitted(asked.family, asked.params, asked.weighting, time.monotonic() - since, why), None)
        wide = scores.astype(np.float64)
        trial = judge_trial(judge, part, asked.family, asked.params, settled, wide, weighting=asked.weighting, effort=effort)
        if effort < 1:
            looked = trial.value
            if asked.promising is not None and (looked is None or looked < asked.promising):
                break
    assert trial is not None
    timed = replace(trial, looked=looked, seconds=round(time.monotonic() - since, 3), worked_s=round(worked, 3), scored_us=round(scored_us, 3))
    return Tried(timed, scores if timed.effort >= 1 else None)


def _scored(
    folds: Sequence[Trained], rows: int, family: Family, asked: Asked, effort: float, is_over: Callable[[], bool]
) -> tuple[NDArray[np.float32], dict[str, Any], float]:
    """The mean scores of the judged rows over the repeats, what the fits settled, and the microseconds that a row's score took."""
    total: NDArray[np.float64] | None = None
    times, scoring_s = np.zeros(rows), 0.0
    settled: list[dict[str, Any]] = []
    for fold in folds:
        if is_over():
            raise Over
        problem = replace(fold.weighed(asked.weighting), effort=effort)
        fitted = family.fit(problem, asked.params)
        held = problem.validation
        assert held is not None
        since = time.monotonic()
        scores = fitted.score(held.features)
        if len(held.target) >= _TIMED_ROWS:
            scoring_s += time.monotonic() - since
        if total is None:
            total = np.zeros((rows, *scores.shape[1:]))
        total[fold.places] += scores
        times[fold.places] += 1
        settled.append(fitted.settled())
    assert total is not None
    mean = total / times.reshape(-1, *(1,) * (total.ndim - 1))
    return mean.astype(np.float32), _agreed(settled), 1e6 * scoring_s / times.sum()


def _agreed(settled: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the folds settled, as one: the median of numbers, else what the last fold says."""
    agreed: dict[str, Any] = {}
    for name in settled[-1]:
        values = [one[name] for one in settled if name in one]
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            middle = float(np.median(values))
            agreed[name] = round(middle) if all(isinstance(value, int) for value in values) else middle
        else:
            agreed[name] = values[-1]
    return agreed


def share(folder: Path, proof: Proof, judge: Judge, part: Part, project: Path) -> None:
    """Write to a folder what workers need for their attempts."""
    proof.save(folder)
    (folder / _JUDGING).write_bytes(pickle.dumps((judge, part, project)))


def attempt_in(shared: tuple[str, Asked]) -> Tried:
    """The attempt in a worker: the folder that `share` wrote, and the candidate.

    Raises
    ------
    Mistake
        When the family cannot be loaded.
    Over
        When the search is over.
    """
    folder, asked = shared
    proof, judge, part, project = _shared(folder)
    return attempt(proof, judge, part, find(asked.family, project), asked, (Path(folder) / _OVER).exists)


def end(folder: Path) -> None:
    """Let the workers leave what they have begun for the search."""
    (folder / _OVER).touch()


def awake(asked: tuple[Sequence[str], Path]) -> None:
    """Import families' modules in a worker: their names, and the project's folder."""
    for name in asked[0]:
        find(name, asked[1])


@lru_cache(maxsize=1)
def _shared(folder: str) -> tuple[Proof, Judge, Part, Path]:
    """What `share` wrote, read once in each worker; only this search writes to that folder.

    Raises
    ------
    Fault
        When the worker does not see it.
    """
    if not Path(folder).is_dir():
        remedy = "set TMPDIR to a folder that all workers share, or say workspace.engine: local"
        raise Fault(f"a worker does not see the search's folder {folder}", where="workspace.engine", remedy=remedy)
    judge, part, project = pickle.loads((Path(folder) / _JUDGING).read_bytes())
    return Proof.load(Path(folder)), judge, part, project
