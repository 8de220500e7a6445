"""Monitors of what is expected: loud before outcomes come, quiet once they show otherwise, and silent when estimates kept failing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.watch.earned import Earned, Sums
from loopline.watch.estimated import Estimated, Figure, Record
from loopline.watch.monitors.estimated import performance_estimated, worth_estimated
from loopline.watch.monitors.watched import Earlier, Promise, Watched
from loopline.watch.spec import WatchSpec
from loopline.watch.windows import Window, Yardstick

DAY = timedelta(days=1)
T0 = datetime(2024, 1, 1, tzinfo=UTC)
YARDSTICK = Yardstick(package="p", task="binary", classes=("n", "y"), positive="y", features=(), worth=Worth.of(WorthSpec(), "binary"), without_model=False)
ROWS = 400


def sums(mean: float, spread: float, rows: int = ROWS) -> Sums:
    return Sums(rows, rows * mean, rows * (mean**2 + spread**2))


def window(day: int, worth: float = 2.0, *, brier: float = 0.15, rows: int = ROWS, came: float | None = None, record: Record | None = None) -> Window:
    """A day with what is expected of it, and with what came true."""
    figures = {"worth": Figure(worth, 10 / rows**0.5, 0.1), "brier": Figure(brier, 0.1 / rows**0.5, 0.001)}
    records = {} if record is None else {"worth": record, "brier": record}
    made = Estimated(method="confidence", why="", rows=rows, money=sums(worth, 10, rows), loss=sums(brier, 0.1, rows), figures=figures, records=records)
    known = {} if came is None else {"outcomes": rows, "earned": Earned(sums(came, 10, rows)), "metrics": {"brier": brier}}
    return Window(package="p", start=T0 + day * DAY, end=T0 + (day + 1) * DAY, rows=rows, estimated=made, **known)  # type: ignore[arg-type]


def watched(windows: Sequence[Window], *, before: Sequence[Earlier] = (), promise: Promise | None = None) -> Watched:
    return Watched(
        windows=windows,
        at=len(windows) - 1,
        is_closed=True,
        yardstick=YARDSTICK,
        promise=promise or Promise(per_decision=2.0, loss=0.15, rows=20_000),
        before=before,
        spec=WatchSpec(),
        currency="EUR",
    )


def test_a_loss_that_is_expected_is_told_before_any_outcome_has_come() -> None:
    (breach,) = worth_estimated(watched([window(0), window(1, -1.0)])) or []
    assert (breach.role, breach.monitor) == ("business", "worth_estimated")
    assert breach.says == "each decision is expected to earn -1 EUR, 2 were promised"
    assert breach.value < breach.limit < 2
    (breach,) = performance_estimated(watched([window(0, brier=0.25)])) or []
    assert (breach.role, breach.says) == ("ml", "the Brier score is expected to be 0.25, it was 0.15 on the test part")


def test_what_wanes_is_seen_over_several_windows() -> None:
    waning = [window(day, 0.7) for day in range(7)]
    assert worth_estimated(watched(waning[:1])) == []
    assert worth_estimated(watched(waning))


def test_estimates_that_are_as_promised_or_better_are_no_breach() -> None:
    assert worth_estimated(watched([window(0, 2.0)])) == [] == worth_estimated(watched([window(0, 9.0)]))
    assert performance_estimated(watched([window(0, brier=0.05)])) == []


def test_outcomes_that_bear_it_out_leave_a_breach_and_others_take_it_back() -> None:
    assert worth_estimated(watched([window(0, -1.0, came=-1.2)]))
    assert worth_estimated(watched([window(0, -1.0, came=2.1)])) == []
    # What outcomes have refuted is not put together with what is yet to come.
    refuted = [window(day, -1.0, came=2.1) for day in range(6)]
    assert worth_estimated(watched([*refuted, window(6, 1.9)])) == []


def test_an_estimate_that_kept_failing_judges_nothing() -> None:
    silent = Record(checked=20, beyond=9, widened=0.0, silent=True)
    assert worth_estimated(watched([window(0, -9.0, record=silent)])) is None


def test_earlier_misses_widen_the_limit() -> None:
    assert worth_estimated(watched([window(0, 0.0)]))
    assert worth_estimated(watched([window(0, 0.0, record=Record(checked=20, beyond=2, widened=2.0))])) == []


def test_windows_that_scattered_before_the_release_may_scatter_after_it() -> None:
    rng = np.random.default_rng(0)
    wild = [Earlier(ROWS, Earned(sums(float(rng.normal(2, 3)), 10)), sums(0.15, 0.1)) for _ in range(20)]
    assert worth_estimated(watched([window(0, -1.0)], before=wild)) == []


def test_nothing_is_said_of_few_rows_of_no_estimate_or_against_no_promise() -> None:
    assert worth_estimated(watched([window(0, -99.0, rows=20)])) is None
    assert worth_estimated(watched([replace(window(0), estimated=None)])) is None
    none = Estimated(method="none", why="few rows", rows=ROWS)
    assert performance_estimated(watched([replace(window(0), estimated=none)])) is None
    assert worth_estimated(watched([window(0, -99.0)], promise=Promise(None, None, 0))) is None
    assert performance_estimated(watched([window(0)], promise=Promise(None, None, 0))) is None


def test_false_alarms_keep_to_their_share() -> None:
    rng = np.random.default_rng(1)
    before = [Earlier(ROWS, Earned(sums(float(rng.normal(2, 0.5)), 10)), sums(0.15, 0.1)) for _ in range(40)]
    days = [window(day, float(rng.normal(2, 0.5))) for day in range(1500)]
    false = sum(bool(worth_estimated(replace(watched(days[: at + 1], before=before)))) for at in range(1500))
    # Six hundredths of one a month, which is three in 1,500 days; each is seen on up to seven days.
    assert false <= 12
