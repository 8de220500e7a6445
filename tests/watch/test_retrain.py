"""What asks for a retraining, what holds it back, and what came of it: over states that the tests make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.engine.step import brief_digest
from loopline.ledger.entry import Entry
from loopline.ledger.state import fold
from loopline.watch.retrain import Situation, asked, came_of, held, period, situation
from loopline.watch.spec_retrain import RetrainSpec

T0 = datetime(2024, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = {"name": "t", "id": "x", "version": 1}


class Told:
    """Entries of a ledger whose clock a test moves."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.now = T0
        self.known = 1000
        self.version = 1
        self.data()
        self.search("one")
        self.entry("champion", "one", how="promoted", why="it passed its gates")

    def entry(self, kind: str, subject: str = "", key: str = "", **body: Any) -> Entry:
        seq = len(self.entries) + 1
        made = Entry(seq=seq, id=str(seq), project="p", kind=kind, subject=subject, key=key, body=body, time=self.now, prev_hash="", hash="")
        self.entries.append(made)
        return made

    def data(self, *, more: int = 0) -> None:
        if more:
            self.known, self.version = self.known + more, self.version + 1
        self.entry("step", "data", f"d{self.version}", state="succeeded", name="ingest", facts=self.facts, made_from={})

    @property
    def facts(self) -> dict[str, Any]:
        return {"main": "t", "tables": {"t": {"id": "x", "version": self.version}}, "outcome": {"known": self.known}}

    def search(self, package: str, *, cost: float | None = None) -> None:
        made_from = {"reads": {}, "inputs": {"table": brief_digest({**TABLE, "version": self.version})}, "code": {}}
        priced = {} if cost is None else {"cost": cost, "currency": "EUR"}
        self.entry("step", "model", f"m{len(self.entries)}", state="succeeded", name="search", facts={"package": package}, made_from=made_from, **priced)

    def gates(self, package: str, **failed: str) -> None:
        gates = [{"name": "contract", "passed": True, "says": "fine"}, *({"name": name, "passed": False, "says": says} for name, says in failed.items())]
        facts = {"package": package, "passed": not failed, "gates": gates}
        self.entry("step", "release", f"g{len(self.entries)}", state="succeeded", name="gates", facts=facts, made_from={})

    def alert(self, monitor: str, *, state: str = "open", lost: float | None = 5.0, sure: bool = True, since: str = "2024-03-01") -> None:
        cost = (
            None
            if lost is None
            else {"lost": lost, "low": lost, "high": lost, "sure": sure, "outcomes": 100, "per_decision": 1.0, "promised": 1.0 + lost / 100}
        )
        about = {"feature": "", "package": "p", "since": since, "last": since}
        self.entry("alert", f"alert of {monitor}", since, state=state, monitor=monitor, says=f"{monitor} is bad", cost=cost, **about)

    def request(self, *alerts: str) -> None:
        self.entry("retrain", "one", triggers=["loss"], alerts=list(alerts), says="loss")

    def seen(self, **spec: Any) -> Situation | None:
        return situation(RetrainSpec.model_validate(spec), fold(self.entries), self.facts, self.now)

    def why(self, **spec: Any) -> list[str]:
        seen = self.seen(**spec)
        return [] if seen is None else [reason.trigger for reason in asked(seen)]

    def hold(self, **spec: Any) -> str:
        seen = self.seen(**spec)
        assert seen is not None
        return held(seen)


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_asks_as_long_as_nothing_has_come(told: Told) -> None:
    assert told.why(when=["loss", "estimated_loss", "drift", "data", {"outcomes": 1}, {"schedule": "0 3 * * 1"}]) == []


def test_loss_asks_unless_it_is_over(told: Told) -> None:
    told.alert("worth_promised")
    assert told.why() == ["loss"]
    told.alert("worth_promised", state="resolved")
    assert told.why() == []


def test_the_loudest_of_the_alerts_is_named(told: Told) -> None:
    told.alert("performance", lost=-3.0)
    told.alert("worth_baseline")
    seen = told.seen()
    assert seen is not None
    assert [reason.says for reason in asked(seen)] == ["worth_baseline is bad; 1 more"]


def test_each_trigger_hears_its_own_monitors_alone(told: Told) -> None:
    told.alert("worth_estimated", lost=None)
    assert told.why(when=["loss", "drift"]) == []
    assert told.why(when=["estimated_loss"]) == ["estimated_loss"]


@pytest.mark.parametrize(("lost", "sure", "asks"), [(None, False, False), (-3.0, False, False), (900.0, False, False), (0.5, True, True)])
def test_drift_asks_only_where_it_surely_costs(told: Told, lost: float | None, sure: bool, asks: bool) -> None:
    told.alert("drift", lost=lost, sure=sure)
    assert told.why(when=["drift"]) == (["drift"] if asks else [])


def test_a_clock_that_was_set_back_holds_no_retraining_back_for_ever(told: Told) -> None:
    told.alert("worth_promised")
    told.request("alert of worth_promised 2024-03-01")
    told.data(more=10)
    told.search("two")
    told.data(more=10)
    told.now -= 400 * DAY
    assert told.why(when=["loss", {"schedule": "0 3 * * 1"}], at_most="1 per month") == ["loss", "schedule"]
    assert told.hold(at_most="1 per month") == ""


def test_a_loss_that_was_answered_asks_again_only_after_its_share_of_the_period(told: Told) -> None:
    told.alert("worth_promised")
    told.request("alert of worth_promised 2024-03-01")
    assert told.seen() is None, "asked for already"
    told.data(more=10)
    told.search("two")
    told.now += 7 * DAY
    assert told.why(at_most="4 per month") == []
    told.now += DAY
    assert told.why(at_most="4 per month") == ["loss"]


def test_another_loss_asks_at_once(told: Told) -> None:
    told.alert("worth_promised")
    told.request("alert of worth_promised 2024-03-01")
    told.search("two")
    told.alert("worth_promised", since="2024-03-05")
    assert told.why() == ["loss"]


def test_outcomes_are_counted_from_the_last_training(told: Told) -> None:
    told.data(more=400)
    assert told.why(when=[{"outcomes": 401}]) == []
    assert told.why(when=[{"outcomes": 400}]) == ["outcomes"]
    told.search("two")
    assert told.why(when=[{"outcomes": 1}]) == []


def test_a_missed_schedule_asks_once_and_in_its_own_zone(told: Told) -> None:
    weekly = {"when": [{"schedule": "0 3 * * 1 Europe/Zurich"}]}
    told.data(more=1)
    told.now += 6 * DAY + timedelta(hours=13, minutes=59)
    assert told.why(**weekly) == []
    told.now += timedelta(minutes=1)
    assert told.why(**weekly) == ["schedule"]
    told.now += 30 * DAY
    assert told.why(**weekly) == ["schedule"]
    told.search("two")
    assert told.why(**weekly) == []


def test_the_same_data_makes_the_same_model(told: Told) -> None:
    told.alert("worth_promised")
    assert "no data has come" in told.hold()
    told.data(more=1)
    assert told.hold() == ""


def test_no_more_than_declared_in_a_period(told: Told) -> None:
    told.data(more=1)
    for _ in range(2):
        told.request()
        told.now += DAY
    told.search("two")
    told.data(more=1)
    assert told.hold(at_most="3 per month") == ""
    said = told.hold(at_most="2 per week")
    assert "at_most allows 2 per week" in said and "2024-03-11" in said
    told.now = T0 + period(RetrainSpec.model_validate({"at_most": "2 per week"}).at_most) + timedelta(seconds=1)
    assert told.hold(at_most="2 per week") == ""


def test_no_more_money_than_declared_in_a_period_and_building_does_not_count(told: Told) -> None:
    told.search("two", cost=30.0)
    told.data(more=1)
    assert told.hold(money="60 per month") == ""
    said = told.hold(money="59 per month")
    assert "allows 59 per month" in said and "30 are spent" in said
    told.now += 31 * DAY
    assert told.hold(money="59 per month") == ""
    early = Told()
    early.entries = [entry for entry in early.entries if entry.kind != "champion"]
    early.search("one", cost=500.0)
    early.entry("champion", "one", how="promoted", why="")
    early.data(more=1)
    assert early.hold(money="500 per month") == ""


def test_a_challenger_that_is_asked_about_or_on_trial_comes_first(told: Told) -> None:
    told.data(more=1)
    told.search("two")
    told.gates("two")
    told.data(more=1)
    assert told.hold() == "two waits for its approval"
    told.entry("approval", "two", verdict="no", role="business")
    assert told.hold() == ""


def test_what_came_of_it_is_said(told: Told) -> None:
    assert came_of(fold(told.entries)) == ""
    told.request()
    assert came_of(fold(told.entries)) == "a retraining is asked for on 2024-03-04 12:00 UTC (loss)"
    told.search("two")
    told.gates("two", beats_champion="two earned 1 EUR less per decision than champion one")
    said = came_of(fold(told.entries))
    assert "made two, which does not improve and is not promoted: two earned 1 EUR less" in said
    told.gates("two", parity="off")
    assert "which does not pass parity and is not promoted" in came_of(fold(told.entries))
    told.entry("champion", "two", how="promoted", why="")
    assert came_of(fold(told.entries)).endswith("made two, which decides")


@given(st.lists(st.floats(0, 60), min_size=1, max_size=40), st.integers(1, 6), st.sampled_from(["week", "month", "quarter"]))
def test_whatever_asks_the_brake_holds_over_every_period(gaps_days: list[float], most: int, unit: str) -> None:
    spec = RetrainSpec.model_validate({"when": ["data"], "at_most": f"{most} per {unit}"})
    told = Told()
    for gap in gaps_days:
        told.now += gap * DAY
        told.data(more=1)
        seen = situation(spec, fold(told.entries), told.facts, told.now)
        assert seen is not None and asked(seen)
        if not held(seen):
            told.request()
            told.search("again")
    times = [entry.time for entry in told.entries if entry.kind == "retrain"]
    assert times
    assert all(late - early >= period(spec.at_most) for early, late in zip(times, times[most:], strict=False))
