"""Budgets: what binds, what is held back, and who may let it go on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.budget import HELD, Budget
from loopline.charter.spec import CharterSpec
from loopline.errors import CheckFailed
from loopline.ledger.entry import Draft
from loopline.ledger.spend import USAGE
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger

STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")


class Project:
    """A ledger, and a charter with prices and budgets."""

    def __init__(self, folder: Path, prices: str = "machine: 3.6 per hour", **budget: Any) -> None:
        (folder / "prices.yaml").write_text(prices)
        self.charter = CharterSpec.model_validate({"predict": "y", "worth": {"currency": "EUR"}, "prices": "prices.yaml", "budget": budget})
        self.budget = Budget(self.charter, folder)
        self.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", "p")

    @property
    def state(self) -> State:
        return fold(self.ledger.read(kinds=FOLDED))

    def spend(self, cost: float, stage: str = "model") -> None:
        body = {"state": "succeeded", "name": "search", "seconds": 1.0, "cost": cost, "currency": "EUR"}
        self.ledger.append(Draft(kind="step", subject=stage, body=body))

    def serve(self, cost: float) -> None:
        self.ledger.append(Draft(kind=USAGE, subject="serve", body={"wall_s": 1.0, "cost": cost, "currency": "EUR"}))

    def decide(self) -> None:
        self.ledger.append(Draft(kind="champion", subject="abc"))

    def require(self, stage: str = "model", now: datetime | None = None) -> None:
        self.budget.require(stage, self.state, now or datetime.now(UTC))


def test_seconds_cost_what_an_hour_does(tmp_path: Path) -> None:
    assert Project(tmp_path).budget.cost(10.0) == {"cost": pytest.approx(0.01), "currency": "EUR"}
    assert Project(tmp_path, "cloud: 7.2 per hour").budget.cost(10.0)["cost"] == pytest.approx(0.02)
    assert Project(tmp_path, "machine: 3.6 per hour\ncloud: 7.2 per hour").budget.per_hour == pytest.approx(3.6)
    assert Budget(CharterSpec(predict="y"), tmp_path).cost(10.0) == {"cost": None, "currency": None}


def test_the_budget_to_build_holds_until_the_first_package_decides(tmp_path: Path) -> None:
    project = Project(tmp_path, build=5, run="120 per year")
    project.spend(4.9)
    project.require()
    project.spend(0.2, "data")
    with pytest.raises(
        CheckFailed, match=r"charter.budget.build: the budget is spent: 5.1 of 5 EUR are spent until the first package decides; raise charter.budg"
    ):
        project.require()
    project.decide()
    project.require()
    project.spend(9.9)
    project.serve(0.2)
    with pytest.raises(
        CheckFailed, match=r"10.1 of 10 EUR are spent in \d{4}-\d\d; raise charter.budget.run, wait until \d{4}-\d\d ends \(UTC\), or go on by name"
    ):
        project.require()


def test_a_month_that_is_over_binds_no_more(tmp_path: Path) -> None:
    project = Project(tmp_path, run="10 per month")
    project.decide()
    project.spend(11)
    with pytest.raises(CheckFailed):
        project.require()
    project.require(now=datetime(2099, 1, 1, tzinfo=UTC))


def test_only_what_costs_is_held_back(tmp_path: Path) -> None:
    project = Project(tmp_path, build=0)
    for stage in STAGES:
        if stage in HELD:
            with pytest.raises(CheckFailed):
                project.require(stage)
        else:
            project.require(stage)


@pytest.mark.parametrize(("prices", "budget"), [("{}", {"build": 0}), ("machine: 1 per hour", {})])
def test_without_a_price_or_a_budget_nothing_is_held(tmp_path: Path, prices: str, budget: dict[str, float]) -> None:
    project = Project(tmp_path, prices, **budget)
    project.spend(1e9)
    project.require()


def test_a_named_person_lets_this_very_budget_be_overdrawn(tmp_path: Path) -> None:
    project = Project(tmp_path, build=5)
    project.spend(6)
    bound = project.budget.binding(project.state, datetime.now(UTC))
    assert bound is not None and bound.is_spent
    project.ledger.append(Draft(kind="override", subject="budget", key=bound.key, body={"why": "it is worth it"}, actor="ann"))
    project.require()
    changed = Budget(project.charter.model_copy(update={"budget": project.charter.budget.model_copy(update={"build": 5.5})}), tmp_path)
    with pytest.raises(CheckFailed):
        changed.require("model", project.state, datetime.now(UTC))


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_time_costs_the_same_in_one_piece_or_in_two(one: float, two: float) -> None:
    budget = Budget(CharterSpec(predict="y"), Path())
    budget.per_hour = 2.5
    assert budget.cost(one)["cost"] + budget.cost(two)["cost"] == pytest.approx(budget.cost(one + two)["cost"])
