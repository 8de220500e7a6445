"""What the gates would say under another charter: a package with a linear graph, and a test part that is kept for it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.predictor import Predictor
from loopline.release.rejudged import Bench, verdicts
from loopline.release.spec import ReleaseSpec
from tests.serve.packages import make_package
from tests.signing import vouched


def charter(**more: Any) -> CharterSpec:
    worth = {"currency": "EUR", "act_right": 10, "act_wrong": -6, **more.pop("worth", {})}
    return CharterSpec.model_validate({"predict": "y", "worth": worth, **more})


NOW = charter(acceptance=[{"id": "A1", "check": "precision >= 0.5"}], budget={"build": 10})


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    package = make_package(lake, shift=0.05)
    predictor = Predictor.load(Blobs(lake), package, vouched(Blobs(lake), package))
    rng = np.random.default_rng(3)
    rows = 200
    frame = pl.DataFrame({"age": rng.integers(20, 60, rows), "income": rng.uniform(0, 120, rows), "city": rng.choice(["Bern", "Oslo"], rows)})
    score = predictor.predict({name: frame[name].to_list() for name in frame.columns}).score
    frame = frame.with_columns(__outcome=rng.random(rows) < score, __unaided=np.zeros(rows), __block=np.arange(rows) // 10)
    kept = io.BytesIO()
    frame.write_parquet(kept)
    more = {"recorded": {"answer_ms": 0.1}, "limits": ReleaseSpec(), "has_rule": False}
    book = Prices.model_validate({"machine": "3600 per hour"})
    return Bench.of(predictor, kept.getvalue(), (NOW,), spent={"search_s": 1.0, "step_s": 8.0}, book=book, **more)


def passed(bench: Bench, under: CharterSpec, *, is_trained: bool = False) -> dict[str, bool]:
    return {name: verdict.passed for name, verdict in verdicts(bench, under, is_trained=is_trained).items()}


def test_only_the_gates_that_a_charter_decides_are_asked(bench: Bench) -> None:
    assert passed(bench, NOW) == {"beats_baseline": True, "acceptance A1": True, "budget": True, "where_to_run": True}


@pytest.mark.parametrize(
    ("under", "falls"),
    [
        (charter(acceptance=[{"id": "A1", "check": "precision >= 0.99"}]), "acceptance A1"),
        (charter(worth={"act_wrong": -600}), "beats_baseline"),
        (charter(budget={"build": 5}), "budget"),
    ],
)
def test_a_stricter_charter_fails_what_passed(bench: Bench, under: CharterSpec, falls: str) -> None:
    assert [name for name, is_met in passed(bench, under).items() if not is_met] == [falls]


def test_at_other_prices_the_best_single_decision_must_be_beaten_and_at_its_own_what_was_kept(bench: Bench) -> None:
    generous = charter(worth={"act_wrong": 9.0})
    # Acting on all is then worth nearly as much: against doing nothing, which was kept, it would look far better.
    told, kept = (verdicts(bench, generous, is_trained=is_trained)["beats_baseline"].value for is_trained in (False, True))
    assert told is not None and kept is not None
    assert told < 0 < kept


def test_where_a_present_rule_must_be_beaten_nobody_kept_what_it_earns_at_other_prices(bench: Bench) -> None:
    ruled = Bench(**{**vars(bench), "has_rule": True})
    assert "beats_baseline" not in passed(ruled, NOW)
    assert "beats_baseline" in passed(ruled, NOW, is_trained=True)


def test_a_criterion_on_a_metric_that_is_not_there_names_the_nearest(bench: Bench) -> None:
    with pytest.raises(Mistake, match="did you mean 'precision'"):
        verdicts(bench, charter(acceptance=[{"id": "A1", "check": "precison >= 0.5"}]), is_trained=False)
