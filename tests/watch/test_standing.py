"""Where alerts stand: what reached nobody is said, and no longer than that is so."""

from __future__ import annotations

from loopline.watch.standing import lasting, unheard
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
