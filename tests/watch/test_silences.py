"""Silences: over an alert or a monitor, for a while, and then they are over by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Mistake
from loopline.watch.silences import covering, ended, lasts, monitored, silence, state_of
from tests.watch.world import DAY, HOUR, MONDAY, World


def world_of(subject: str) -> World:
    world = World.of()
    world.open("drift", "x")
    world.silence(subject, lasting=DAY)
    return world


@pytest.mark.parametrize("subject", ["drift:x", "drift"])
def test_a_silence_covers_the_alert_until_it_ends_by_itself(subject: str) -> None:
    world = world_of(subject)
    alert = world.alerts["drift:x"]
    for after, expected in ((HOUR, "silenced"), (DAY - HOUR, "silenced"), (DAY, "open"), (9 * DAY, "open")):
        assert state_of(alert.subject, alert.body, world.silences, MONDAY + after) == expected
    assert state_of(alert.subject, {**alert.body, "state": "resolved"}, world.silences, MONDAY) == "resolved"


@pytest.mark.parametrize("subject", ["drift:y", "volume", "other"])
def test_a_silence_of_something_else_covers_nothing(subject: str) -> None:
    world = world_of(subject)
    alert = world.alerts["drift:x"]
    assert covering(alert.subject, alert.body, world.silences, MONDAY) is None


def test_of_several_silences_the_longest_holds() -> None:
    world = world_of("drift")
    world.silence(monitored("drift", "x"), lasting=3 * DAY)
    alert = world.alerts["drift:x"]
    found = covering(alert.subject, alert.body, world.silences, MONDAY)
    assert found is not None and found.subject == "drift:x"


def test_an_alert_about_several_features_is_silent_where_all_of_them_are() -> None:
    world = World.of()
    body = {**world.alerts[world.open("drift")].body, "features": ["x", "y"]}
    world.silence("drift:x", lasting=3 * DAY)
    assert covering("id", body, world.silences, MONDAY) is None
    world.silence("drift:y", lasting=DAY)
    found = covering("id", body, world.silences, MONDAY)
    assert found is not None and found.subject == "drift:y"
    assert covering("id", body, world.silences, MONDAY + DAY) is None


def test_a_silence_is_ended_by_a_person_and_ends_nothing_twice() -> None:
    world = world_of("drift")
    draft = ended(world.silences, "drift", now=MONDAY + HOUR, by="bob", why="solved")
    assert (draft.actor, draft.parents) == ("bob", (world.silences["drift"].id,))
    world.silences["drift"] = world.entry(draft)
    assert covering("drift:x", world.alerts["drift:x"].body, world.silences, MONDAY + HOUR) is None
    for subject in ("drift", "volume"):
        with pytest.raises(Mistake, match="no silence"):
            ended(world.silences, subject, now=MONDAY + 2 * HOUR, by="bob", why="")


def test_a_silence_that_would_be_over_already_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="has passed"):
        silence("drift", until=MONDAY, now=MONDAY, by="ann", why="")


@given(st.integers(-1000, 1000), st.integers(1, 200))
def test_whichever_way_the_clock_jumps_a_silence_lasts_no_longer_than_twice_its_time(jump_h: int, hours: int) -> None:
    world = World.of()
    world.silence("drift", lasting=hours * HOUR)
    (entry,) = world.silences.values()
    assert lasts(entry, MONDAY) and not lasts(entry, MONDAY + jump_h * HOUR + 2 * hours * HOUR if jump_h >= -hours else MONDAY + jump_h * HOUR)
