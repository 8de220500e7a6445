"""The search: candidates one by one, each recorded as it is done, so that a search that was killed goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from loopline.declaration import figure
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.model.candidates import Judge, Part, Trial, best_trial, judge_trial, trial_key
from loopline.model.evaluate import LOSS
from loopline.model.families import Family, FitFailed, Problem
from loopline.model.spec import SearchSpec

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True, eq=False)
class Found:
    """What a search has found: the best trial, and all trials in their order."""

    best: Trial
    trials: Sequence[Trial]


class _Suggested:
    """Parameters that Optuna suggests, each under the family's name: families do not share a parameter by accident."""

    def __init__(self, trial: optuna.trial.Trial, family: str) -> None:
        self._trial = trial
        self._family = family

    def number(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in an interval, with six digits: what is written in the ledger is what was fitted."""
        return float(f"{self._trial.suggest_float(f'{self._family}.{name}', low, high, log=log):.6g}")

    def integer(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number in an interval."""
        return int(self._trial.suggest_int(f"{self._family}.{name}", low, high, log=log))

    def one_of(self, name: str, options: Sequence[str]) -> str:
        """One of some words."""
        return str(self._trial.suggest_categorical(f"{self._family}.{name}", list(options)))


class Search:
    """A seeded search over families; it is the same search each time, and what was recorded is not computed again.

    Parameters
    ----------
    families
        The families by name, in the declared order; each begins with its own first parameters.
    part
        The validation rows, as judging needs them.
    known
        Trials that were recorded earlier, by key: they are told to the sampler in place of a computation, so that it goes on to suggest
        what it would have suggested.
    record
        Called with each trial that was computed, as soon as it is done.
    """

    def __init__(
        self,
        problem: Problem,
        families: Mapping[str, Family],
        judge: Judge,
        part: Part,
        *,
        known: Mapping[str, Trial],
        record: Callable[[Trial], None],
        progress: Progress,
    ) -> None:
        validation = problem.validation
        if validation is None:
            raise ValueError("a search needs validation rows")
        self._problem = problem
        self._families = families
        self._judge = judge
        self._part = part
        self._features = validation.features
        self._known = dict(known)
        self._record = record
        self._progress = progress

    def run(self, spec: SearchSpec) -> Found:
        """Every trial, and the best one.

        Raises
        ------
        Mistake
            When no candidate could be fitted.
        """
        sampler = optuna.samplers.TPESampler(seed=self._problem.seed, n_startup_trials=len(self._families) + 4)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        names = list(self._families)
        trials: list[Trial] = []
        spent = 0.0
        for number in range(spec.trials):
            if trials and spent >= spec.minutes * 60:
                self._progress.say(f"the search stops at its cap of {spec.minutes:g} minutes, after {number} of {spec.trials} trials")
                break
            trial = self._next(study, names, number)
            spent += trial.seconds
            trials.append(trial)
            self._tell(trials, spec)
        best = best_trial(trials)
        if best is None:
            raise Mistake(f"no candidate could be fitted: {trials[0].failed}", where="model.families", remedy="look at the columns, or try other families")
        return Found(best, trials)

    def _next(self, study: optuna.study.Study, names: Sequence[str], number: int) -> Trial:
        """The next suggestion, judged; the families' own first choices come first, in turn."""
        if number < len(names):
            study.enqueue_trial({"family": names[number], **self._first(names[number])})
        asked = study.ask()
        family = str(asked.suggest_categorical("family", list(names)))
        params = self._families[family].params(self._problem, _Suggested(asked, family))
        key = trial_key(family, params)
        if key not in self._known:
            self._known[key] = self._compute(family, params)
            self._record(self._known[key])
        trial = self._known[key]
        if trial.worth is None:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(asked, trial.worth)
        return trial

    def _first(self, family: str) -> dict[str, Any]:
        return {f"{family}.{name}": value for name, value in self._families[family].portfolio(self._problem)[0].items()}

    def _compute(self, family: str, params: Mapping[str, Any]) -> Trial:
        since = time.monotonic()
        try:
            fitted = self._families[family].fit(self._problem, params)
        except FitFailed as error:
            return Trial.unfitted(family, params, time.monotonic() - since, str(error))
        score = fitted.score(self._features)
        return judge_trial(self._judge, self._part, family, params, fitted.settled(), score, time.monotonic() - since)

    def _tell(self, trials: Sequence[Trial], spec: SearchSpec) -> None:
        best = best_trial(trials)
        if best is None:
            return
        loss = "" if best.loss is None else f", {LOSS[self._judge.task]} {best.loss:.4g}"
        said = f"best so far {figure(best.worth or 0.0)} {self._judge.worth.currency} per decision{loss} ({best.family})"
        self._progress.at(len(trials), spec.trials, unit="trials", note=said)
