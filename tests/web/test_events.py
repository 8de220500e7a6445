"""Readers of a project are told of each move by one look for all of them, and let go in order."""

from __future__ import annotations

import asyncio

from loopline.web.events import Pulse, Seen, parsed


class World:
    """Something that moves, and counts how often it is looked at."""

    def __init__(self) -> None:
        self.seen, self.looks = Seen(1, 0), 0

    def look(self) -> Seen:
        self.looks += 1
        return self.seen


async def read(pulse: Pulse, said: list[str]) -> None:
    async for message in pulse.follow():
        said.append(message)


async def until(true) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")


def test_each_move_is_told_once_to_every_reader_by_one_look_for_all() -> None:
    async def run() -> None:
        world = World()
        pulse = Pulse(world.look, every_s=0.01, beat_s=5)
        said: list[list[str]] = [[] for _ in range(200)]
        readers = [asyncio.create_task(read(pulse, each)) for each in said]
        await until(lambda: all(len(each) == 2 for each in said))
        assert pulse.readers == 200 and world.looks < 100
        world.seen = Seen(2, 0)
        await until(lambda: all(each[-1] == 'id: 2.0\nevent: moved\ndata: {"seq": 2, "work": 0}\n\n' for each in said))
        world.seen = Seen(2, 7)
        await until(lambda: all(each[-1] == 'id: 2.7\nevent: moved\ndata: {"seq": 2, "work": 7}\n\n' for each in said))
        assert {len(each) for each in said} == {4}
        pulse.end()
        await asyncio.wait_for(asyncio.gather(*readers), 2)
        looks = world.looks
        await asyncio.sleep(0.05)
        assert pulse.readers == 0 and world.looks <= looks + 1

    asyncio.run(run())


def test_a_silent_stream_beats_and_ends_after_its_life() -> None:
    async def run() -> None:
        said: list[str] = []
        await asyncio.wait_for(read(Pulse(World().look, every_s=0.01, beat_s=0.03, life_s=0.2), said), 2)
        assert 2 <= said.count(": still here\n\n") <= 7

    asyncio.run(run())


def test_a_look_that_fails_is_made_again() -> None:
    async def run() -> None:
        world, said = World(), []

        def look() -> Seen:
            if world.looks < 2:
                world.looks += 1
                raise OSError("the database is away")
            return world.look()

        pulse = Pulse(look, every_s=0.01)
        reader = asyncio.create_task(read(pulse, said))
        await until(lambda: len(said) == 2)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        assert pulse.readers == 0

    asyncio.run(run())


def test_who_comes_again_is_told_only_what_it_has_not_seen() -> None:
    async def run() -> None:
        world, said = World(), []

        async def again() -> None:
            async for message in Pulse(world.look, every_s=0.01, beat_s=0.05, life_s=0.2).follow(parsed("1.0")):
                said.append(message)

        await asyncio.wait_for(again(), 2)
        assert not [message for message in said if "moved" in message]

    asyncio.run(run())
    assert parsed("12.3") == Seen(12, 3)
    assert [parsed(said) for said in ("", "12", "x.1", "1." + "9" * 60)] == [None] * 4
