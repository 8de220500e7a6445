"""Monitors: quiet where nothing has changed, loud where something has, silent where nothing can be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.watch.drift import Bins, distance
from loopline.watch.earned import Earned, Sums, by_group
from loopline.watch.monitors import listed as monitors
from loopline.watch.monitors.earning import detectable
from loopline.watch.monitors.listed import MONITORS, look
from loopline.watch.monitors.traffic import volume
from loopline.watch.monitors.watched import SHARES, Breach, Earlier, Promise, Watched
from loopline.watch.spec import BUSINESS, EXPERIMENT, URGENCY, WAITING, WatchSpec
from loopline.watch.spec_machinery import MACHINERY
from loopline.watch.windows import SCORE, Window, Yardstick, windows

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
SHAPE = np.array([0.2, 0.3, 0.4, 0.1])
FEATURES = tuple(Bins(name=name, kind="number", counts=(4000, 6000, 8000, 2000), cuts=(0.0, 1.0)) for name in ("a", "b", SCORE))
YARDSTICK = Yardstick(
    package="p", task="binary", classes=("n", "y"), positive="y", features=FEATURES, worth=Worth.of(WorthSpec(), "binary"), without_model=False
)
PROMISE = Promise(per_decision=2.0, loss=0.15, rows=5000)


def sums(values: np.ndarray) -> Sums:
    return by_group(values, np.zeros(len(values), dtype=np.intp), 1)[0]


def window(day: int, *, rows: int = 300, rng: np.random.Generator, worth: float = 2.0, shape: np.ndarray = SHAPE, **more: object) -> Window:
    """A day's window drawn from the world that the package was promised for."""
    counts = {bins.name: rng.multinomial(rows, shape) for bins in FEATURES} if rows else {}
    money = rng.normal(worth, 10.0, rows)
    made = Window(
        package="p",
        start=T0 + day * DAY,
        end=T0 + (day + 1) * DAY,
        rows=rows,
        outcomes=rows,
        drift={name: float(distance(part, np.array(FEATURES[0].counts))) for name, part in counts.items()},
        earned=Earned(sums(money), sums(money - 0.5), 9.0 * rows),
        loss=sums(rng.normal(0.15, 0.1, rows)),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def watched(windows: Sequence[Window], at: int = -1, *, closed: bool = True, before: Sequence[Earlier] = (), spec: WatchSpec | None = None) -> Watched:
    return Watched(
        windows=windows,
        at=at % len(windows),
        is_closed=closed,
        yardstick=YARDSTICK,
        promise=PROMISE,
        before=before,
        spec=spec or WatchSpec(),
        currency="EUR",
    )


def test_an_outage_never_becomes_usual() -> None:
    windows = [window(day, rows=300 if day < 20 or day >= 51 else 0, rng=np.random.default_rng(day)) for day in range(60)]
    outages: frozenset[datetime] = frozenset()
    low: list[int] = []
    for at, one in enumerate(windows):
        found = volume(replace(watched(windows, at), outages=outages))
        if found:
            low.append(at)
            outages |= {one.start}
    assert low == list(range(20, 51))


def test_requests_that_another_package_answered_have_come() -> None:
    came = {T0 + day * DAY: 300 for day in range(30)}
    returned = [replace(watched([window(day, rows=0, rng=np.random.default_rng(1))]), came=came) for day in (20, 30)]
    assert volume(returned[0]) == []
    assert [breach.value for breach in volume(returned[1]) or ()] == [0]


def test_a_window_that_has_not_begun_is_judged_by_no_monitor() -> None:
    windows = [window(day, rng=np.random.default_rng(day), worth=-9.0) for day in range(3)]
    assert any(look(watched(windows)).values())
    assert set(look(replace(watched(windows), has_begun=False)).values()) == {None}


def test_all_monitors_together_keep_to_the_declared_false_alarms() -> None:
    rng = np.random.default_rng(0)
    before = [Earlier(one.rows, one.earned, one.loss) for one in (window(day, rng=rng) for day in range(40))]
    windows = [window(day, rows=int(rng.poisson(300)), rng=rng) for day in range(900)]
    false = dict.fromkeys(SHARES, 0)
    for at in range(len(windows)):
        for name, found in look(watched(windows, at, before=before)).items():
            false[name] += bool(found)
    # One a month, which is 30 in 900 days; breaches that last several windows are one alert, but count here each day.
    assert 1 <= false["drift"] + false["score_drift"] <= 12  # 4.5 are expected
    assert sum(false.values()) <= 60
    assert sum(SHARES.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("rows", [0, 3])
def test_hardly_any_rows_are_judged_by_nobody_but_the_volume(rows: int) -> None:
    rng = np.random.default_rng(1)
    lonely = window(0, rows=rows, rng=rng, refused=rows, drift={"a": 1.0, "b": 1.0, SCORE: 1.0}, worth=-99.0)
    assert not any(look(watched([lonely])).values())
    usual = [window(day, rng=rng) for day in range(20)]
    found = look(watched([*usual, replace(lonely, start=T0 + 20 * DAY, end=T0 + 21 * DAY)]))
    assert {name for name, breaches in found.items() if breaches} == {"volume"}


def one(found: list[Breach] | None) -> Breach:
    assert found is not None and len(found) == 1
    return found[0]


def test_a_drop_in_volume_is_seen_in_a_closed_window_only() -> None:
    rng = np.random.default_rng(2)
    windows = [*(window(day, rows=int(rng.poisson(300)), rng=rng) for day in range(16)), window(16, rows=40, rng=rng)]
    assert one(monitors.volume(watched(windows))).says.startswith("only 40 rows came")
    assert monitors.volume(watched(windows, closed=False)) is None
    assert monitors.volume(watched(windows[-3:])) is None
    assert one(monitors.volume(watched([*windows[:-1], window(16, rows=0, rng=rng)]))).says.startswith("no rows came")


@pytest.mark.parametrize("weekend", [0, 40])
def test_quiet_weekends_are_usual_once_they_were_seen(weekend: int) -> None:
    rng = np.random.default_rng(3)
    windows = [window(day, rows=int(rng.poisson(weekend if day % 7 > 4 else 300)), rng=rng) for day in range(42)]
    assert not any(monitors.volume(watched(windows, at)) for at in range(8, 42))


def test_an_outage_that_lasts_is_not_taken_for_usual_at_once() -> None:
    rng = np.random.default_rng(12)
    windows = [window(day, rows=int(rng.poisson(300)) if day < 28 else 0, rng=rng) for day in range(33)]
    assert all(monitors.volume(watched(windows, at)) for at in range(28, 33))


def test_refused_rows_alarm_when_their_share_is_surely_above_the_declared_one() -> None:
    rng = np.random.default_rng(4)
    assert one(monitors.refused_share(watched([window(0, rows=100, refused=60, rng=rng)]))).role == "data"
    assert monitors.refused_share(watched([window(0, rows=100, refused=12, rng=rng)])) == []
    assert monitors.refused_share(watched([window(0, rows=2, refused=20, rng=rng)])) is None


def test_drift_names_the_feature_and_the_score_has_a_monitor_of_its_own() -> None:
    rng = np.random.default_rng(5)
    moved = window(0, rng=rng, shape=np.array([0.7, 0.1, 0.1, 0.1]))
    drifted = one(monitors.drift(watched([moved])))
    assert set(drifted.names) == {"drift:a", "drift:b"}
    assert drifted.says.startswith("2 features have drifted from training")
    assert one(monitors.score_drift(watched([moved]))).names == ("score_drift",)


def test_columns_that_go_together_anew_are_told_where_no_single_one_has_drifted() -> None:
    rng = np.random.default_rng(14)
    spans = [(1000, float(0.5 + 0.015 * rng.normal())) for _ in range(30)]
    quiet, changed = window(0, rng=rng, apart=0.51), window(0, rng=rng, apart=0.8)
    assert monitors.multivariate(replace(watched([quiet]), apart_before=spans)) == []
    assert "AUC of 0.80" in one(monitors.multivariate(replace(watched([changed]), apart_before=spans))).says
    assert monitors.multivariate(replace(watched([changed]), apart_before=spans[:3])) is None
    drifted = window(0, rng=rng, apart=0.8, shape=np.array([0.7, 0.1, 0.1, 0.1]))
    assert monitors.multivariate(replace(watched([drifted]), apart_before=spans)) is None


def test_a_column_that_the_model_does_not_use_alarms_nobody_and_the_weightiest_is_named_first() -> None:
    rng = np.random.default_rng(15)
    moved = window(0, rng=rng, shape=np.array([0.7, 0.1, 0.1, 0.1]))
    a, b, score = FEATURES
    light = replace(watched([moved]), yardstick=replace(YARDSTICK, features=(replace(a, weight=0.1), replace(b, weight=0.9), score)))
    assert one(monitors.drift(light)).features == ("b", "a")
    unused = replace(light, yardstick=replace(YARDSTICK, features=(replace(a, weight=0.0), replace(b, weight=1.0), score)))
    assert one(monitors.drift(unused)).features == ("b",)
    assert monitors.drift(replace(light, yardstick=replace(YARDSTICK, features=(replace(a, weight=0.0), score)))) == []


def test_a_window_that_has_just_begun_is_not_judged_for_drift() -> None:
    rng = np.random.default_rng(6)
    usual = [window(day, rows=1000, rng=rng) for day in range(5)]
    begun = window(5, rows=100, rng=rng, shape=np.array([0.7, 0.1, 0.1, 0.1]))
    assert monitors.drift(watched([*usual, begun], closed=False)) is None
    assert monitors.drift(watched([*usual, begun], closed=True))
    assert monitors.drift(watched([begun], closed=False))


def test_looking_again_and_again_while_rows_and_outcomes_come_makes_hardly_more_alarms() -> None:
    rng = np.random.default_rng(17)
    before = [Earlier(one.rows, one.earned, one.loss) for one in (window(day, rng=rng) for day in range(30))]
    days, alarms, once = [window(day, rng=rng) for day in range(8)], 0, 0
    for day in range(8, 160):
        money = rng.normal(2.0, 10.0, 300)
        looks = []
        # First the rows come bit by bit, with some of their outcomes; once the day is over, the others.
        for rows, come in [(150, 150), (180, 180), (220, 200), (260, 220), (300, 230), (300, 240), (300, 255), (300, 300)]:
            days[day:] = [replace(days[0], rows=rows, outcomes=come, earned=Earned(sums(money[:come]), sums(money[:come]), 0.0))]
            looks.append(bool(monitors.worth_promised(watched(days[-30:], before=before, closed=rows == 300))))
        alarms, once = alarms + any(looks), once + looks[-1]
    assert alarms <= once + 1


def test_quiet_days_of_which_only_what_is_acted_on_is_seen_keep_to_the_declared_false_alarms() -> None:
    rng, days, rows = np.random.default_rng(19), 330, 150
    score = rng.random(days * rows)
    served = pl.DataFrame(
        {
            "when": [T0 + day * DAY for day in range(days) for _ in range(rows)],
            "score": score,
            "decision": np.where(score > 0.5, "act", "rest"),
            "outcome": np.where(rng.random(days * rows) < score, "y", "n"),
            "row": [{}] * len(score),
        }
    )
    hides = replace(YARDSTICK, hides=True, features=())
    made = windows(served, hides, span=DAY)
    before, quiet = [Earlier(one.rows, one.earned, one.loss) for one in made[:30]], made[30:]
    money = sum((one.earned.money for one in before), Sums())
    seen = replace(watched(quiet, before=before), yardstick=hides, promise=Promise(money.mean, None, money.count))
    alarms = sum(bool(monitors.worth_promised(replace(seen, windows=quiet[max(0, at - 30) : at + 1], at=min(at, 30)))) for at in range(len(quiet)))
    # Declared are 12 alarms a year, of which worth has 0.42: four in 300 days.
    assert alarms <= 9


def test_money_is_held_against_the_promise_and_against_no_model() -> None:
    rng = np.random.default_rng(7)
    good = [window(day, rng=rng) for day in range(7)]
    assert not monitors.worth_promised(watched(good))
    waning = [window(day, rng=rng, worth=0.6) for day in range(7)]
    assert one(monitors.worth_promised(watched(waning))).role == "business"
    assert not monitors.worth_baseline(watched(waning))
    broken = [*good, window(7, rng=rng, worth=-4.0)]
    assert "less than without a model" in one(monitors.worth_baseline(watched(broken))).says


def test_windows_that_scattered_before_the_release_may_scatter_after_it() -> None:
    rng = np.random.default_rng(8)
    calm = [Earlier(one.rows, one.earned, one.loss) for one in (window(day, rng=rng) for day in range(30))]
    wild = [Earlier(one.rows, one.earned, one.loss) for one in (window(day, rng=rng, worth=rng.normal(2.0, 3.0)) for day in range(30))]
    quiet_day = [window(0, rng=rng, worth=-0.5)]
    assert monitors.worth_promised(watched(quiet_day, before=calm))
    assert not monitors.worth_promised(watched(quiet_day, before=wild))


def test_the_smallest_loss_that_is_paged_soon_follows_from_the_scatter_and_is_paged() -> None:
    rng = np.random.default_rng(13)
    before = [Earlier(one.rows, one.earned, one.loss) for one in (window(day, rng=rng) for day in range(30))]
    good = [window(day, rng=rng) for day in range(10)]
    loss = detectable(watched(good, before=before))
    assert loss is not None
    # Rows scatter by 10, so that three days of 300 rows have a standard error of a third.
    assert 1.0 < loss < 1.8
    paged = 0
    for _ in range(60):
        less = [*good[:7], *(window(day, rng=rng, worth=2.0 - loss) for day in range(7, 10))]
        paged += any(monitors.worth_promised(watched(less, at, before=before)) for at in (7, 8, 9))
    assert paged >= 50
    assert detectable(watched([window(0, rng=rng, rows=3)])) is None
    scarce = watched(good, before=before, spec=WatchSpec.model_validate({"false_alarms": "1 per year"}))
    assert (detectable(scarce) or 0.0) > loss


def test_a_larger_error_is_a_breach_of_performance() -> None:
    rng = np.random.default_rng(9)
    worse = window(0, rng=rng, loss=sums(rng.normal(0.25, 0.1, 300)))
    assert "Brier score" in one(monitors.performance(watched([worse]))).says
    assert monitors.performance(watched([window(0, rng=rng)])) == []


def test_outcomes_that_are_only_beginning_to_come_are_not_judged() -> None:
    rng = np.random.default_rng(10)
    usual = [window(day, rng=rng) for day in range(5)]
    beginning = window(5, rng=rng, outcomes=40, earned=Earned(sums(np.full(40, -9.0)), sums(np.full(40, -9.0)), 0.0), loss=sums(np.full(40, 0.9)))
    assert not any(look(watched([*usual, beginning]))[name] for name in ("performance", "worth_promised", "worth_baseline"))


def outcomes_after(shares: Sequence[float], *, waits: float = DAY.total_seconds()) -> list[Window]:
    """Days of whose rows such shares have an outcome."""
    made = [window(day, rng=np.random.default_rng(day)) for day in range(len(shares))]
    known = [(one, round(300 * share)) for one, share in zip(made, shares, strict=True)]
    return [
        replace(one, outcomes=some, told_after_s=waits if some else None, earned=Earned(*2 * (sums(np.full(some, -9.0)),), 0.0) if some else Earned())
        for one, some in known
    ]


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_outcomes_that_come_no_more_or_for_fewer_rows_are_told_once_they_are_overdue(share: float) -> None:
    windows = outcomes_after([1.0] * 20 + [share] * 10)
    due = [at for at in range(30) if monitors.outcomes_late(replace(watched(windows, at), today=T0 + 33 * DAY))]
    assert due and min(due) == (23 if share == 0 else 25) and max(due) == 29
    assert "of 100% they usually have" in one(monitors.outcomes_late(replace(watched(windows, 29), today=T0 + 33 * DAY))).says
    assert monitors.outcomes_late(replace(watched(windows, 29), today=T0 + 31 * DAY)) is None, "they may come yet"
    assert monitors.outcomes_late(watched(windows, 29)) is None
    early = outcomes_after([1.0] * 3 + [share] * 10)
    assert all(monitors.outcomes_late(replace(watched(early, at), today=T0 + 33 * DAY)) is None for at in range(4)), "what is usual is not known"


def test_outcomes_that_never_come_on_a_sunday_or_for_most_rows_are_usual() -> None:
    for shares in ([0.0 if day % 7 == 6 else 1.0 for day in range(40)], [0.05] * 40):
        windows = outcomes_after(shares)
        assert not any(monitors.outcomes_late(replace(watched(windows, at), today=T0 + 60 * DAY)) for at in range(40))


def test_money_is_judged_again_when_outcomes_of_fewer_rows_have_become_usual() -> None:
    windows = outcomes_after([1.0] * 5 + [0.4] * 30)
    assert not monitors.worth_promised(watched(windows, 10))
    assert monitors.worth_promised(watched(windows, 34))


def test_more_false_alarms_a_month_are_a_greater_chance_in_each_window_and_never_a_certainty() -> None:
    rng = np.random.default_rng(11)
    seldom, often = (watched([window(0, rng=rng)], spec=WatchSpec.model_validate({"false_alarms": text})) for text in ("1 per year", "1000 per day"))
    assert seldom.chance("drift") == pytest.approx(SHARES["drift"] / 365.25)
    assert often.chance("drift") == 0.5


def test_every_monitor_says_what_it_does_and_who_is_told() -> None:
    assert all(monitor.__doc__ for monitor in MONITORS)
    assert set(SHARES) == {monitor.__name__ for monitor in MONITORS}
    assert set(URGENCY) == {monitor.__name__ for monitor in MONITORS} | {*MACHINERY, *BUSINESS, EXPERIMENT, WAITING}
