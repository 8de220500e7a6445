"""The last fit: the chosen candidates, fitted once more to every row that may be learned from; in this process or in workers."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from loopline.errors import CheckFailed
from loopline.model.candidates import Trial
from loopline.model.families import FitFailed, Fitted, find
from loopline.model.proof import Trained

_WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate that was chosen, and its weight among those that were."""

    trial: Trial
    weight: float


def fit_all(whole: Trained, chosen: Sequence[Chosen], pool: Executor, folder: Path, project: Path) -> list[Fitted]:
    """The fitted candidates, in the order in which they were chosen.

    The latest rows teach most where time has passed: measured on the bank and the bicycle data, split by time, the last fit
    earned 14.2 instead of 2.0 per decision and lost 46 instead of 74; where rows are drawn at random it changes little. The policy
    stays the one that earned most on the judged rows while they were still unseen.

    Raises
    ------
    CheckFailed
        When a candidate cannot be fitted to all rows.
    """
    (folder / _WHOLE).write_bytes(pickle.dumps((whole, project)))
    work = [pool.submit(fit_in, (str(folder), one.trial)) for one in chosen]
    return [future.result() for future in work]


def fit_in(shared: tuple[str, Trial]) -> Fitted:
    """The last fit of a candidate in a worker: the folder in which the rows lie, and its trial."""
    folder, trial = shared
    whole, project = _shared(folder)
    return fit(whole, trial, project)


def fit(whole: Trained, trial: Trial, project: Path) -> Fitted:
    """A candidate, fitted to all rows with what its trial settled.

    Raises
    ------
    CheckFailed
        When it cannot be fitted.
    """
    params: Mapping[str, object] = {**trial.params, **trial.settled}
    try:
        return find(trial.family, project).fit(whole.weighed(trial.weighting), params)
    except FitFailed as error:
        what = f"the best candidate ({trial.family}) cannot be fitted to the validation rows too: {error}"
        raise CheckFailed(what, where="model", remedy="leave its family out of model.families") from None


@lru_cache(maxsize=1)
def _shared(folder: str) -> tuple[Trained, Path]:
    """What `fit_all` wrote, read once in each worker; only this machine's search writes to that folder."""
    whole, project = pickle.loads((Path(folder) / _WHOLE).read_bytes())
    return whole, project
