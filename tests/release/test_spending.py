"""The gates on what making a package cost, and on where it is cheaper to run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.machines import HOURS_PER_MONTH
from loopline.charter.prices import Prices
from loopline.release.evidence import Spent
from loopline.release.spending import budget, busy_share, monthly, where_to_run
from tests.release.judging import evidence, held


def book(**prices: str) -> Prices:
    return Prices.model_validate(prices)


MADE = Spent(step_s=1800.0, search_s=1200.0, book=book(machine="2 per hour"))
PRICED = Spent(step_s=3600.0, book=book(machine="0.1 per hour", cloud="0.2 per hour"), decisions_per_year=365_250.0)


def test_making_costs_the_hours_of_the_step_and_is_held_to_the_release_or_the_charter() -> None:
    within = budget(evidence(spent=MADE, limits=held(budget=1)))
    assert (within.passed, within.value, within.threshold) == (True, 1.0, 1.0)
    assert within.says == "it cost 1 USD: 30 minutes, 20 of them for the search, at 2 USD an hour"
    charter = Spent(step_s=1800.0, book=book(machine="2 per hour"), build=0.5)
    assert not budget(evidence(spent=charter)).passed
    assert budget(evidence(spent=charter, limits=held(budget=5))).passed


def test_without_an_amount_nothing_is_asked_and_without_a_price_an_amount_is_not_kept() -> None:
    silent = budget(evidence(spent=MADE))
    assert silent.passed and not silent.asked and "making it cost 1 USD" in silent.says
    assert "no price of this machine" in budget(evidence(limits=held(budget=1))).says
    assert "nobody measured" in budget(evidence(spent=Spent(book=book(machine="1 per hour")), limits=held(budget=1))).says


def test_it_says_where_running_is_cheaper_and_holds_that_to_the_budget() -> None:
    silent = where_to_run(evidence(spent=PRICED))
    assert silent.passed and not silent.asked
    assert "on own machines 73.05 USD, in the cloud 146.3 USD; on own machines is cheaper by 73.25" in silent.says
    assert silent.value == pytest.approx(73.05)
    assert not where_to_run(evidence(spent=PRICED, limits=held(where_to_run={"budget": "70 per month"}))).passed
    assert where_to_run(evidence(spent=PRICED, limits=held(where_to_run={"budget": "900 per year"}))).passed
    assert not where_to_run(evidence(spent=Spent(book=book(machine="0.1 per hour"), run_per_year=12.0))).passed


def test_a_budget_to_run_without_prices_is_not_kept() -> None:
    assert not where_to_run(evidence(limits=held(where_to_run={"budget": "70 per month"}))).passed
    assert "no price of a machine or of the cloud" in where_to_run(evidence()).says


def test_a_budget_of_the_charter_alone_asks_for_no_prices() -> None:
    charter = Spent(step_s=1800.0, build=30000.0, run_per_year=6000.0)
    for gate in (budget, where_to_run):
        silent = gate(evidence(spent=charter))
        assert silent.passed and not silent.asked and "charter.prices says no price" in silent.says


def test_the_load_is_the_volume_times_the_time_of_a_row() -> None:
    assert busy_share(evidence(latency_ms=np.full(9, 2.0), spent=PRICED)) == pytest.approx(1000 / 86400 * 0.002, rel=1e-2)
    assert busy_share(evidence()) == 0


def test_more_load_and_more_training_ask_for_more_machines() -> None:
    assert monthly(PRICED, busy_share=1.2, retrainings=1)["on own machines"] == pytest.approx(3 * HOURS_PER_MONTH * 0.1)
    assert monthly(PRICED, busy_share=0.0, retrainings=HOURS_PER_MONTH)["on own machines"] == pytest.approx(2 * HOURS_PER_MONTH * 0.1)
    assert monthly(Spent(book=book(cloud="1 per hour")), busy_share=0.0, retrainings=1) == {"in the cloud": HOURS_PER_MONTH}


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 1000), st.floats(0, 1000))
def test_a_month_never_gets_cheaper_with_more_to_do(one: float, other: float, seldom: float, often: float) -> None:
    less = monthly(PRICED, busy_share=min(one, other), retrainings=min(seldom, often))
    more = monthly(PRICED, busy_share=max(one, other), retrainings=max(seldom, often))
    assert all(less[name] <= more[name] for name in less)
