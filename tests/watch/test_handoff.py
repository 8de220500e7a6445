"""Hand-offs: whose turn it is, told once for each thing that waits, and never once it waits no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loopline.engine.local import LocalEngine
from loopline.engine.step import Halt, Silence, Step
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.state import FOLDED, fold
from loopline.ledger.store import Ledger
from loopline.watch.handoff import drafts, handoffs, inputs, recorded, run
from loopline.watch.told import address
from loopline.workspace import Job, Workspace
from tests.watch.world import DAY, HOUR, World

BOSS, MAIL = "mailto://boss", "mailto://ops"
TELL = {"business": BOSS, "devops": MAIL}
NO_GO = Halt(state="failed", why="no-go: it cannot pay", role="business", next="loopline charter override", about="binds")


def asked(package: str, *roles: str) -> Halt:
    """A package waits for the yes of some roles."""
    why = f"{package} waits for the approval of {' and '.join(roles)}"
    commands = {role: f"loopline release approve --as {role}" for role in roles}
    return Halt(state="waiting", why=why, role=roles[0], besides=roles[1:], next=commands[roles[0]], commands=commands, about=package)


def turn(world: World, waits: Mapping[str, Halt | None]) -> list[str]:
    """A turn in which stages halted so; the states that hand-offs came to."""
    wanted = {one.id: one for one in handoffs(waits)}
    known = {id: entry.body for id, entry in recorded(world.alerts).items()}
    made = drafts(wanted, frozenset(waits), known, world.now)
    for draft in made:
        world.enter(draft)
    world.turn()
    world.now += HOUR
    return [str(draft.body["state"]) for draft in made]


def said(world: World) -> list[tuple[str, str]]:
    """The channel and the role of all that was handed over and heard."""
    return [(channel, world.alerts[id].body["role"]) for _, channel, items in world.heard for _, id in items]


def test_each_role_that_is_waited_for_is_handed_its_own_command() -> None:
    found = {one.role: one.next for one in handoffs({"release": asked("abc", "business", "devops"), "charter": None})}
    assert found == {role: f"loopline release approve --as {role}" for role in ("business", "devops")}


def test_a_halt_that_names_nobody_is_nobody_s_turn() -> None:
    assert list(handoffs({"release": Halt(state="failed", why="latency", next="loopline release check")})) == []


def test_it_is_told_once_however_many_turns_follow_and_again_when_something_else_waits() -> None:
    world = World.of(tell=TELL)
    for _ in range(5):
        turn(world, {"charter": None, "release": asked("abc", "business", "devops")})
    assert said(world) == [(BOSS, "business"), (MAIL, "devops")]
    turn(world, {"charter": None, "release": asked("def", "business", "devops")})
    assert said(world)[2:] == [(BOSS, "business"), (MAIL, "devops")]
    turn(world, {"charter": NO_GO})
    assert said(world)[4:] == [(BOSS, "business")]


def test_that_another_has_spoken_is_nothing_new_for_who_has_not() -> None:
    world = World.of(tell=TELL)
    turn(world, {"release": asked("abc", "business", "devops")})
    assert sorted(turn(world, {"release": asked("abc", "devops")})) == ["open", "resolved"]
    (one,) = [entry for entry in world.alerts.values() if entry.body["state"] == "open"]
    assert one.body["says"] == "release: abc waits for the approval of devops"
    assert len(world.heard) == 2


def test_what_a_stage_that_was_not_asked_waits_for_stands_and_what_came_through_is_over() -> None:
    world = World.of(tell=TELL)
    turn(world, {"charter": None, "release": asked("abc", "business")})
    assert turn(world, {"charter": None}) == []
    assert turn(world, {"charter": None, "release": None}) == ["resolved"]
    assert turn(world, {"charter": None, "release": asked("abc", "business")}) == ["open"]
    assert len(world.heard) == 2


def test_outside_its_hours_a_role_is_not_told_and_what_is_over_by_then_never_is() -> None:
    world = World.of(tell=TELL, hours={"business": "08:00-18:00", "devops": "08:00-18:00"})
    world.now += timedelta(hours=11)
    waits = {"release": asked("abc", "business", "devops")}
    turn(world, waits)
    assert world.heard == []
    world.now += DAY / 2
    turn(world, {"release": asked("abc", "devops")})
    assert said(world) == [(MAIL, "devops")]


def test_what_a_person_took_on_or_closed_is_left_alone_until_it_is_over() -> None:
    for state in ("acknowledged", "resolved"):
        world = World.of(tell=TELL)
        turn(world, {"charter": NO_GO})
        (id,) = world.alerts
        world.say(id, state, actor="ann")
        world.alerts[id].body["by"] = "ann"
        assert turn(world, {"charter": NO_GO}) == []
        assert turn(world, {"charter": None}) == ["resolved"]
        assert turn(world, {"charter": None}) == []
        assert turn(world, {"charter": NO_GO}) == ["open"]
        assert len(world.heard) == 2


def test_nothing_is_to_be_done_where_all_is_up_to_date() -> None:
    world = World.of(tell=TELL)
    assert inputs({"charter": None}, world.alerts) is None
    first = inputs({"charter": NO_GO}, world.alerts)
    turn(world, {"charter": NO_GO})
    assert inputs({"charter": NO_GO}, world.alerts) is None
    turn(world, {"charter": None})
    again = inputs({"charter": NO_GO}, world.alerts)
    # The step that enters it must not be taken for the one that did before.
    assert first is not None and again is not None and first != again


def test_what_a_person_says_between_the_look_and_the_step_stands(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "shop") as ledger:

        def entered(wanted: Mapping[str, Any]) -> None:
            step = Step(stage="watch", name="handoff", function="", reads={}, inputs=wanted, rooms=())
            workspace = Workspace(ledger, Lake(str(tmp_path)), LocalEngine(1))
            run(Job(project="shop", folder=tmp_path, step=step, attempt="", workspace=workspace, progress=Silence()))

        def known() -> dict[str, Entry]:
            return dict(fold(ledger.read(kinds=FOLDED)).alerts)

        first = inputs({"charter": NO_GO}, known())
        assert first is not None
        entered(first)
        dearer = inputs({"charter": replace(NO_GO, why="no-go: it costs more")}, known())
        assert dearer is not None
        ((id, entry),) = known().items()
        ledger.append(Draft(kind="alert", subject=id, key=entry.key, body={**entry.body, "state": "acknowledged", "by": "ann"}))
        entered(dearer)
        body = known()[id].body
        assert (body["state"], body["by"], body["says"]) == ("acknowledged", "ann", "charter: no-go: it costs more")


HALTS = st.sampled_from([None, asked("abc", "business"), asked("abc", "business", "devops"), asked("abc", "devops"), asked("def", "devops", "business")])
TURNS = st.lists(st.tuples(st.sampled_from([None, NO_GO]), HALTS, st.sets(st.sampled_from([BOSS, MAIL]))), min_size=1, max_size=10)


@given(turns=TURNS)
def test_each_wait_is_told_once_on_a_channel_only_while_it_waits_and_surely_once_the_channels_work(
    turns: list[tuple[Halt | None, Halt | None, set[str]]],
) -> None:
    world = World.of(tell=TELL)
    lasting: dict[str, str] = {}
    begun = 0
    for charter, release, down in [*turns, (*turns[-1][:2], set[str]())]:
        waits = {"charter": charter} if charter is not None else {"charter": None, "release": release}
        now = {one.id: one.about for one in handoffs(waits)}
        stood = {one: about for one, about in lasting.items() if charter is not None and world.alerts[one].body["stage"] == "release"}
        begun += sum(lasting.get(one) != about for one, about in now.items())
        lasting = {**stood, **now}
        world.down, before = down, len(world.heard)
        turn(world, waits)
        # Two days, so that a channel that failed is tried again.
        world.now += 2 * DAY
        assert {id for _, _, items in world.heard[before:] for _, id in items} <= set(lasting)
    told = Counter((entry.subject, item["alert"], item["since"]) for entry in world.messages if entry.body["done"] for item in entry.body["items"])
    assert set(told.values()) <= {1}
    assert len({(id, since) for _, id, since in told}) <= begun
    for id in lasting:
        body = world.alerts[id].body
        assert told[address(TELL[body["role"]]), id, body["since"]] == 1
