"""Leak checks: what is planted is found, and clean tables are left in peace."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.data.outcome import Target
from loopline.declaration import Moment
from loopline.errors import CheckFailed
from loopline.model.leaks import Case, find_leaks, require_none
from loopline.model.split import by_order, stratified

TARGET = Target("late", "binary", ("no", "yes"), "yes")


def clean(rows: int = 1200, *, seed: int = 0, width: int = 6) -> pl.DataFrame:
    """Rows with some numbers and a category that each tell a little of the outcome."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, width))
    kind = rng.choice(["a", "b", "c"], rows)
    drive = numbers @ rng.normal(size=width) + (kind == "a") + rng.normal(scale=2, size=rows)
    late = np.where(drive > np.quantile(drive, 0.7), "yes", "no")
    return pl.DataFrame({**{f"n{place}": numbers[:, place] for place in range(width)}, "kind": kind, "late": late})


def case(frame: pl.DataFrame, *, target: Target = TARGET, in_time: bool = False, **more: Any) -> Case:
    said = frame[target.name].to_numpy()
    outcome = said == "yes" if target.task == "binary" else said
    shares = {"validation": 0.2, "test": 0.2}
    parts = by_order(frame.height, **shares) if in_time else stratified(outcome, **shares, seed=0)
    features = tuple(name for name in frame.columns if name not in (target.name, more.get("time")))
    return Case(frame=frame, features=features, target=target, outcome=outcome, parts=parts, in_time=in_time, **more)


def found(of: Case) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(finding.rule, finding.columns, finding.sure) for finding in find_leaks(of)]


def stamps(rows: int, seconds: int = 3607) -> list[datetime]:
    return [datetime(2026, 1, 1) + timedelta(seconds=seconds * place) for place in range(rows)]


def test_clean_tables_are_hardly_ever_accused_and_never_stopped() -> None:
    findings = [find_leaks(case(clean(seed=seed))) for seed in range(50)]
    assert sum(bool(some) for some in findings) <= 10, "a column may by chance tell far more than the others: that is a question"
    assert not [finding for some in findings for finding in some if finding.sure]
    assert {finding.rule for some in findings for finding in some} <= {"alone_gives_target"}


def test_a_column_that_is_the_outcome_stops_the_search() -> None:
    frame = clean()
    frame = frame.with_columns(arrived=pl.when(pl.col("late") == "yes").then(30.0).otherwise(-5.0) + pl.col("n0") / 10)
    findings = find_leaks(case(frame))
    assert (findings[0].rule, findings[0].columns, findings[0].sure) == ("alone_gives_target", ("arrived",), True)
    with pytest.raises(CheckFailed, match="arrived alone nearly gives late") as stopped:
        require_none(findings)
    assert "model.leave_out: [arrived]" in stopped.value.remedy
    assert "model.leaks.allow: [arrived]" in stopped.value.remedy
    assert require_none(findings, ("arrived",)) == findings


def test_with_few_rows_it_is_a_question() -> None:
    frame = clean(100).with_columns(arrived=pl.when(pl.col("late") == "yes").then(30.0).otherwise(-5.0))
    assert not [finding for finding in find_leaks(case(frame)) if finding.sure]


def test_a_number_that_is_the_outcome_in_another_unit_stops_the_search() -> None:
    rng = np.random.default_rng(0)
    value = rng.normal(size=2000)
    frame = pl.DataFrame({"other": rng.normal(size=2000), "cents": value * 100, "euros": value})
    assert ("sum_gives_target", ("cents",), True) in found(case(frame, target=Target("euros", "regression", (), None)))


def test_a_date_after_the_decision_is_found() -> None:
    frame = clean().with_columns(pl.Series("decided_at", stamps(1200)), pl.Series("closed_at", stamps(1200)) + timedelta(hours=5))
    moment = Moment(offset_s=0.0, column="decided_at")
    assert ("known_after", ("closed_at",), True) in found(case(frame, decided=moment, time="decided_at", in_time=True))
    assert ("known_after", ("closed_at",), False) in found(case(frame, time="decided_at", in_time=True)), "where the charter names no moment, it asks"
    before = frame.with_columns(pl.col("closed_at") - timedelta(days=2))
    assert not [name for name in found(case(before, decided=moment, time="decided_at", in_time=True)) if name[0] == "known_after"]


def test_what_is_filled_in_only_once_it_happened_is_found() -> None:
    frame = clean().with_columns(reason=pl.when(pl.col("late") == "yes").then(pl.lit("weather")))
    assert ("known_after", ("reason",), True) in found(case(frame))
    holes = clean().with_columns(reason=pl.when(pl.int_range(1200) % 3 > 0).then(pl.lit("weather")))
    assert not [name for name in found(case(holes)) if name[0] == "known_after"]


def test_a_column_that_names_the_row_is_a_question() -> None:
    frame = clean().with_columns(ticket=pl.int_range(1200) * 7 + 3)
    assert ("identifiers", ("ticket",), False) in found(case(frame))
    assert "identifiers" not in {name for name, _, _ in found(case(clean().with_columns(pages=pl.int_range(1200) % 50)))}


def test_an_outcome_that_hangs_on_the_place_of_the_row_is_found_where_parts_are_drawn_at_random() -> None:
    frame = clean(3000).sort("n0")
    rng = np.random.default_rng(0)
    drifting = frame.with_columns(late=pl.Series(np.where(rng.random(3000) < np.linspace(0.1, 0.7, 3000), "yes", "no")))
    assert ("row_order", (), False) in found(case(drifting))
    assert ("row_order", (), False) not in found(case(drifting, in_time=True)), "split by time, the later rows are not learned from"


def test_rows_that_stand_in_two_parts_are_counted() -> None:
    frame = clean()
    findings = [finding for finding in find_leaks(case(pl.concat([frame, frame[:300]]))) if finding.rule == "duplicates_across_parts"]
    assert len(findings) == 2
    assert all(0.1 < finding.evidence["share"] < 0.4 and not finding.sure for finding in findings)


def test_few_categories_are_alike_by_nature() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.choice(["x", "y"], 2000), "b": rng.integers(0, 4, 2000), "late": np.where(rng.random(2000) < 0.3, "yes", "no")})
    assert found(case(frame)) == []


def test_a_looked_up_number_that_tells_the_outcome_without_a_time_is_found() -> None:
    rng = np.random.default_rng(1)
    frame = clean().with_columns(rate=pl.when(pl.col("late") == "yes").then(0.6).otherwise(0.4) + pl.Series(rng.normal(scale=0.2, size=1200)))
    timeless = {"name": "carriers", "table": "carriers", "as_of": None, "columns": {"late_rate": "rate"}}
    assert ("fitted_outside", ("rate",), False) in found(case(frame, lookups=(timeless,)))
    assert "fitted_outside" not in {name for name, _, _ in found(case(frame, lookups=({**timeless, "as_of": "day"},)))}
    other = {**timeless, "columns": {"n1": "n1"}}
    assert "fitted_outside" not in {name for name, _, _ in found(case(frame.with_columns(n1=pl.Series(rng.normal(size=1200))), lookups=(other,)))}


def test_the_test_part_is_not_looked_at_for_what_tells_the_outcome() -> None:
    frame = clean()
    before = case(frame)
    rows = np.zeros(1200, dtype=bool)
    rows[before.parts.test] = True
    leaking = frame.with_columns(n0=pl.when(pl.Series(rows)).then(pl.when(pl.col("late") == "yes").then(9.0).otherwise(-9.0)).otherwise(pl.col("n0")))
    assert replace(before, frame=leaking).learned.power == before.learned.power


def test_forty_thousand_rows_take_less_than_two_seconds() -> None:
    of = case(clean(40_000, width=19))
    begun = time.process_time()
    find_leaks(of)
    assert time.process_time() - begun < 2


def test_the_length_of_a_call_is_questioned_in_the_bank_data(shared_data: Path) -> None:
    file = shared_data / "bank_additional_full.csv.gz"
    if not file.is_file():
        pytest.skip(f"there is no {file.name}")
    frame = pl.read_csv(file.read_bytes(), separator=";", infer_schema_length=None)
    findings = find_leaks(case(frame, target=Target("y", "binary", ("no", "yes"), "yes")))
    (call,) = [finding for finding in findings if finding.columns == ("duration",)]
    assert not call.sure
    assert "is duration known when you decide?" in call.remedy
    assert not [finding for finding in findings if finding.sure]
