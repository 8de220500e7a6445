"""Sixty days of an operator: whatever breaches, is taken on, silenced or resolved, and whichever channel fails, alerts are as a simple model has them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from loopline.watch import alerts
from loopline.watch.monitors.watched import Breach, Promise
from loopline.watch.scan import FINE_NEEDED
from loopline.watch.silences import covering, ended, lasts
from loopline.watch.windows import Window
from tests.watch.world import DAY, HOUR, MONDAY, ROLES, World

LINES = (("worth_promised", "performance", "drift"), ("refused_share",))
"""The monitors by what they explain, the loudest first: it is told, and the others with it."""
MONITORS = tuple(monitor for line in LINES for monitor in line)
PACKAGE = "p"
IDS = {monitor: alerts.identified(monitor, "", PACKAGE) for monitor in MONITORS}
CHANNELS = {"business": "json://boss", "ml": "json://chat", "data": "mailto://data", "science": "json://chat"}
DAYS = 60
MARKS = st.fixed_dictionaries({monitor: st.sampled_from("!!...?") for monitor in MONITORS})
"""A window of a day: ``!`` a breach, ``.`` fine, ``?`` not judged."""
State = Literal["open", "acknowledged", "resolved"]


def breach(monitor: str) -> Breach:
    return Breach(monitor=monitor, feature="", role=ROLES[monitor], says=f"{monitor} is wrong", value=0.4, limit=0.1)  # type: ignore[arg-type]


class Operator(RuleBasedStateMachine):
    """Days go by, and a person answers; the model is a state, a count of fine windows and a count of openings for each monitor."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World.of(tell={role: channel for role, channel in CHANNELS.items()})
        self.windows: list[Window] = []
        self.found: list[alerts.Found] = []
        self.states: dict[str, State] = {}
        self.fine: dict[str, int] = {}
        self.openings: Counter[str] = Counter()
        self.opened: dict[str, int] = {}
        self.entered: Counter[str] = Counter()
        self.known: set[tuple[str, str]] = set()

    @precondition(lambda self: len(self.windows) < DAYS)
    @rule(marks=MARKS)
    def day(self, marks: dict[str, str]) -> None:
        """A day is over, and its window is judged."""
        start = MONDAY.replace(hour=0) + len(self.windows) * DAY
        self.world.now = max(self.world.now, start + DAY)
        self.windows.append(Window(package=PACKAGE, start=start, end=start + DAY, rows=9))
        self.found.append({monitor: {"!": [breach(monitor)], ".": [], "?": None}[mark] for monitor, mark in marks.items()})
        for monitor, mark in marks.items():
            if mark == "!":
                self.fine[monitor] = 0
                if self.states.get(monitor, "resolved") == "resolved":
                    self.states[monitor] = "open"
                    self.openings[monitor] += 1
                    self.opened[monitor] = len(self.world.heard)
            elif mark == ".":
                self.fine[monitor] = self.fine.get(monitor, 0) + 1
                if self.fine[monitor] == FINE_NEEDED and monitor in self.states:
                    self.states[monitor] = "resolved"
        self._watch()
        self.world.turn()

    def _watch(self) -> None:
        recorded = {id: entry.body for id, entry in self.world.alerts.items()}
        told, promise = alerts.episodes(self.windows, self.found), Promise(per_decision=2.0, loss=None, rows=100)
        for draft in alerts.drafts(told, recorded, self.windows, promise, currency="EUR", now=self.world.now):
            # An alert that lasts is entered again with what it has cost.
            is_new = draft.body["state"] == "open" and (draft.subject, draft.key) not in self.known
            self.known.add((draft.subject, draft.key))
            self.entered[draft.subject] += is_new
            self.world.enter(draft)

    @rule(hours=st.integers(1, 30))
    def time(self, hours: int) -> None:
        """Nothing comes for a while, but turns are taken."""
        self.world.wait(hours * HOUR, every=3 * HOUR)
        self._watch()

    @rule(monitor=st.sampled_from(MONITORS), state=st.sampled_from(["acknowledged", "resolved"]))
    def answer(self, monitor: str, state: State) -> None:
        """Somebody takes an alert on, or resolves it."""
        was = self.states.get(monitor, "resolved")
        if was == "resolved" or was == state:
            return
        entry = self.world.alerts[IDS[monitor]]
        if state == "acknowledged":
            self.world.enter(alerts.acknowledge(entry, by="ann", why="mine"))
        else:
            self.world.enter(alerts.resolve(entry, by="ann", why="a season", until=self.windows[-1].start.isoformat()))
        self.states[monitor] = state

    @rule(monitor=st.sampled_from(MONITORS), of_alert=st.booleans(), hours=st.integers(1, 72))
    def silence(self, monitor: str, of_alert: bool, hours: int) -> None:
        """Nobody is to be told for a while."""
        self.world.silence(IDS[monitor] if of_alert else monitor, lasting=hours * HOUR)

    @rule(monitor=st.sampled_from(MONITORS))
    def speak(self, monitor: str) -> None:
        """A silence is ended by hand."""
        for subject in (monitor, IDS[monitor]):
            entry = self.world.silences.get(subject)
            if entry is not None and lasts(entry, self.world.now):
                self.world.silences[subject] = self.world.entry(ended(self.world.silences, subject, now=self.world.now, by="ann", why="solved"))

    @rule(channel=st.sampled_from(sorted(set(CHANNELS.values()))), is_up=st.booleans())
    def channel(self, channel: str, is_up: bool) -> None:
        """A channel breaks, or works again."""
        (self.world.down.discard if is_up else self.world.down.add)(channel)

    @rule()
    def quiet(self) -> None:
        """All channels work for a day: what is open, and nobody silenced, has been told by the end of it."""
        self.world.down.clear()
        self.world.wait(timedelta(days=1, hours=2), every=HOUR)
        for line in LINES:
            lasting = [monitor for monitor in line if self.states.get(monitor, "resolved") != "resolved"]
            if not lasting or any(self._is_silent(monitor) for monitor in lasting) or self.states[lasting[0]] != "open":
                continue
            since = self.world.heard[self.opened[lasting[0]] :]
            assert IDS[lasting[0]] in {id for _, _, items in since for _, id in items}, f"nobody heard of {lasting[0]}"

    def _is_silent(self, monitor: str) -> bool:
        entry = self.world.alerts[IDS[monitor]]
        return covering(entry.subject, entry.body, self.world.silences, self.world.now) is not None

    @invariant()
    def alerts_are_as_the_model_has_them(self) -> None:
        assert {monitor: self.world.alerts[IDS[monitor]].body["state"] for monitor in self.states} == self.states

    @invariant()
    def none_comes_back_without_a_new_breach(self) -> None:
        assert {monitor: self.entered[IDS[monitor]] for monitor in self.openings} == self.openings

    @invariant()
    def nobody_is_told_twice_of_an_opening(self) -> None:
        told = Counter((channel, id) for channel, id in ((channel, id) for _, channel, items in self.world.heard for _, id in items))
        for (channel, id), times in told.items():
            assert times <= self.entered[id], f"{channel} was told {times} times of {id}"


def live(examples: int, steps: int) -> None:
    run_state_machine_as_test(Operator, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None))


def test_an_operator_of_some_days_loses_no_alert_and_hears_of_none_twice() -> None:
    live(10, 25)


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_an_operator_of_sixty_days_loses_no_alert_and_hears_of_none_twice() -> None:
    live(300, 150)
