"""Causes: alerts that explain one another are one, and money is told before what explains it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.people import Person
from loopline.charter.spec import CharterSpec
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.watch.causes import ANEW, LINES, Cause, causes, explains, level, urgency
from loopline.watch.monitors.listed import MONITORS
from loopline.watch.spec import OF_DRIFT, OF_WORTH, URGENCY
from loopline.watch.spoken import speak
from tests.watch.world import DAY, World

ANY = st.sampled_from(URGENCY)


def found(world: World, *silent: str) -> list[Cause]:
    return causes(world.alerts.values(), lambda entry: entry.subject in silent)


def ids(cause: Cause) -> tuple[str, ...]:
    return (cause.head.subject, *(other.subject for other in cause.others))


def test_a_loss_the_performance_and_the_drift_that_explains_them_are_one_cause() -> None:
    world = World.of()
    for monitor, feature in (("drift", "age"), ("performance", ""), ("worth_promised", ""), ("drift", "size")):
        world.open(monitor, feature)
        world.now += DAY
    assert [ids(cause) for cause in found(world)] == [("worth_promised", "performance", "drift:age", "drift:size")]


def test_what_comes_and_what_the_model_earns_are_causes_of_their_own_and_packages_are_too() -> None:
    world = World.of()
    for monitor in ("refused_share", "volume", "performance"):
        world.open(monitor)
    world.open("drift", "x", package="q")
    assert {ids(cause) for cause in found(world)} == {("performance",), ("volume", "refused_share"), ("drift:x",)}


def test_a_monitor_of_no_line_stands_for_itself() -> None:
    world = World.of()
    world.open("disk", "log", package="")
    world.open("disk", "lake", package="")
    assert {ids(cause) for cause in found(world)} == {("disk:log",), ("disk:lake",)}
    assert level(world.alerts["disk:log"].body) == "notice"


def test_when_the_head_is_resolved_another_one_that_lasts_is() -> None:
    world = World.of()
    for monitor in ("worth_promised", "performance"):
        world.open(monitor)
    world.say("worth_promised", "resolved")
    assert [ids(cause) for cause in found(world)] == [("performance",)]


def test_who_takes_a_cause_on_has_taken_on_what_explains_it(tmp_path: Path) -> None:
    world, charter = World.of(), CharterSpec(predict="y")
    for monitor in ("worth_promised", "performance"):
        world.open(monitor)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        state = replace(State(), alerts=world.alerts)
        speak(ledger, charter, state, "worth_promised", "acknowledged", who=Person("mia", "the page"), why="I look")
        said = {entry.subject: entry.body["state"] for entry in ledger.read(kinds=("alert",))}
    assert said == {"worth_promised": "acknowledged", "performance": "acknowledged"}


def test_of_equals_the_head_is_not_silenced_and_has_lasted_longest() -> None:
    world = World.of()
    for feature in ("a", "b", "c"):
        world.open("drift", feature)
        world.now += DAY
    assert ids(found(world)[0])[0] == "drift:a"
    assert ids(found(world, "drift:a")[0])[0] == "drift:b"


@pytest.mark.parametrize(
    ("silent", "loud"),
    [("worth_baseline", "worth_promised"), ("performance", "nulls"), ("drift", "multivariate")],
)
def test_what_is_silenced_hides_nothing_that_is_as_loud_and_explains_it_still(silent: str, loud: str) -> None:
    world = World.of()
    world.open(silent)
    world.open(loud)
    assert [ids(cause) for cause in found(world, silent)] == [(loud, silent)]


def test_a_silenced_loss_is_not_told_by_what_explains_it() -> None:
    world = World.of()
    for monitor in ("drift", "performance", "worth_promised"):
        world.open(monitor)
    assert [ids(cause)[0] for cause in found(world, "worth_promised")] == ["worth_promised"]


@pytest.mark.parametrize("rows", [0, 3])
def test_a_silence_over_few_requests_hides_none_that_are_refused(rows: int) -> None:
    world = World.of()
    world.open("volume", value=rows)
    world.open("refused_share")
    assert {ids(cause) for cause in found(world, "volume")} == {("volume",), ("refused_share",)}


@pytest.mark.parametrize(
    ("monitor", "value", "expected"),
    [
        ("worth_baseline", -1, "page"),
        ("worth_promised", 1, "page"),
        ("volume", 0, "page"),
        ("volume", 3, "notice"),
        ("performance", 1, "notice"),
        ("drift", 1, "digest"),
        ("score_drift", 1, "digest"),
    ],
)
def test_money_pages_and_drift_waits_for_the_digest(monitor: str, value: float, expected: str) -> None:
    assert level({"monitor": monitor, "value": value}) == expected


def test_every_monitor_of_a_package_stands_in_one_line() -> None:
    named = [monitor for line in LINES for monitor in line]
    assert sorted(named) == sorted(monitor.__name__ for monitor in MONITORS)
    assert {*OF_WORTH, *OF_DRIFT} <= set(named)


@given(st.lists(st.tuples(ANY, st.sampled_from("pq"), st.booleans()), max_size=12))
def test_every_alert_that_lasts_is_in_one_cause_and_no_other_is_more_urgent_than_its_head(opened: list[tuple[str, str, bool]]) -> None:
    world = World.of()
    for at, (monitor, package, is_over) in enumerate(opened):
        id = world.open(monitor, str(at), package=package)
        if is_over:
            world.say(id, "resolved")
    made = found(world)
    lasting = sorted(id for id, entry in world.alerts.items() if entry.body["state"] != "resolved")
    assert sorted(id for cause in made for id in ids(cause)) == lasting
    for cause in made:
        assert all(urgency(cause.head.body) <= urgency(other.body) for other in cause.others)
        assert len({entry.body["package"] for entry in (cause.head, *cause.others)}) == 1


def test_what_is_over_explains_a_later_loss_about_the_same_windows_and_no_other() -> None:
    world = World.of(tell={"business": "mailto://owner"})
    world.open("drift", "age")
    world.say("drift:age", "resolved")
    world.open("nulls", "age", package="q")
    world.say("nulls:age", "resolved")
    world.open("worth_promised")
    world.now += 30 * DAY
    world.open("worth_baseline", package="r")
    mine, other = sorted(found(world), key=lambda cause: cause.head.subject == "worth_baseline")
    assert [entry.subject for entry in mine.explaining] == ["drift:age"]
    assert explains(mine.over[0].body) == "drift:age is wrong (from 2024-01-01 09:00 to 2024-01-01 09:00)"
    assert other.explaining == ()
    assert [item.others for letter in world.due() for item in letter.items if item.alert is mine.head] == [mine.over]


def test_what_a_person_closed_or_the_windows_do_not_show_any_more_explains_nothing() -> None:
    world = World.of()
    world.open("drift", "age")
    world.open("drift", "size")
    world.say("drift:age", "resolved", actor="ann")
    world.say("drift:size", "resolved", why=ANEW)
    world.open("worth_promised")
    assert found(world)[0].explaining == ()
