"""What a project has taken, as the use of a month: entries in, values out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.machines import HOURS_PER_MONTH
from loopline.declaration import Rate
from loopline.ledger.entry import Entry
from loopline.value.cost.usage import Stored, Traces, line, measure

T0 = datetime(2026, 9, 1, tzinfo=UTC)
STORED = Stored(ledger_bytes=1_000_000, lake_bytes=4_000_000, log_bytes=600_000)


def entry(kind: str, stage: str, day: float, body: dict[str, Any]) -> Entry:
    return Entry(kind=kind, subject=stage, seq=1, id="1-a", project="p", time=T0 + timedelta(days=day), prev_hash="", hash="", body=body)


def step(stage: str, name: str, day: float, *, seconds: float = 10.0, cpu_s: float = 8.0, calls: int = 100, **more: Any) -> Entry:
    io = {"wall_s": seconds, "cpu_s": cpu_s, "read_bytes": 1000, "written_bytes": 2000, "calls": calls}
    return entry("step", stage, day, {"state": "succeeded", "name": name, "seconds": seconds, "io": io, "peak_bytes": 500_000_000, "cost": None, **more})


def collect(day: float, rows: int, *, seconds: float = 1.0) -> Entry:
    return step("serve", "collect", day, seconds=seconds, cpu_s=seconds / 2, facts={"predictions": {"rows": rows}})


def report(day: float, *, cpu_s: float, **more: Any) -> Entry:
    body = {"wall_s": 3600.0, "cpu_s": cpu_s, "peak_bytes": 200_000_000, "requests": 100, "calls": 5000, "cost": None, **more}
    return entry("usage", "serve", day, body)


def traces(**more: Any) -> Traces:
    ended = more.pop("ended", [step("data", "ingest", 0), step("model", "search", 0, seconds=50, cpu_s=90), step("release", "gates", 0)])
    return Traces(**{"ended": ended, "usage": [], "stored": STORED, "now": T0 + timedelta(days=61), "decisions": (3000.0, "charter.volume"), **more})


@given(
    st.floats(0, 1),
    st.floats(1e-5, 0.1),
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 5000)), min_size=3, max_size=20, unique_by=lambda pair: pair[1] / pair[0]),
)
def test_the_line_finds_what_stands_and_what_grows(standing: float, each: float, reports: list[tuple[int, int]]) -> None:
    units, decisions = [float(unit) for unit, _ in reports], [float(number) for _, number in reports]
    found = line(units, decisions, [standing * unit + each * number for unit, number in reports])
    assert found is not None
    whole = sum(standing * unit + each * number for unit, number in reports)
    assert found.standing * sum(units) + found.each * sum(decisions) == pytest.approx(whole, rel=1e-3)
    if found.is_told_apart:
        assert found.standing == pytest.approx(standing, rel=0.01, abs=1e-4) and found.each == pytest.approx(each, rel=0.01, abs=1e-7)


@given(st.lists(st.tuples(st.floats(1, 10), st.integers(0, 100), st.floats(0, 100)), min_size=1, max_size=12))
def test_neither_part_is_ever_below_nought(reports: list[tuple[float, int, float]]) -> None:
    found = line([one[0] for one in reports], [float(one[1]) for one in reports], [one[2] for one in reports])
    assert found is None if not any(one[1] for one in reports) else found is not None and found.standing >= 0 and found.each >= 0


def test_reports_that_cannot_be_told_apart_count_as_growing() -> None:
    assert line([1.0, 1.0, 1.0], [10.0, 10.0, 10.0], [2.0, 2.0, 2.0]) == (0.0, 0.2, False)
    assert line([1.0, 1.0], [10.0, 30.0], [2.0, 4.0]) == (0.0, 0.15, False)
    assert line([1.0], [0.0], [3.0]) is None


def test_what_a_server_reported_is_told_apart_into_standing_and_answering() -> None:
    # A hundredth of a processor unasked, and 2 ms for a decision.
    usage = [report(number, cpu_s=36 + 0.002 * rows, decisions=rows, sent_bytes=250 * rows) for number, rows in enumerate((1000, 5000, 20_000))]
    measured = measure(traces(usage=usage))
    use = measured.use
    assert use.answer.cpu_s == pytest.approx(0.002) and use.idle.cpu_s == pytest.approx(0.01 * HOURS_PER_MONTH * 3600)
    assert use.sent_bytes == pytest.approx(250) and use.serving_bytes == 200_000_000
    assert use.answer.calls == pytest.approx(15_000 / 26_000)
    assert any("an answer takes 2 ms of a processor, and 1.00% of a processor unasked (3 hours of serving)" in one for one in measured.rests_on)


def test_reports_that_know_only_requests_take_each_for_a_decision_and_say_what_is_lacking() -> None:
    measured = measure(traces(usage=[report(1, cpu_s=10.0)]))
    assert measured.use.answer.cpu_s == pytest.approx(0.1)
    assert any("each is taken for one decision" in one for one in measured.rests_on)
    assert any("how many bytes the answers sent" in one for one in measured.unmeasured)


def test_before_a_server_has_reported_the_gates_measure_is_taken_and_said() -> None:
    measured = measure(traces(answer_ms=4.0, memory_mb=90.0))
    assert measured.use.answer.cpu_s == 0.004 and measured.use.serving_bytes == 90e6
    assert any("4 ms of a processor, as the gates measured single rows" in one for one in measured.rests_on)
    assert any("none has reported an answer yet" in one for one in measured.unmeasured)
    nothing = measure(traces(ended=[], decisions=None))
    assert nothing.use.answer.cpu_s == 0 and nothing.use.decisions is None
    lacking = "\n".join(nothing.unmeasured)
    assert all(
        word in lacking for word in ("--volume", "a training", "a server takes", "memory that a server holds", "steps held", "collecting and watching", "log")
    )


def test_turns_are_told_apart_into_standing_and_following() -> None:
    ended, rows = [step("model", "search", 0)], 0
    for number, more in enumerate((100, 1000, 5000, 0)):
        rows += more
        ended += [collect(10 + number, rows, seconds=1 + 0.001 * more), step("watch", "windows", 10 + number, seconds=2 + 0.002 * more, cpu_s=1 + 0.001 * more)]
    use = measure(traces(ended=ended)).use
    in_month = 4 / (61 / (HOURS_PER_MONTH / 24))
    assert use.follow.seconds == pytest.approx(0.003) and use.turning.seconds == pytest.approx(3 * in_month)
    assert use.follow.cpu_s == pytest.approx(0.0015)
    assert use.logged_bytes == pytest.approx(600_000 / 6100) and use.kept_bytes == 5_600_000
    # The log is billed as it is kept, and grows by a month each month.
    assert use.stored_bytes(2.0) - use.kept_bytes == pytest.approx(2 * 3000 * 600_000 / 6100) == use.added_bytes(2.0)


def test_a_training_is_all_that_data_model_and_release_took_and_goes_on_at_its_pace() -> None:
    ended = [step("data", "ingest", 0, seconds=4, cpu_s=4), step("model", "search", 1, seconds=50, cpu_s=90), step("release", "gates", 2, seconds=6, cpu_s=6)]
    failed = step("model", "search", 3, seconds=40, cpu_s=40, state="failed")
    again = [step("model", "search", 40, seconds=60, cpu_s=100), step("model", "search", 41, recalled=True)]
    measured = measure(traces(ended=[*ended, failed, *again]))
    assert measured.use.training.seconds == pytest.approx((4 + 50 + 6 + 40 + 60) / 2)
    assert measured.use.trainings == pytest.approx(2 / (61 / (HOURS_PER_MONTH / 24)))
    assert measured.use.working_bytes == 500_000_000


@pytest.mark.parametrize(
    ("days", "asked", "trainings"), [(3, None, 1.0), (3, Rate(amount=12, period="year"), 1.0), (61, Rate(amount=1, period="week"), 52.18 / 12)]
)
def test_where_too_little_time_has_passed_one_training_a_month_is_assumed(days: int, asked: Rate | None, trainings: float) -> None:
    measured = measure(traces(now=T0 + timedelta(days=days), trainings=asked))
    assert measured.use.trainings == pytest.approx(trainings)
    assert any("is assumed" in one for one in measured.rests_on) == (asked is None)
