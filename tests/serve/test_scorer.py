"""The scorer: right rows get predictions as the model computes them, anything else is refused and nothing else happens."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, date, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.serve.scorer import prediction_ids, stamp
from tests.serve.packages import ROW, make_package, scorer_of, weights_of
from tests.serve.test_signature import JSON

NOW = datetime(2024, 5, 1, 12, 0, 0, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return Lake(str(tmp_path_factory.mktemp("lake")))


@pytest.fixture(scope="module")
def scorers(lake):
    return {task: scorer_of(lake, make_package(lake, task)) for task in ("binary", "multiclass", "regression")}


def line(task: str, age: float, income: float, bern: float) -> np.ndarray:
    weights = weights_of(task)
    return weights[0] + np.array([age, income, bern, 0.0]) @ weights[1:]


def test_binary_rows_get_probability_and_decision(scorers):
    (made,), problems = scorers["binary"].score([ROW], NOW)
    assert problems == []
    assert made.score == pytest.approx(1 / (1 + math.exp(-line("binary", 30, 1000, 1)[0])), abs=1e-6)
    assert made.decision == ("act" if made.score >= 0.5 else "rest")
    assert made.scores is None
    assert made.row == ROW


def test_multiclass_rows_get_a_score_for_each_class(scorers):
    (made,), _ = scorers["multiclass"].score([ROW], NOW)
    powers = np.exp(line("multiclass", 30, 1000, 1))
    assert made.scores == pytest.approx(dict(zip("abc", powers / powers.sum(), strict=True)), abs=1e-6)
    assert made.decision == max(made.scores, key=made.scores.__getitem__)
    assert made.score == max(made.scores.values())


def test_regression_rows_get_a_value(scorers):
    (made,), _ = scorers["regression"].score([ROW | {"city": None, "income": None}], NOW)
    assert made.score == made.decision == pytest.approx(line("regression", 30, 0, 0)[0], abs=1e-6)


def test_key_and_event_time_come_from_the_row(scorers):
    (made,), _ = scorers["binary"].score([ROW | {"id": 7, "at": "2024-04-01T08:00:00+02:00"}], NOW)
    assert (made.key, made.event_time, made.time) == ({"id": 7}, "2024-04-01T06:00:00Z", "2024-05-01T12:00:00.000007Z")
    (without,), _ = scorers["binary"].score([ROW], NOW)
    assert (without.key, without.event_time) == ({}, without.time)


def test_a_wrong_row_refuses_all_and_every_problem_is_told(scorers):
    made, problems = scorers["binary"].score([ROW, {"age": "old", "income": 1, "city": "Bern"}, {"age": 1, "income": math.nan, "town": "x"}], NOW)
    assert made == []
    assert [problem.where for problem in problems] == ["rows[1].age", "rows[2].income", "rows[2].city", "rows[2].town"]


def test_no_rows_give_no_predictions(scorers):
    assert scorers["binary"].score([], NOW) == ([], [])


def test_ids_carry_day_and_package_and_never_repeat():
    ids = prediction_ids("f00dfeed" * 8, NOW, 10_000)
    assert len(set(ids)) == 10_000
    assert all(id.startswith("20240501-f00dfeed-") for id in ids)


def test_a_date_is_its_midnight_and_zones_become_utc():
    assert stamp(date(2024, 1, 31)) == "2024-01-31T00:00:00Z"
    assert stamp(datetime.fromisoformat("2024-01-31T01:00:00+02:00")) == "2024-01-30T23:00:00Z"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@given(rows=st.lists(JSON | st.fixed_dictionaries({"age": JSON, "income": JSON, "city": JSON}, optional={"id": JSON, "at": JSON, "x": JSON}), max_size=4))
def test_any_json_rows_are_scored_or_refused_and_nothing_else_happens(scorers, task, rows):
    made, problems = scorers[task].score(rows, NOW)
    assert bool(rows) == (bool(made) != bool(problems))
    assert len(made) in (0, len(rows))
    assert all(math.isfinite(one.score) for one in made)
    # What is made can be logged, and is read back as it was.
    assert [json.loads(msgspec.json.encode(one))["id"] for one in made] == [one.id for one in made]
    json.dumps([problem.reason for problem in problems], ensure_ascii=False).encode()


def test_a_package_that_was_tampered_with_is_not_loaded(tmp_path):
    lake = Lake(str(tmp_path))
    digest = make_package(lake)
    manifest = json.loads(Blobs(lake).get(digest))
    policy = manifest["files"]["policy.json"]
    (tmp_path / "blobs" / policy[:2] / policy).write_bytes(b'{"kind":"threshold","threshold":0.0}')
    with pytest.raises(LooplineError, match="changed"):
        scorer_of(lake, digest)
    with pytest.raises(LooplineError, match="no blob"):
        scorer_of(lake, "0" * 64)


def test_a_flood_of_wrong_rows_is_refused_in_little_time(scorers):
    rows = [ROW | {f"unknown_{number}": 1} for number in range(5_000)]
    since = time.perf_counter()
    made, problems = scorers["binary"].score(rows, NOW)
    assert time.perf_counter() - since < 2
    assert (made, len(problems)) == ([], 5_000)
    assert problems[0].expected != problems[-1].expected == "a field of the signature"
