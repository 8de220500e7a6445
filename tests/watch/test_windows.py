"""Windows: every prediction in exactly one, totals that add up, metrics and money as the model stage measures them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.errors import Mistake
from loopline.ledger.entry import canonical
from loopline.watch.drift import Bins
from loopline.watch.earned import Split
from loopline.watch.spans import start_of
from loopline.watch.windows import SCORE, Window, Yardstick, starts, windows

DAY = timedelta(days=1)
T0 = datetime(2013, 7, 1, tzinfo=UTC)
FEATURES = (
    Bins(name="x", kind="number", counts=(50, 50, 0), cuts=(0.0,), seen=(-0.3, 0.4)),
    Bins(name="c", kind="category", counts=(60, 40, 0, 0), values=("a", "b")),
    Bins(name=SCORE, kind="number", counts=(70, 30, 0), cuts=(0.5,)),
)
BINARY = Yardstick(
    package="p" * 64,
    task="binary",
    classes=("no", "yes"),
    positive="yes",
    features=FEATURES,
    worth=Worth.of(WorthSpec(act_right="10 + x", act_wrong=-5), "binary"),
    without_model=False,
)
SPANS = st.sampled_from([timedelta(hours=1), DAY, timedelta(days=3), timedelta(weeks=1), timedelta(minutes=7)])
MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(st.datetimes(datetime(2013, 7, 1), datetime(2013, 7, 20), timezones=st.just(UTC)), st.floats(0, 1), st.sampled_from([None, "yes", "no"])),
    max_size=60,
)


def frame(rows: list[tuple[datetime, float, str | None]]) -> pl.DataFrame:
    made = [
        {
            "when": when,
            "score": score,
            "decision": "act" if score > 0.5 else "rest",
            "outcome": outcome,
            "row": {"x": score - 0.5, "c": "a" if score > 0.3 else None},
        }
        for when, score, outcome in rows
    ]
    schema = {
        "when": pl.Datetime("us", "UTC"),
        "score": pl.Float64,
        "decision": pl.String,
        "outcome": pl.String,
        "row": pl.Struct({"x": pl.Float64, "c": pl.String}),
    }
    return pl.DataFrame(made, schema=schema)


def test_a_worth_that_reads_what_no_request_carries_names_it() -> None:
    lost = replace(BINARY, worth=Worth.of(WorthSpec(act_right="bill * 0.2", act_wrong=-5), "binary"))
    with pytest.raises(Mistake, match="bill.*charter.worth.act_right|charter.worth.act_right.*bill"):
        windows(frame([(T0, 0.9, "yes")]), lost, span=DAY)


def test_a_row_that_a_person_was_asked_about_earns_the_right_decision_less_the_asking() -> None:
    when = datetime(2013, 7, 1, 12, tzinfo=UTC)
    rows = frame([(when, 0.5, "yes"), (when, 0.5, "no"), (when, 0.9, "no")])
    asked = rows.with_columns(decision=pl.Series(["ask", "ask", "act"]))
    (window,) = windows(asked, replace(BINARY, ask_costs=2.0), span=DAY)
    # Whoever is asked acts where it is right: such a row is not left alone.
    assert window.acted == 1.0
    assert window.earned is not None
    assert window.earned.money.mean == pytest.approx(((10 - 2) + (0 - 2) - 5) / 3)


@given(MOMENTS, SPANS)
def test_every_moment_lies_in_the_window_that_begins_at_its_start(moment: datetime, span: timedelta) -> None:
    start = start_of(moment, span)
    assert start <= moment < start + span
    assert start_of(start, span) == start
    found = pl.DataFrame({"when": [moment]}, schema={"when": pl.Datetime("us", "UTC")}).select(starts(pl.col("when"), span)).item()
    assert found == start


def test_whole_weeks_begin_on_a_monday_and_days_at_midnight() -> None:
    assert start_of(datetime(2024, 2, 29, 13, tzinfo=UTC), timedelta(weeks=1)) == datetime(2024, 2, 26, tzinfo=UTC)
    assert start_of(datetime(2024, 2, 29, 13, tzinfo=UTC), DAY) == datetime(2024, 2, 29, tzinfo=UTC)


@settings(max_examples=40)
@given(ROWS, SPANS)
def test_every_prediction_is_in_exactly_one_window_and_the_totals_add_up(rows: list[tuple[datetime, float, str | None]], span: timedelta) -> None:
    made = windows(frame(rows), BINARY, span=span)
    assert sum(window.rows for window in made) == len(rows)
    assert sum(window.outcomes for window in made) == sum(outcome is not None for *_, outcome in rows)
    assert [window.start for window in made] == sorted({start_of(when, span) for when, *_ in rows})
    for window in made:
        assert all(sum(counts) == window.rows for counts in window.counts.values())
        assert all(0 <= value <= 1 for value in window.drift.values())
    earned = sum(_worth(score, outcome) for _, score, outcome in rows if outcome is not None)
    assert sum(window.earned.money.total for window in made) == pytest.approx(earned, abs=1e-9)


def _worth(score: float, outcome: str) -> float:
    if score <= 0.5:
        return 0.0
    return 10 + score - 0.5 if outcome == "yes" else -5.0


def test_a_window_says_what_its_decisions_earned_beside_no_model_and_a_perfect_one() -> None:
    rows = [(T0, 0.9, "yes"), (T0, 0.9, "no"), (T0, 0.1, "yes"), (T0, 0.1, None)]
    (window,) = windows(frame(rows), BINARY, span=DAY)
    assert window.earned.money.total == pytest.approx(10.4 - 5)
    assert window.earned.baseline == 0
    assert window.earned.perfect == pytest.approx(10.4 + 9.6)
    assert (window.completeness, window.acted) == (0.75, 0.5)
    assert window.metrics["precision"] == 0.5
    assert window.loss.total == pytest.approx(0.01 + 0.81 + 0.81)


def test_where_everybody_is_acted_on_without_a_model_the_gain_is_against_that() -> None:
    always = Yardstick(**{**vars(BINARY), "without_model": True})
    (window,) = windows(frame([(T0, 0.1, "yes"), (T0, 0.1, "no")]), always, span=DAY)
    assert window.earned.gain.total == pytest.approx(0 - (9.6 - 5))


def test_where_outcomes_are_seen_only_after_acting_no_other_is_waited_for_or_counted() -> None:
    rows = frame([(T0, 0.9, "yes"), (T0, 0.9, None), (T0, 0.1, None), (T0, 0.1, "yes"), (T0 + DAY, 0.1, None)])
    first, rested = windows(rows, replace(BINARY, hides=True), span=DAY)
    assert (first.rows, first.hidden, first.outcomes, first.completeness) == (4, 2, 1, 0.5)
    assert (first.earned.money.count, first.earned.money.total) == (1, pytest.approx(10.4))
    assert (rested.awaited, rested.completeness) == (0, None)


def test_what_chance_took_from_the_policy_is_none_of_its_decisions() -> None:
    """Held out from the model, or in another arm of an experiment: volume and scores look at them, money does not."""
    rows = frame([(T0, 0.9, "yes"), (T0, 0.2, "no"), (T0, 0.9, "no"), (T0, 0.9, "no")])
    taken = rows.with_columns(holdout=pl.Series([None, False, True, None]), tried=pl.Series([False, None, None, True]))
    (window,) = windows(taken, BINARY, span=DAY)
    assert (window.rows, window.outcomes, window.acted, window.split) == (4, 4, 0.5, Split(held=1, tried=1))
    assert (window.earned, window.loss.count) == (windows(rows[:2], BINARY, span=DAY)[0].earned, 2)
    assert window.as_json()["split"] == {"held": 1, "tried": 1}
    assert windows(rows, BINARY, span=DAY)[0].as_json()["split"] is None


def test_multiclass_and_regression_are_measured_too() -> None:
    worth = Worth.of(WorthSpec(right=2, wrong=-1), "multiclass")
    classes = Yardstick(package="p", task="multiclass", classes=("a", "b"), positive=None, features=(), worth=worth, without_model="b")
    rows: list[dict[str, Any]] = [
        {"when": T0, "score": 0.8, "decision": decision, "outcome": outcome, "scores": {"a": 0.8, "b": 0.2}, "row": {"x": 1.0}}
        for decision, outcome in (("a", "a"), ("a", "b"), ("a", "new"))
    ]
    (window,) = windows(pl.DataFrame(rows, schema_overrides={"when": pl.Datetime("us", "UTC")}), classes, span=DAY)
    assert (window.earned.money.total, window.earned.baseline, window.loss.total) == (0, 0, 2)
    assert window.metrics["accuracy"] == pytest.approx(1 / 3)
    numbers = Yardstick(
        package="p", task="regression", classes=(), positive=None, features=(), worth=Worth.of(WorthSpec(over=-1, under=-2), "regression"), without_model=10.0
    )
    rows = [
        {"when": T0, "score": 12.0, "decision": "12", "outcome": "10.0", "row": {"x": 1.0}},
        {"when": T0, "score": 7.0, "decision": "7", "outcome": "8.0", "row": {"x": 1.0}},
    ]
    (window,) = windows(pl.DataFrame(rows, schema_overrides={"when": pl.Datetime("us", "UTC")}), numbers, span=DAY)
    assert (window.earned.money.total, window.earned.baseline, window.metrics["mae"]) == (-4, -2, 1.5)


def test_a_column_that_no_request_has_counts_as_null() -> None:
    rows = frame([(T0, 0.9, None)]).with_columns(row=pl.struct(c=pl.lit("a")))
    (window,) = windows(rows, BINARY, span=DAY)
    assert window.counts["x"] == (0, 0, 1)


def test_a_windows_body_is_plain_json_whether_or_not_outcomes_came() -> None:
    for window in (*windows(frame([(T0, 0.9, "yes"), (T0 + DAY, 0.2, None)]), BINARY, span=DAY), Window(package="p", start=T0, end=T0 + DAY)):
        assert canonical(window.as_json())
    assert windows(frame([]), BINARY, span=DAY) == []


def test_every_row_of_a_hundred_thousand_is_counted() -> None:
    rng = np.random.default_rng(0)
    many = 100_000
    score = rng.random(many)
    rows = pl.DataFrame(
        {
            "when": pl.Series(rng.integers(0, 60 * 86_400, many)).cast(pl.Duration("ms")) * 1000 + pl.Series([T0]).cast(pl.Datetime("us", "UTC"))[0],
            "score": score,
            "decision": np.where(score > 0.5, "act", "rest"),
            "outcome": np.where(rng.random(many) < score, "yes", "no"),
            "row": pl.DataFrame({"x": score, "c": np.where(score > 0.3, "a", "b")}).to_struct(),
        }
    )
    made = windows(rows, BINARY, span=DAY)
    assert (len(made), sum(window.outcomes for window in made)) == (60, many)


def test_a_window_says_how_long_answers_took_where_that_is_known() -> None:
    rows = frame([(T0, 0.9, None), (T0, 0.1, None), (T0 + DAY, 0.1, None)])
    first, second = windows(rows.with_columns(ms=pl.Series([2.0, 40.0, None])), BINARY, span=DAY)
    assert first.as_json()["latency_ms"] == {"p50": pytest.approx(2, rel=0.16), "p95": pytest.approx(40, rel=0.16), "p99": pytest.approx(40, rel=0.16)}
    assert second.as_json()["latency_ms"] is None
    assert windows(rows, BINARY, span=DAY)[0].as_json()["latency_ms"] is None
