"""The explanation of a breach: since when, which features and slices, how much money, and what changed upstream."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from loopline.declaration import figure
from loopline.watch.explain import explain, turn
from loopline.watch.explanation import Explanation
from loopline.watch.upstream import between
from tests.value.cases import PACKAGE, window
from tests.watch.test_slices import decisions
from tests.watch.test_upstream import entry


def alert(monitor: str = "worth_promised", *, since: int = 20, last: int = 29, value: float = 3.0, limit: float = 8.0, **more: Any) -> dict[str, Any]:
    said = {"feature": "", "says": "each decision earns less", "cost": None}
    return {**said, "monitor": monitor, "package": PACKAGE, "since": start(since), "last": start(last), "value": value, "limit": limit, **more}


def start(day: int) -> str:
    return str(window(day)["start"])


def history(turned: int, days: int = 30) -> list[dict[str, Any]]:
    """Days that earn about 11 each, and from the turn on about 3, while x drifts and z does more than x."""
    made = []
    for day in range(days):
        bad = day >= turned
        drift = {"x": 0.4 if bad else 0.05, "z": 0.6 if bad else 0.05, "w": 0.05}
        breaches = ["worth_promised", "drift:x", "drift:z"] if bad and day >= turned + 2 else []
        made.append(window(day, worth=(3.0 if bad else 11.0) + 0.3 * (day % 3), drift=drift, score_drift=0.1, breaches=breaches))
    return made


def told(windows: list[dict[str, Any]], said: dict[str, Any], **more: Any) -> Explanation:
    made = explain(said, windows, currency="USD", **more)
    assert made is not None
    return made


def test_it_began_where_the_mean_changed_and_not_where_the_monitor_saw_it_first() -> None:
    made = told(history(turned=17), alert(since=20))
    assert (made.turn.bad["start"], made.turn.good and made.turn.good["start"]) == (start(17), start(16))
    assert made.turn.chance is not None and made.turn.chance < 0.01


def test_however_long_it_has_lasted_the_moment_is_looked_for_about_where_the_monitor_saw_it() -> None:
    made = told(history(turned=40, days=400), alert(since=43, last=399))
    assert made.turn.bad["start"] == start(40)
    assert made.money is not None and made.money.decisions == 360 * 100


def test_of_a_matter_that_windows_do_not_tell_the_monitor_s_moment_holds() -> None:
    made = told(history(turned=17), alert("disk"))
    assert (made.turn.bad["start"], made.turn.chance) == (start(20), None)


def test_a_change_to_the_better_and_windows_that_are_too_few_leave_it_to_the_monitor() -> None:
    better = [window(day, worth=3.0 if day < 15 else 11.0) for day in range(30)]
    assert turn(alert(), better).bad["start"] == start(20)
    few = turn(alert(since=1, last=2), history(turned=1, days=3))
    assert (few.bad["start"], few.chance) == (start(1), None)


def test_beside_what_the_windows_before_earned_stands_the_yardstick_of_the_alert() -> None:
    cost = {"per_decision": 3.0, "promised": 10.0, "lost": 7000.0}
    made = told(history(turned=17), alert(cost=cost))
    assert made.money is not None and made.money.promised == 10
    short = (10 - made.money.per_decision) * 1300
    line = next(line for line in made.lines() if "USD lost" in line)
    assert line.endswith(f"which the windows before earned; held in the same windows against the 10 that were promised it is {figure(short)} less.")
    assert "promised" not in next(line for line in told(history(turned=17), alert()).lines() if "USD lost" in line)


def test_the_money_is_what_the_windows_before_earned_more() -> None:
    money = told(history(turned=17), alert()).money
    assert money is not None
    assert money.decisions == 13 * 100
    assert money.lost == pytest.approx((money.expected - money.per_decision) * 1300)
    assert money.lost == pytest.approx(8 * 1300, rel=0.02)
    assert money.low is not None and money.high is not None and money.low < money.lost < money.high


def test_without_windows_before_the_promise_is_the_measure_and_without_outcomes_nothing_is() -> None:
    cost = {"per_decision": 3.0, "promised": 11.0, "lost": 1.0}
    at_once = told(history(turned=0, days=8), alert(since=0, last=7, cost=cost)).money
    assert at_once is not None and (at_once.expected, at_once.against) == (11.0, "was promised")
    blind = [window(day, outcomes=0) for day in range(8)]
    assert told(blind, alert(since=4, last=7)).money is None
    assert "when outcomes come" in " ".join(told(blind, alert(since=4, last=7)).lines())


def test_features_are_ranked_by_distance_times_what_they_are_worth_to_the_model() -> None:
    assert [one.name for one in told(history(17), alert()).features] == ["z", "x"]
    weighed = told(history(17), alert(), importance={"x": 5.0, "z": 0.1, "w": 9.0}).features
    assert [one.name for one in weighed] == ["x", "z"]
    assert weighed[0].weight == pytest.approx(weighed[0].distance * 5.0)


def test_what_happened_between_the_last_good_and_the_first_bad_window_is_told() -> None:
    entries = [
        entry(1, "window", PACKAGE, key=start(16)),
        entry(2, "batch", file="new.csv", accepted=7),
        entry(3, "window", PACKAGE, key=start(17)),
        entry(4, "batch", file="later.csv", accepted=7),
    ]
    made = told(history(17), alert(), happened=partial(between, entries))
    assert [one.says for one in made.upstream] == ["new.csv was taken into orders: 7 rows"]
    assert "no change upstream" in " ".join(told(history(17), alert()).lines())


def test_the_slice_that_lost_is_found_among_what_was_decided() -> None:
    before, now = decisions(2000, seed=1), decisions(2000, seed=2, bad="west")
    made = told(history(0, days=10), alert(since=0, last=9), decisions=now, reference=before, columns=["place", "size"])
    assert [one.name for one in made.fallen.slices if one.stands_out] == ["place = west"]
    assert "place = west" in " ".join(made.lines())


def test_an_alert_of_a_package_without_windows_is_not_explained_and_the_rest_is_plain() -> None:
    assert explain({**alert(), "package": "b" * 64}, history(17), currency="USD") is None
    said = told(history(17), alert()).as_json()
    assert json.loads(json.dumps(said)) == said
    assert {"since", "last_good", "features", "slices", "money", "upstream"} < set(said)


@pytest.mark.parametrize(
    ("monitor", "value", "limit"),
    [("drift", 0.4, 0.1), ("score_drift", 0.4, 0.1), ("volume", 10.0, 50.0), ("refused_share", 0.4, 0.1)],
)
def test_every_monitor_s_matter_can_be_looked_back_on(monitor: str, value: float, limit: float) -> None:
    windows = [
        window(day, rows=100 if day < 15 else 10, refused=1 if day < 15 else 60, worth=11.0 if day < 15 else 2.0, score_drift=0.05 if day < 15 else 0.5)
        | {"drift": {"x": 0.05 if day < 15 else 0.5}}
        for day in range(30)
    ]
    assert turn(alert(monitor, value=value, limit=limit, feature="x"), windows).bad["start"] == start(15)
