"""The search over families."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.engine.local import LocalEngine
from loopline.engine.step import Silence
from loopline.errors import Mistake
from loopline.model.attempt import Tried, attempt
from loopline.model.candidates import Judge, Part, Trial
from loopline.model.families import Family, FitFailed, Params, Problem, find
from loopline.model.proof import Proof, Trained
from loopline.model.search import Found, Search
from loopline.model.spec import SearchSpec
from tests.model.problems import problem

JUDGE = Judge("binary", ("no", "yes"), Worth.of(WorthSpec(currency="EUR", act_right=10, act_wrong=-6), "binary"))


class Listens(Silence):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Remember a line."""
        self.said.append(text)

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """Remember where it stands."""
        self.said.append(f"{done:.0f} of {total} {unit}; {note}")


class Counting:
    """A family that counts how often it is fitted, and may fail."""

    def __init__(self, name: str, *, failing: bool = False) -> None:
        self.inner, self.failing, self.fits = find(name), failing, 0

    def portfolio(self, problem: Problem) -> list[dict[str, Any]]:
        return self.inner.portfolio(problem)

    def params(self, problem: Problem, choice: Any) -> dict[str, Any]:
        return self.inner.params(problem, choice)

    def fit(self, problem: Problem, params: Params) -> Any:
        self.fits += 1
        if self.failing:
            raise FitFailed("this table is too small")
        return self.inner.fit(problem, params)


def search(
    families: dict[str, Family], *, known: Sequence[Trial] = (), trials: int = 8, minutes: float = 10, progress: Listens | None = None, workers: int = 1
) -> tuple[Found, list[Trial]]:
    posed = problem("binary")
    held = posed.validation
    assert held is not None
    rows = len(held.target)
    proof = Proof([Trained(posed, np.ones(len(posed.train.target)), np.arange(rows))], rows)
    part = Part(held.target.astype(bool), {})
    recorded: list[Trial] = []

    def record(tried: Tried) -> Trial:
        recorded.append(tried.trial)
        return tried.trial

    made = Search(
        posed,
        families,
        JUDGE,
        known={trial.key: trial for trial in known},
        tries=lambda asked: attempt(proof, JUDGE, part, families[asked.family], asked),
        record=record,
        progress=progress or Listens(),
    )
    with LocalEngine().pool(1) as pool:
        return made.run(SearchSpec(trials=trials, minutes=minutes), pool, workers=workers), recorded


def both() -> dict[str, Family]:
    return {"linear": Counting("linear"), "lightgbm": Counting("lightgbm")}


def keys(trials: Sequence[Trial]) -> list[str]:
    return [trial.key for trial in trials]


def test_each_family_begins_with_its_own_first_choice() -> None:
    found, recorded = search(both(), trials=2)
    posed = problem("binary")
    assert [(trial.family, trial.params) for trial in found.trials] == [(name, find(name).portfolio(posed)[0]) for name in ("linear", "lightgbm")]
    assert keys(recorded) == keys(found.trials)


def test_the_search_is_the_same_each_time() -> None:
    (first, _), (second, _) = search(both()), search(both())
    assert keys(first.trials) == keys(second.trials)
    assert first.best.key == second.best.key


@pytest.mark.parametrize("after", [1, 3, 7])
def test_a_search_that_goes_on_computes_nothing_twice_and_ends_alike(after: int) -> None:
    whole, recorded = search(both())
    families = both()
    again, rest = search(families, known=recorded[:after])
    assert keys(again.trials) == keys(whole.trials)
    assert again.best.key == whole.best.key
    assert keys(recorded[:after] + rest) == keys(recorded)
    assert sum(family.fits for family in families.values()) == len(recorded) - after  # type: ignore[attr-defined]


def test_more_trials_go_on_where_fewer_ended() -> None:
    few, recorded = search(both(), trials=4)
    more, rest = search(both(), known=recorded, trials=8)
    assert keys(more.trials[:4]) == keys(few.trials)
    assert keys(recorded + rest) == keys(search(both(), trials=8)[1])


def test_the_same_parameters_again_are_not_fitted_again() -> None:
    baseline = Counting("baseline")
    found, recorded = search({"baseline": baseline}, trials=5)
    assert (len(found.trials), len(recorded), baseline.fits) == (5, 1, 1)


def test_what_cannot_be_fitted_is_recorded_and_the_search_goes_on() -> None:
    found, recorded = search({"linear": Counting("linear"), "lightgbm": Counting("lightgbm", failing=True)}, trials=4)
    assert found.best.family == "linear"
    assert [trial.failed for trial in recorded if trial.family == "lightgbm"][0] == "this table is too small"


def test_where_nothing_can_be_fitted_it_is_a_mistake_that_says_why() -> None:
    with pytest.raises(Mistake, match="no candidate could be fitted: this table is too small"):
        search({"linear": Counting("linear", failing=True)}, trials=2)


def test_the_minutes_cap_it_but_one_trial_is_always_made() -> None:
    progress = Listens()
    found, _ = search(both(), minutes=1e-9, progress=progress)
    assert len(found.trials) == 1
    assert any("stops at its cap" in line for line in progress.said)


def test_progress_says_trials_and_the_best_so_far_in_money_and_metric() -> None:
    progress = Listens()
    found, _ = search(both(), trials=3, progress=progress)
    assert len(progress.said) == 3
    assert progress.said[-1].startswith(f"3 of 3 trials; best so far {found.best.worth:,.4g} EUR per decision, log_loss")


def test_the_seconds_left_are_the_caps_where_the_minutes_end_before_the_trials() -> None:
    progress = Listens()
    search(both(), trials=100_000, minutes=0.02, progress=progress)
    said = [found[1] for line in progress.said if (found := re.search(r"of at most 100,000 trials; (.*); best so far", line))]
    left = [1.0 if one == "at most 1 s left" else {"less than 1 s left": 0.5, "its minutes are over": 0.0}[one] for one in said]
    assert left == sorted(left, reverse=True) and left


def test_the_best_earns_no_less_than_the_first_choices() -> None:
    found, recorded = search(both())
    worths = [trial.worth for trial in recorded if trial.worth is not None]
    spread = float(np.std(found.best.blocks) / len(found.best.blocks) ** 0.5)
    assert found.best.worth is not None
    assert found.best.worth >= max(worths) - 2 * spread
