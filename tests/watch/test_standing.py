"""Where alerts stand: what reached nobody is said, and no longer than that is so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loopline.watch.alerts import acknowledge, resolve
from loopline.watch.causes import incidents
from loopline.watch.standing import lasting, open_in_words, open_now, standings, unheard
from tests.watch.world import DAY, HOUR, World

MAIL, CHAT = "mailto://ops", "json://chat"


def test_what_reached_nobody_is_said_until_a_channel_takes_it() -> None:
    world = World.of(tell={"business": MAIL, "devops": CHAT})
    world.down = {MAIL, CHAT}
    world.open("worth_promised")
    world.open("disk")
    assert unheard(world, world.now) == ""
    world.wait(HOUR)
    assert unheard(world, world.now) == "1 page and 1 notice reached nobody: it is down"
    world.down = {MAIL}
    world.wait(2 * HOUR)
    assert unheard(world, world.now) == ""


def test_what_explains_another_is_told_with_it_only_once_that_was_told() -> None:
    world = World.of(tell={"business": MAIL})
    for monitor in ("worth_promised", "performance"):
        world.open(monitor)
    assert [one.is_told_with for one in lasting(world, world.now)] == [False, False]
    world.wait(HOUR)
    assert [one.is_told_with for one in lasting(world, world.now)] == [False, True]


def test_what_somebody_took_on_or_silenced_is_not_unheard() -> None:
    world = World.of(tell={"business": MAIL})
    world.down = {MAIL}
    taken, silenced = world.open("worth_promised"), world.open("disk")
    world.turn()
    world.say(taken, "acknowledged")
    assert unheard(world, world.now) == "1 notice reached nobody: it is down"
    world.silence(silenced, lasting=DAY)
    assert unheard(world, world.now) == ""


PRICED = {"lost": 294.3, "low": 200.0, "high": 390.0, "sure": True, "outcomes": 90, "per_decision": 1.0, "promised": 4.27}


def priced(world: World, monitor: str, first: int, last: int, lost: float, *, is_over: bool = False, outcomes: int = 100) -> str:
    """An alert about the windows from one day to another one, and what was lost in them."""
    entry = world.alerts[world.open(monitor)]
    since, until = (f"2024-01-{day:02d}T00:00:00+00:00" for day in (first, last))
    state, words = "resolved" if is_over else "open", f"{lost:,.0f} EUR lost" if lost > 0 else "nothing is lost"
    cost = {**PRICED, "lost": lost, "low": lost - 50, "high": lost + 50, "outcomes": outcomes, "per_decision": 4.27 - lost / outcomes}
    said = {"since": since, "last": until, "state": state, "cost": cost, "says": f"{monitor} is wrong; {words} so far against the promise"}
    world.alerts[monitor] = replace(entry, body={**entry.body, **said})
    return monitor


def incident(*monitors: str) -> World:
    """Alerts of one incident, each priced by the same windows."""
    world = World.of(tell={"business": MAIL})
    for monitor in monitors:
        entry = world.alerts[world.open(monitor)]
        world.alerts[monitor] = replace(entry, body={**entry.body, "cost": PRICED, "says": f"{monitor} is wrong; 294.3 EUR lost so far"})
    return world


@given(st.permutations(["performance", "unseen_ranges", "score_drift"]), st.integers(0, 3), st.booleans())
def test_what_an_incident_has_cost_is_said_once_by_its_head_whether_that_is_over_or_not(monitors: list[str], over: int, by_hand: bool) -> None:
    world = incident("performance", "unseen_ranges", "score_drift")
    for monitor in monitors[:over]:
        world.say(monitor, "resolved", actor="ann" if by_hand else "loopline")
    said = {one.id: one for one in standings(world, world.now)}
    # What ended by itself leaves the loss to what lasts; what a person closed keeps it.
    last = [monitor for monitor in ("performance", "unseen_ranges", "score_drift") if by_hand or over == 3 or monitor not in monitors[:over]]
    assert [id for id, one in said.items() if one.cost is not None] == last[:1]
    assert [id for id, one in said.items() if "lost" in one.says] == last[:1]
    assert all(one.as_json()["costs_with"] == (None if one.id == last[0] else last[0]) for one in said.values())


def test_the_loss_of_an_incident_is_that_of_all_its_windows() -> None:
    world = incident("drift", "performance")
    entry = world.alerts["drift"]
    cost = {**PRICED, "lost": 1000.0, "outcomes": 500}
    world.alerts["drift"] = replace(entry, body={**entry.body, "cost": cost, "says": "it drifts; 1,000 EUR lost so far"})
    (head,) = open_now(world, world.now)
    assert (head.id, head.cost) == ("performance", cost)
    assert head.says.endswith("with what explains it, since 2024-01-01 09:00, 1,000 EUR lost so far")


def test_what_was_earned_before_hides_no_loss() -> None:
    world = World.of(tell={"business": MAIL})
    priced(world, "worth_promised", 10, 20, 4000.0, outcomes=500)
    priced(world, "score_drift", 1, 20, -900.0, outcomes=5000)
    (head,) = open_now(world, world.now)
    assert (head.id, head.cost and head.cost["lost"]) == ("worth_promised", 4000.0)
    assert open_in_words(world, world.now) == "1 alert is open: worth_promised is wrong; 4,000 EUR lost so far against the promise"


def test_of_alerts_that_overlap_one_with_the_next_none_hides_what_another_one_lost() -> None:
    world = World.of(tell={"business": MAIL})
    priced(world, "performance", 1, 10, 100.0, is_over=True, outcomes=1000)
    priced(world, "unseen_ranges", 9, 20, 120.0, is_over=True, outcomes=1100)
    priced(world, "score_drift", 19, 30, 900.0, outcomes=1050)
    said = {one.id: one for one in standings(world, world.now)}
    # What is over was about other windows than what lasts: that says it.
    assert [(id, one.cost["lost"], one.cost["outcomes"]) for id, one in said.items() if one.cost is not None] == [("score_drift", 1000.0, 2050)]
    assert said["score_drift"].says.endswith("with what explains it, since 2024-01-01, 1,000 EUR lost so far against the promise")


MONITORS = ("worth_promised", "performance", "unseen_ranges", "score_drift")
SPANS = st.lists(st.tuples(st.integers(1, 28), st.integers(0, 20), st.integers(-900, 900), st.booleans()), min_size=1, max_size=len(MONITORS))


@given(SPANS)
def test_an_incident_says_no_less_than_its_dearest_alert_and_no_window_twice(spans: list[tuple[int, int, int, bool]]) -> None:
    world = World.of(tell={"business": MAIL})
    for monitor, (first, days, lost, is_over) in zip(MONITORS, spans, strict=False):
        priced(world, monitor, first, min(31, first + days), lost, is_over=is_over)
    found = incidents(world.alerts.values(), lambda entry: False)
    for known in found.values():
        alerts = [world.alerts[id].body for id, one in found.items() if one.head is known.head]
        losses = [body["cost"]["lost"] for body in alerts]
        assert known.cost is not None
        assert max(losses) <= known.cost["lost"] <= max(max(losses), sum(lost for lost in losses if lost > 0))
        counted = [entry.body for entry in known.priced]
        assert all(one["last"] < other["since"] for one, other in pairwise(counted))
        assert known.cost["lost"] == sum(body["cost"]["lost"] for body in counted)
        assert known.cost["low"] <= known.cost["lost"] <= known.cost["high"]
    assert {id for id, one in found.items() if one.head.subject == id} == {one.id for one in standings(world, world.now) if one.cost is not None}


def test_what_lasts_says_the_loss_of_what_ended_by_itself() -> None:
    world = incident("performance", "unseen_ranges")
    world.say("performance", "resolved", actor="loopline")
    (head,) = open_now(world, world.now)
    assert (head.id, head.cost) == ("unseen_ranges", PRICED) and "294.3 EUR lost so far" in head.says


def test_the_next_head_says_where_the_loss_is_said() -> None:
    world = incident("performance", "unseen_ranges")
    world.say("performance", "resolved", actor="ann")
    (head,) = open_now(world, world.now)
    assert (head.id, head.cost) == ("unseen_ranges", None)
    assert head.says.endswith("; performance (perfor), which is over, says what that has cost")
    world.wait(HOUR)
    (letter,) = [message.body["items"] for message in world.messages]
    assert [item["alert"] for item in letter] == ["unseen_ranges"]


def test_alerts_of_other_windows_have_a_loss_of_their_own() -> None:
    world = incident("performance")
    world.say("performance", "resolved")
    world.now += DAY
    entry = world.alerts[world.open("drift", "x")]
    world.alerts["drift:x"] = replace(entry, body={**entry.body, "cost": PRICED})
    assert {one.id for one in standings(world, world.now) if one.cost is not None} == {"performance", "drift:x"}


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_cause_that_somebody_took_on_stays_so_when_its_head_is_over(by_hand: bool) -> None:
    world = incident("performance")
    world.enter(acknowledge(world.alerts["performance"], by="ann", why="I look"))
    # It is raised after ann has spoken: her word was about the cause.
    world.open("unseen_ranges")
    if by_hand:
        world.enter(resolve(world.alerts["performance"], by="bob", why="mended", until=None))
    else:
        world.say("performance", "resolved")
    (head,) = [one for one in lasting(world, world.now) if one.is_lasting]
    assert (head.id, head.state, head.taken_by) == ("unseen_ranges", "acknowledged", "ann")
    assert open_now(world, world.now) == [] and open_in_words(world, world.now) == ""
    world.wait(DAY)
    assert world.told() == []


def test_what_is_louder_than_what_was_taken_on_is_open() -> None:
    world = incident("performance")
    world.enter(acknowledge(world.alerts["performance"], by="ann", why="I look"))
    world.open("worth_promised")
    assert [one.id for one in open_now(world, world.now)] == ["worth_promised"]
