"""Duty: the right person is told once, at the right hour, and somebody is while a channel is down; clocks are passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from loopline.watch.causes import explains, level
from loopline.watch.duty import is_on
from loopline.watch.spec_duty import Hours, parse_hours
from tests.watch.world import DAY, HOUR, MINUTE, MONDAY, World

ZURICH = ZoneInfo("Europe/Zurich")
MAIL, CHAT, BOSS = "mailto://ops", "json://chat", "mailto://boss"
EVENING = MONDAY + 11 * HOUR


def hours(text: str) -> tuple[Hours, ...]:
    made = parse_hours(text)
    assert isinstance(made, Hours)
    return (made,)


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH, fold=fold).astimezone(UTC)


def test_each_channel_of_the_role_is_told_once() -> None:
    world = World.of(tell={"business": [BOSS, CHAT], "ml": MAIL})
    world.open("worth_promised")
    world.wait(3 * DAY)
    assert world.told(BOSS) == world.told(CHAT) == [("told", "worth_promised")]
    assert world.told(MAIL) == []


def test_a_role_without_a_channel_is_told_through_the_first_one_and_without_any_nobody_is() -> None:
    world = World.of(tell={"devops": MAIL})
    world.open("performance")
    world.turn()
    assert world.told(MAIL) == [("told", "performance")]
    nobody = World.of()
    nobody.open("worth_baseline")
    assert nobody.due() == []


def test_roles_that_share_a_channel_get_one_message() -> None:
    world = World.of(tell={"ml": MAIL, "devops": MAIL, "business": MAIL})
    for monitor in ("performance", "volume"):
        world.open(monitor)
    (letter,) = world.due()
    assert letter.roles == ("ml", "devops")
    assert [item.alert.subject for item in letter.items] == ["performance", "volume"]


def test_what_explains_a_loss_is_in_its_message_and_is_not_told_apart() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL, "science": CHAT})
    for monitor, feature in (("worth_promised", ""), ("performance", ""), ("drift", "x"), ("drift", "y")):
        world.open(monitor, feature)
    (letter,) = world.due()
    assert [other.subject for other in letter.items[0].others] == ["performance", "drift:x", "drift:y"]
    world.wait(3 * DAY)
    assert world.told() == [("told", "worth_promised")]


def test_when_the_told_one_is_over_what_lasts_is_told() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL})
    for monitor in ("worth_promised", "performance"):
        world.open(monitor)
    world.wait(DAY)
    world.say("worth_promised", "resolved")
    world.wait(DAY)
    assert world.told() == [("told", "worth_promised"), ("told", "performance")]


def test_a_cause_that_grows_louder_is_told_again_and_one_that_only_grows_is_not() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL})
    for monitor in ("performance", "worth_promised", "worth_baseline"):
        world.open(monitor)
        world.wait(HOUR)
    assert world.told() == [("told", "performance"), ("told", "worth_promised")]


def test_drift_alone_waits_for_the_digest_and_comes_in_one_message() -> None:
    world = World.of(tell={"science": MAIL}, digest="08:00 Europe/Zurich")
    world.open("drift", "x")
    world.wait(5 * HOUR)
    world.open("drift", "y", package="q")
    assert world.told() == []
    world.wait(DAY, every=10 * MINUTE)
    assert [(at.astimezone(ZURICH).strftime("%a %H:%M"), items) for at, _, items in world.heard] == [("Tue 08:00", (("told", "drift:x"), ("told", "drift:y")))]


def test_an_alert_of_a_ledger_that_did_not_keep_when_it_was_opened_is_told_too() -> None:
    world = World.of(tell={"science": MAIL})
    for feature in ("x", "y"):
        entry = world.alerts[world.open("drift", feature)]
        body = {name: value for name, value in entry.body.items() if name not in ("opened", "what")}
        world.alerts[entry.subject] = structs.replace(entry, body=body)
    world.wait(2 * DAY)
    assert world.told() == [("told", "drift:x")]
    assert explains(body).startswith("drift:y is wrong")


def test_a_loop_that_turns_once_a_day_still_sends_its_digest() -> None:
    world = World.of(tell={"science": MAIL})
    world.open("drift", "x")
    world.wait(2 * DAY, every=DAY)
    assert world.told() == [("told", "drift:x")]


def test_outside_the_hours_only_pages_go_out_and_the_rest_waits() -> None:
    world = World.of(tell={"business": BOSS, "devops": MAIL}, hours={"devops": "Mon-Fri 08:00-18:00", "business": "Mon-Fri 08:00-18:00"})
    world.now = EVENING + 4 * DAY
    for monitor, value in (("worth_promised", 1.0), ("refused_share", 1.0)):
        world.open(monitor, value=value)
    world.wait(4 * DAY)
    assert {id: at.strftime("%a %H:%M") for id, at in world.when().items()} == {"worth_promised": "Fri 21:00", "refused_share": "Mon 08:00"}
    nothing_comes = World.of(tell={"devops": MAIL}, hours={"devops": "Mon-Fri 08:00-18:00"}, digest="23:00")
    nothing_comes.now = EVENING
    nothing_comes.open("volume", value=0.0)
    nothing_comes.open("drift", "x")
    nothing_comes.wait(12 * HOUR)
    assert {id: at.strftime("%a %H:%M") for id, at in nothing_comes.when().items()} == {"volume": "Mon 21:00", "drift:x": "Tue 08:00"}


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-01-01T08:00", True),
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-01-01T18:00", False),
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-01-06T12:00", False),
        # A night shift belongs to the day on which it begins.
        ("Fri 22:00-06:00 Europe/Zurich", "2024-01-06T05:59", True),
        ("Fri 22:00-06:00 Europe/Zurich", "2024-01-06T22:30", False),
        ("Sun 22:00-06:00 Europe/Zurich", "2024-01-01T03:00", True),
        # The same hours by the clock on the wall in summer and in winter.
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-03-29T08:00", True),
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-04-02T08:00", True),
        ("Mon-Fri 08:00-18:00 Europe/Zurich", "2024-04-02T07:59", False),
    ],
)
def test_who_is_on_duty_is_told_by_the_clock_on_the_wall(text: str, moment: str, expected: bool) -> None:
    assert is_on(hours(text), local(moment)) is expected
    assert is_on((), local(moment))


def test_the_hour_that_comes_twice_is_on_duty_twice_and_the_one_that_is_missing_never() -> None:
    night = hours("Sun 02:00-03:00 Europe/Zurich")
    assert is_on(night, local("2024-10-27T02:30")) and is_on(night, local("2024-10-27T02:30", fold=1))
    spring = datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert not any(is_on(night, spring + at * MINUTE) for at in range(0, 300, 5))


@pytest.mark.parametrize(("day", "utc"), [(datetime(2024, 3, 30, 12, tzinfo=UTC), 6), (datetime(2024, 10, 26, 12, tzinfo=UTC), 7)])
def test_the_digest_keeps_its_hour_when_clocks_change(day: datetime, utc: int) -> None:
    world = World.of(tell={"science": MAIL}, digest="08:00 Europe/Zurich")
    world.now = day
    world.open("drift", "x")
    world.wait(DAY)
    assert [at.hour for at, _, _ in world.heard] == [utc]


def test_a_digest_in_the_hour_that_is_missing_or_comes_twice_is_sent_once() -> None:
    for day in (datetime(2024, 3, 30, 12, tzinfo=UTC), datetime(2024, 10, 26, 12, tzinfo=UTC)):
        world = World.of(tell={"science": MAIL}, digest="02:30 Europe/Zurich")
        world.now = day
        world.open("drift", "x")
        world.wait(DAY, every=10 * MINUTE)
        assert world.told() == [("told", "drift:x")]


def test_a_channel_that_is_down_is_tried_later_and_later_and_told_in_the_end() -> None:
    world = World.of(tell={"business": BOSS})
    world.down = {BOSS}
    world.open("worth_promised")
    world.turn()
    world.wait(6 * HOUR, every=MINUTE)
    tried = [datetime.fromisoformat(one.body["at"]) - MONDAY for one in world.messages]
    gaps = [after - before for before, after in zip(tried[:-1], tried[1:], strict=True)]
    assert gaps[:5] == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR]
    assert set(gaps[5:]) == {HOUR}
    world.down = set()
    world.wait(DAY)
    assert world.told() == [("told", "worth_promised")]


def test_while_a_channel_is_down_the_next_one_is_told_and_the_first_one_still_is_later() -> None:
    world = World.of(tell={"business": BOSS, "ml": CHAT, "devops": MAIL})
    world.down = {BOSS, CHAT}
    world.open("worth_promised")
    world.turn()
    assert world.told() == [("elsewhere", "worth_promised")]
    world.open("volume")
    world.open("performance")
    world.wait(HOUR)
    assert world.told(MAIL) == [("elsewhere", "worth_promised"), ("told", "volume")]
    world.down = set()
    world.wait(DAY)
    assert world.told(BOSS) == [("told", "worth_promised")]
    assert world.told(CHAT) == []


def test_a_channel_that_failed_once_long_ago_is_tried_before_another_is_told() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL})
    world.down = {BOSS}
    world.open("worth_promised")
    world.turn()
    world.say("worth_promised", "resolved")
    world.down = set()
    world.now += DAY
    world.open("worth_promised")
    world.wait(DAY)
    assert world.told() == [("elsewhere", "worth_promised"), ("told", "worth_promised")]


def test_nobody_else_is_told_of_what_waits_for_the_role_to_be_on_duty() -> None:
    world = World.of(tell={"devops": MAIL, "data": CHAT, "business": BOSS}, hours={"data": "Mon-Fri 08:00-18:00"})
    world.now = EVENING
    world.down = {CHAT}
    world.open("disk")
    world.open("refused_share")
    world.wait(11 * HOUR)
    assert world.told() == [("told", "disk")]
    world.wait(3 * HOUR, every=10 * MINUTE)
    assert world.told()[1:] == [("elsewhere", "refused_share")]


def test_a_role_of_whose_channels_one_works_has_been_reached() -> None:
    world = World.of(tell={"business": [BOSS, CHAT], "ml": MAIL})
    world.down = {BOSS}
    world.open("worth_promised")
    world.wait(HOUR)
    assert world.told() == [("told", "worth_promised")]


def test_a_digest_and_what_is_off_duty_is_not_told_elsewhere() -> None:
    world = World.of(tell={"science": MAIL, "data": CHAT, "ml": BOSS}, hours={"ml": "Mon-Fri 08:00-18:00", "science": "Mon-Fri 08:00-18:00"}, digest="20:00")
    world.now = EVENING
    world.down = {MAIL, CHAT}
    for monitor in ("drift", "refused_share"):
        world.open(monitor)
    world.wait(9 * HOUR)
    assert world.told() == []


def test_who_is_told_when_nobody_takes_it_on() -> None:
    world = World.of(tell={"devops": MAIL, "business": BOSS, "science": CHAT}, escalate={"after": "4h", "to": ["business"]})
    world.open("refused_share")
    world.open("drift", "x")
    world.turn()
    world.wait(2 * DAY)
    escalated = [(at - MONDAY, items) for at, channel, items in world.heard if channel == BOSS]
    assert escalated == [(4 * HOUR, (("escalated", "refused_share"),))]


@pytest.mark.parametrize("state", ["acknowledged", "resolved"])
def test_what_somebody_took_on_in_time_goes_no_further(state: str) -> None:
    world = World.of(tell={"devops": MAIL, "business": BOSS}, escalate={"after": "4h", "to": ["business"]})
    world.open("refused_share")
    world.wait(3 * HOUR)
    world.say("refused_share", state)
    world.wait(DAY)
    assert world.told(BOSS) == []


def test_a_reminder_to_the_role_itself_comes_when_nobody_takes_it_on_and_never_right_after_it_was_told() -> None:
    world = World.of(tell={"business": BOSS}, escalate={"after": "4h", "to": ["business"]})
    world.down = {BOSS}
    world.open("worth_promised")
    world.wait(6 * HOUR)
    world.down = set()
    world.wait(DAY, every=10 * MINUTE)
    assert world.told() == [("told", "worth_promised"), ("escalated", "worth_promised")]
    (told, _, _), (reminded, _, _) = world.heard
    assert reminded - told >= 4 * HOUR


def test_who_took_a_cause_on_is_not_told_of_what_explains_it_later() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL})
    world.open("worth_promised")
    world.turn()
    world.say("worth_promised", "acknowledged")
    for monitor in ("performance", "worth_baseline"):
        world.open(monitor)
        world.wait(DAY)
    assert world.told() == [("told", "worth_promised")]


@pytest.mark.parametrize("subject", ["worth_promised", "drift"])
def test_what_is_silenced_is_told_nobody_until_the_silence_ends(subject: str) -> None:
    world = World.of(tell={"business": BOSS, "science": MAIL}, escalate={"after": "4h", "to": ["business"]})
    monitor, feature = (subject, "") if subject != "drift" else ("drift", "x")
    id = world.open(monitor, feature)
    world.silence(subject, lasting=3 * DAY)
    world.wait(3 * DAY - HOUR)
    assert world.told() == []
    world.wait(2 * DAY)
    assert world.told()[0] == ("told", id)


def test_something_more_urgent_than_what_is_silenced_is_told() -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL})
    world.open("performance")
    world.silence("performance", lasting=9 * DAY)
    world.wait(HOUR)
    world.open("worth_promised")
    world.wait(HOUR)
    assert world.told() == [("told", "worth_promised")]


@pytest.mark.parametrize(("silent", "opened"), [("volume", "refused_share"), ("worth_baseline", "worth_promised")])
def test_a_silence_mutes_no_other_monitor_that_is_as_loud(silent: str, opened: str) -> None:
    world = World.of(tell={"business": BOSS, "data": MAIL})
    world.silence(silent, lasting=9 * DAY)
    world.open(silent)
    world.wait(HOUR)
    world.open(opened)
    world.wait(HOUR)
    assert world.told() == [("told", opened)]


def test_an_alert_that_opens_anew_is_told_anew() -> None:
    world = World.of(tell={"business": BOSS})
    for _ in range(2):
        world.open("worth_promised")
        world.wait(DAY)
        world.say("worth_promised", "resolved")
        world.wait(DAY)
    assert world.told() == 2 * [("told", "worth_promised")]


def test_alertmanager_hears_that_an_alert_lasts_and_that_it_is_over() -> None:
    channel = "alertmanager+http://here:9093"
    world = World.of(tell={"business": channel})
    world.open("worth_promised")
    world.wait(2 * DAY)
    world.say("worth_promised", "acknowledged")
    world.wait(DAY)
    world.say("worth_promised", "resolved")
    world.wait(3 * DAY)
    assert [purpose for purpose, _ in world.told()] == ["told", "lasts", "lasts", "over"]
    gaps = [after - before for (before, _, _), (after, _, _) in zip(world.heard[:-2], world.heard[1:-1], strict=True)]
    assert set(gaps) == {DAY}


def test_what_is_silenced_is_over_for_alertmanager_and_burns_again_afterwards() -> None:
    world = World.of(tell={"business": "alertmanager+http://here:9093"})
    world.open("worth_promised")
    world.turn()
    world.silence("worth_promised", lasting=DAY)
    world.wait(2 * DAY - HOUR)
    assert [purpose for purpose, _ in world.told()] == ["told", "over", "told"]


@pytest.mark.parametrize("monitor", ["worth_promised", "drift"])
def test_a_clock_that_was_set_back_silences_nothing(monitor: str) -> None:
    channel = "alertmanager+http://here:9093"
    world = World.of(tell={"business": BOSS, "science": CHAT, "devops": channel}, escalate={"after": "4h", "to": ["devops"]})
    world.now += 900 * DAY
    world.down = {BOSS, CHAT, channel}
    world.open(monitor)
    world.wait(DAY)
    world.now = MONDAY
    world.down = set()
    world.wait(3 * DAY)
    assert world.told({"worth_promised": BOSS, "drift": CHAT}[monitor]) == [("told", monitor)]
    if monitor == "worth_promised":
        assert [purpose for purpose, _ in world.told(channel)] == ["escalated", "lasts", "lasts"]


SPECS = (
    {"tell": {"business": BOSS, "ml": [MAIL, CHAT], "devops": MAIL}},
    {"tell": {"business": BOSS, "ml": MAIL, "science": CHAT}, "hours": {"ml": "Mon-Fri 08:00-18:00", "science": "22:00-06:00 Europe/Zurich"}},
    {"tell": {"devops": CHAT}, "escalate": {"after": "2h", "to": ["business", "devops"]}, "digest": "12:00 America/New_York"},
)
EVENTS = st.sampled_from(
    [
        *((("open", monitor, feature)) for monitor, feature in (("worth_promised", ""), ("performance", ""), ("volume", ""), ("drift", "x"), ("drift", "y"))),
        *((state, monitor, "") for state in ("acknowledged", "resolved") for monitor in ("worth_promised", "performance", "volume")),
        *(("down", channel, "") for channel in (BOSS, MAIL, CHAT)),
        *(("up", channel, "") for channel in (BOSS, MAIL, CHAT)),
        ("silence", "drift", ""),
        ("silence", "worth_promised", ""),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SPECS), st.lists(st.tuples(EVENTS, st.integers(0, 30)), max_size=14))
def test_whatever_happens_nobody_is_told_twice_and_only_pages_come_off_duty(spec: dict[str, object], events: list[tuple[tuple[str, str, str], int]]) -> None:
    world = World.of(**spec)
    for (what, name, feature), hours_later in events:
        id = f"{name}:{feature}" if feature else name
        match what:
            case "open":
                if id not in world.alerts or world.alerts[id].body["state"] == "resolved":
                    world.open(name, feature)
            case "down":
                world.down.add(name)
            case "up":
                world.down.discard(name)
            case "silence":
                world.silence(name, lasting=timedelta(hours=20))
            case _ if id in world.alerts:
                world.say(id, what)
        world.turn()
        world.wait(hours_later * HOUR, every=3 * HOUR)
    bodies = {(id, entry.key): entry.body for id, entry in world.alerts.items()}
    seen: set[tuple[str, str, str, str]] = set()
    for entry in (one for one in world.messages if one.body["done"]):
        for item in entry.body["items"]:
            once = (entry.subject, item["alert"], item["since"], "escalated" if item["purpose"] == "escalated" else "told")
            assert once not in seen
            seen.add(once)
    for at, channel, items in world.heard:
        heard = [role for role, channels in world.spec.tell.items() if channel in channels]
        if not any(is_on(world.spec.hours.get(role, ()), at) for role in heard):
            assert all(level(body) == "page" for _, id in items for (one, _), body in bodies.items() if one == id)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from([BOSS, MAIL, CHAT]), max_size=2), st.integers(0, 167))
def test_a_page_reaches_somebody_at_once_at_any_hour_while_a_channel_works(down: set[str], hour: int) -> None:
    world = World.of(tell={"business": BOSS, "ml": MAIL, "science": CHAT}, hours={"business": "Mon-Fri 08:00-18:00", "ml": "Mon-Fri 08:00-18:00"})
    world.now, world.down = MONDAY + hour * HOUR, down
    world.open("worth_baseline")
    world.turn()
    assert [id for _, id in world.told()] == ["worth_baseline"]


@settings(max_examples=25, deadline=None)
@given(st.integers(-3000, 3000))
def test_whichever_way_the_clock_jumps_what_nobody_takes_on_is_escalated(jump_h: int) -> None:
    world = World.of(tell={"devops": MAIL, "business": BOSS}, escalate={"after": "4h", "to": ["business"]})
    world.open("refused_share")
    world.turn()
    world.now += jump_h * HOUR
    world.wait(8 * HOUR)
    assert world.told(BOSS) == [("escalated", "refused_share")]
