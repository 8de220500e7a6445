"""Steps that fail or take long, and turns that do not come."""

from __future__ import annotations

from datetime import timedelta

from loopline.watch.machinery.pipeline import pipeline_failed, pipeline_late, pipeline_slow
from loopline.watch.turns import Watcher
from tests.watch.machinery.facts import HOUR, NOW, entry, seen, step


def test_a_step_that_stands_still_is_named_with_its_reason() -> None:
    steps = [step(3 * HOUR), step(2 * HOUR, state="failed", why="no such file"), step(HOUR, state="failed", why="no such file")]
    (breach,) = pipeline_failed(seen(steps=steps, failing=frozenset({("data", "ingest")})))
    assert (breach.feature, breach.value, breach.role) == ("data ingest", 2, "devops")
    assert breach.says == "data, ingest failed 2 times in a row: no such file"


def test_a_failure_that_is_over_is_none() -> None:
    assert pipeline_failed(seen(steps=[step(2 * HOUR, state="failed", why="x")])) == []


def usual(count: int = 10, **more: object) -> list[object]:
    return [step((48 + at) * HOUR, 20.0 + at % 3, **more) for at in range(count)]  # type: ignore[arg-type]


def test_a_step_is_slow_against_its_own_past() -> None:
    (breach,) = pipeline_slow(seen(steps=[*usual(), step(HOUR, 200.0)]))
    assert breach.feature == "data ingest" and "took 200 s, 9.5 times as long" in breach.says
    assert pipeline_slow(seen(steps=[*usual(), step(HOUR, 25.0)])) == []
    assert pipeline_slow(seen(steps=[*usual(), step(HOUR, 200.0, name="join")])) == []
    assert pipeline_slow(seen(steps=[*usual(3), step(HOUR, 200.0)])) == []


def test_more_rows_may_take_longer_and_what_was_recalled_took_no_time() -> None:
    before = usual(rows={"train": 800, "test": 200})
    assert pipeline_slow(seen(steps=[*before, step(HOUR, 200.0, rows=10_000)])) == []
    assert pipeline_slow(seen(steps=[*before, step(HOUR, 200.0, rows=1_500)])) != []
    assert pipeline_slow(seen(steps=[*before, step(HOUR, 200.0, rows=1_000, recalled=True)])) == []


def test_a_slow_step_of_days_ago_is_over() -> None:
    steps = [*[step((90 + at) * HOUR) for at in range(10)], step(30 * HOUR, 200.0)]
    assert pipeline_slow(seen(steps=steps)) == []


def test_a_gap_between_turns_is_told_with_its_length() -> None:
    last = entry("turn", "", 30 * HOUR, state="done", says="", host="box", heartbeat=None, every_s=3600.0)
    late = Watcher(last, last.time, last.time + 2 * HOUR, NOW)
    (breach,) = pipeline_late(seen(watcher=late)) or []
    assert breach.says == "no turn was taken for 30 hours, from 2024-03-03 06:00 to 2024-03-04 12:00 UTC"
    assert pipeline_late(seen(watcher=Watcher(last, last.time, NOW + timedelta(seconds=1), NOW))) == []
    assert pipeline_late(seen(watcher=Watcher(last, last.time, None, NOW))) is None
    assert pipeline_late(seen()) is None
    (breach,) = pipeline_late(seen(watcher=Watcher(last, NOW + 9000 * HOUR, NOW + 9002 * HOUR, NOW))) or []
    assert "its clock was ahead" in breach.says
