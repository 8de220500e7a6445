"""The search: candidates in a fixed order on any number of workers, each recorded as it is done, so that a search that was killed goes on where it stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

import optuna

from loopline.declaration import figure
from loopline.engine.step import Progress
from loopline.errors import Mistake
from loopline.model.attempt import Asked, Tried
from loopline.model.candidates import Judge, Trial, best_trial
from loopline.model.evaluate import LOSS
from loopline.model.families import Family, Problem
from loopline.model.spec import SearchSpec, Weighting
from loopline.model.stops import Stop

optuna.logging.set_verbosity(optuna.logging.ERROR)

AHEAD = 8
"""Candidates that are asked for before the first of them is told: so many workers are kept busy, and the order does not hang on how many there are."""

_BEST = 1 / 3
"""The share of the candidates so far whose first look is promising."""

_ENOUGH = 4
"""First looks before any candidate is stopped for its lack of promise."""

_STARTUP = 8


@dataclass(frozen=True, eq=False)
class Found:
    """What a search has found: the best trial, all trials in their order, and why it ended."""

    best: Trial
    trials: Sequence[Trial]
    ended: str


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


@dataclass(eq=False)
class _Pending:
    """A candidate that was asked for and is not told yet."""

    trial: optuna.trial.Trial
    asked: Asked
    key: str
    work: Future[Tried] | None


class Search:
    """A seeded search over families; it is the same search each time, and what was recorded is not computed again.

    Parameters
    ----------
    problem
        The rows to learn from, as the families' portfolios and search spaces need them.
    families
        The families by name, in the declared order; each begins with its portfolio.
    judge
        Steered, as `Judge.steered` gives it.
    weightings
        What rows may count by; the portfolio is tried with the first.
    known
        Trials that were recorded earlier, by key: they are told to the sampler in place of a computation, so that it goes on to suggest
        what it would have suggested.
    tries
        The attempt as a function of the candidate, which the pool's workers can be sent.
    record
        Called with each attempt that was computed, in their order; it gives the trial as it is kept.
    stop
        Tells why no further trial is worth its time, if so.
    over
        Called once no further result is waited for.
    reserve_s
        From the trials so far to the seconds that the last fit will take: they are kept back from the minutes.
    """

    def __init__(
        self,
        problem: Problem,
        families: Mapping[str, Family],
        judge: Judge,
        *,
        weightings: Sequence[Weighting] = ("all",),
        known: Mapping[str, Trial],
        tries: Callable[[Asked], Tried],
        record: Callable[[Tried], Trial],
        progress: Progress,
        stop: Stop | None = None,
        over: Callable[[], None] = lambda: None,
        reserve_s: Callable[[Sequence[Trial]], float] = lambda trials: 0.0,
        since_s: float | None = None,
    ) -> None:
        self._problem = problem
        self._families = families
        self._judge = judge
        self._weightings = list(weightings)
        self._known = dict(known)
        self._tries = tries
        self._record = record
        self._progress = progress
        self._stop = stop
        self._over = over
        self._reserve_s = reserve_s
        self._since_s = time.monotonic() if since_s is None else since_s

    def run(self, spec: SearchSpec, pool: Executor, *, workers: int = 1) -> Found:
        """Every trial, and the best one.

        Raises
        ------
        Mistake
            When no candidate could be fitted.
        """
        sampler = optuna.samplers.TPESampler(seed=self._problem.seed, n_startup_trials=_STARTUP, constant_liar=True)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        first = deque(self._portfolio())
        pending: deque[_Pending] = deque()
        trials: list[Trial] = []
        asked, ended = 0, ""
        while not ended or pending:
            while not ended and asked < spec.trials and len(pending) < AHEAD:
                pending.append(self._ask(study, first, trials, pending, pool))
                asked += 1
            if not pending:
                break
            trial = self._next(pending, spec, trials)
            if trial is None:
                trials += self._done(pending)
                ended = f"the search stops at its cap of {spec.minutes:g} minutes, after {len(trials)} of {spec.trials} trials"
                break
            self._tell(study, pending.popleft().trial, trial)
            trials.append(trial)
            self._report(trials, spec)
            if not ended:
                ended = self._ends(trials, spec, done=not first)
        self._over()
        for one in pending:
            if one.work is not None:
                one.work.cancel()
        if ended:
            self._progress.say(ended)
        best = best_trial(trials, by=self._judge.by)
        if best is None:
            why = trials[0].failed if trials else "the time did not suffice for one"
            raise Mistake(f"no candidate could be fitted: {why}", where="model.families", remedy="look at the columns, or try other families")
        return Found(best, trials, ended or f"all {spec.trials} trials were made")

    def _portfolio(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every family's strong settings: each family's first, and then the others, family by family."""
        settings = {name: family.portfolio(self._problem) for name, family in self._families.items()}
        yield from ((name, some[0]) for name, some in settings.items())
        yield from ((name, one) for name, some in settings.items() for one in some[1:])

    def _ask(
        self, study: optuna.study.Study, first: deque[tuple[str, Mapping[str, Any]]], trials: Sequence[Trial], pending: Sequence[_Pending], pool: Executor
    ) -> _Pending:
        """The next candidate; it goes to the pool where it is not known yet."""
        if first:
            family, params = first.popleft()
            said = {"family": family, "weighting": self._weightings[0]}
            study.enqueue_trial({**said, **{f"{family}.{name}": value for name, value in params.items()}})
        trial = study.ask()
        family = str(trial.suggest_categorical("family", list(self._families)))
        weighting: Any = trial.suggest_categorical("weighting", self._weightings) if len(self._weightings) > 1 else self._weightings[0]
        params = self._families[family].params(self._problem, _Suggested(trial, family))
        # Each family is given one whole trial: what it is good for should not hang on a first look.
        is_first = all(one.asked.family != family for one in pending) and all(trial.family != family for trial in trials)
        promising = None if is_first else self._promising(trials)
        asked = Asked(family, params, weighting, promising)
        key = Trial.unfitted(family, params, weighting, 0.0, "").key
        work = None if key in self._known else pool.submit(self._tries, asked)
        return _Pending(trial, asked, key, work)

    def _promising(self, trials: Sequence[Trial]) -> float | None:
        """The value that the best third of the first looks reach; each is held against others of as little effort."""
        looks = sorted((trial.looked for trial in trials if trial.looked is not None), reverse=True)
        return looks[max(0, round(len(looks) * _BEST) - 1)] if len(looks) >= _ENOUGH else None

    def _done(self, pending: Sequence[_Pending]) -> list[Trial]:
        """The trials that are done although one before them is not: what was worked for is kept."""
        done = [one for one in pending if one.key in self._known or (one.work is not None and one.work.done() and one.work.exception() is None)]
        for one in done:
            if one.key not in self._known:
                assert one.work is not None
                self._known[one.key] = self._record(one.work.result())
        return [self._known[one.key] for one in done]

    def _next(self, pending: deque[_Pending], spec: SearchSpec, trials: Sequence[Trial]) -> Trial | None:
        """The first pending candidate's trial; None where the time is over before it is done, unless it is the very first."""
        one = pending[0]
        if one.work is not None and one.key not in self._known:
            try:
                tried = one.work.result(timeout=max(0.0, self._left_s(spec, trials)) if trials else None)
            except TimeoutError:
                return None
            self._known[one.key] = self._record(tried)
        return self._known[one.key]

    def _left_s(self, spec: SearchSpec, trials: Sequence[Trial]) -> float:
        return spec.minutes * 60 - (time.monotonic() - self._since_s) - self._reserve_s(trials)

    def _ends(self, trials: Sequence[Trial], spec: SearchSpec, *, done: bool) -> str:
        """Why no further candidate is asked for; empty while the search goes on."""
        if len(trials) < spec.trials and self._left_s(spec, trials) <= 0:
            return f"the search stops at its cap of {spec.minutes:g} minutes, after {len(trials)} of {spec.trials} trials"
        return self._stop.why(trials) if done and self._stop is not None and len(trials) < spec.trials else ""

    def _tell(self, study: optuna.study.Study, asked: optuna.trial.Trial, trial: Trial) -> None:
        if trial.value is None:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        elif trial.is_whole:
            study.tell(asked, trial.value)
        else:
            asked.report(trial.value, step=round(100 * trial.effort))
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)

    def _report(self, trials: Sequence[Trial], spec: SearchSpec) -> None:
        best = best_trial(trials, by=self._judge.by)
        if best is None:
            return
        measure = LOSS[self._judge.task] if self._judge.by == "worth" else self._judge.by
        number = best.metrics.get(measure) if self._judge.by == "worth" or best.value is None else abs(best.value)
        said = f"best so far {figure(best.worth or 0.0)} {self._judge.worth.currency} per decision"
        said += "" if number is None else f", {measure} {number:.4g}"
        left_s = self._left_s(spec, trials)
        pace_s = (time.monotonic() - self._since_s) / len(trials)
        if pace_s * (spec.trials - len(trials)) > left_s:
            # The minutes end before the trials do: what is left is theirs.
            ends = f"at most {left_s:,.0f} s left" if left_s >= 1 else "less than 1 s left" if left_s > 0 else "its minutes are over"
            capped = f"{ends}; {said} ({best.family})"
            self._progress.at(len(trials), unit=f"of at most {spec.trials:,} trials", note=capped)
        else:
            self._progress.at(len(trials), spec.trials, unit="trials", note=f"{said} ({best.family})")


def told(trial: Trial, scores: str) -> Trial:
    """The trial with the place of its scores."""
    return replace(trial, scores=scores)
