"""A whole run with many values, short texts and declared features: what it learned from them, and that its package serves them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.model.columns import raw
from loopline.model.package import Package
from loopline.model.predictor import Predictor
from tests.model.studies import Study, table

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

DECLARED = {
    "expressions": {"half": "count / 2 + is_null(size)"},
    "interactions": [["size", "count"], ["kind", "city"]],
    "groups": [{"of": "count", "by": "kind", "how": "ratio"}],
}


def rich(rows: int = 900) -> pl.DataFrame:
    """The usual table, with a city of its own effect, a note with a telling word and a private name, and an outcome that hangs on them."""
    rng = np.random.default_rng(5)
    frame = table("regression", rows)
    effect = rng.normal(scale=2.0, size=60)
    city, late = rng.integers(0, 60, rows), rng.random(rows) < 0.4
    drive = frame["y"].to_numpy() + effect[city] + 2 * late
    return frame.with_columns(
        pl.Series("city", [f"city, no. {at} 😀" for at in city]),
        pl.Series(
            "note",
            [f"the {'bag' if flag else 'seat'} of Person{_LETTERS[row % 26]}{_LETTERS[row // 26 % 26]}{_LETTERS[row // 676]}" for row, flag in enumerate(late)],
        ),
        pl.Series("y", ["yes" if value > 1.5 else "no" for value in drive]),
    )


@dataclass(frozen=True)
class Ran:
    """A study that was run."""

    study: Study
    facts: Facts
    package: Package


@pytest.fixture(scope="module", params=["in time", "in no order"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    time = "at" if request.param == "in time" else None
    model = {"features": {**DECLARED, "select": False}, "families": ["lightgbm"], "search": {"trials": 2}, "assess": {"refits": False}, "leave_out": ["id"]}
    study = Study(tmp_path_factory.mktemp("rich"), rich(), "binary", model=model, time=time)
    facts = study.run()
    return Ran(study, facts, study.package(facts))


def test_what_is_declared_and_what_has_many_values_is_learned_from(ran: Ran) -> None:
    assert {"city", "note", "size", "count", "kind"} <= set(ran.facts["features"])
    plan = Predictor(ran.package).plan
    assert [formula.name for formula in plan.formulas] == ["half", "size × count", "size / count"]
    assert {table.key for table in plan.tables} == {("city",), ("kind", "city"), ("kind",)}
    assert {"bag", "seat"} <= set(plan.words[0].tokens)
    assert ran.facts["metrics"]["test"]["roc_auc"] > 0.8


def test_the_package_scores_as_the_model_does_and_one_row_as_many(ran: Ran) -> None:
    assert ran.package.parsed("metrics.json")["parity"]["max_error"] <= 1e-5
    predictor = Predictor(ran.package)
    columns = raw(ran.study.frame[:50], predictor.columns)
    together = predictor.predict(columns).score
    rows = ran.study.frame[:50].select(predictor.columns).to_dicts()
    alone = [predictor.predict({name: [value] for name, value in row.items()}).score[0] for row in rows]
    assert alone == pytest.approx(together.tolist(), abs=1e-6)


def test_a_request_that_lacks_columns_is_answered(ran: Ran) -> None:
    score = Predictor(ran.package).predict({"size": [1.0], "city": ["never seen 🚀"], "note": [None]}).score
    assert np.isfinite(score).all()


def test_no_text_that_is_one_row_s_own_is_in_the_package(ran: Ran) -> None:
    every = b"".join(ran.package.contents.values()).decode("latin-1").lower()
    names = [note.split()[-1].lower() for note in ran.study.frame["note"].to_list()]
    assert "city, no. " in every
    assert not [name for name in names if name in every]


def test_the_signature_tells_which_columns_a_request_holds(ran: Ran) -> None:
    said: dict[str, Any] = json.loads(ran.package.contents["signature.json"])
    needed = {column["name"] for column in said["columns"] if column["needed"]}
    assert {"size", "count", "kind", "city", "note"} <= needed
    assert "half" not in needed


def test_encoding_one_row_takes_little(ran: Ran) -> None:
    predictor = Predictor(ran.package)
    row = {name: [value] for name, value in ran.study.frame.select(predictor.columns).row(0, named=True).items()}
    took = []
    for _ in range(200):
        since = time.perf_counter()
        predictor.predict(row)
        took.append(time.perf_counter() - since)
    # The figure is 0.3 ms; the limit leaves room for a machine that does much else.
    assert np.quantile(took, 0.1) < 1e-3


def test_a_declaration_that_reads_the_outcome_stops_the_run(tmp_path: Path) -> None:
    study = Study(tmp_path, rich(300), "binary", model={"features": {"expressions": {"told": "length(y)"}}}, time=None)
    with pytest.raises(Mistake) as caught:
        study.run()
    assert caught.value.where == "model.features.expressions.told"
