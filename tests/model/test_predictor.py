"""A package at work."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from loopline.errors import Fault, Mistake
from loopline.model.columns import raw
from loopline.model.package import pack
from loopline.model.predictor import Predictor, for_judging
from tests.model.conftest import Made
from tests.signing import vouched


def test_scores_and_decisions_have_the_shapes_of_the_task(made: Made) -> None:
    predictor = Predictor.load(made.study.blobs(), made.package.digest, vouched(made.study.blobs(), made.package.digest))
    scores = predictor.predict(raw(made.study.frame, predictor.columns))
    assert scores.score.shape == scores.decision.shape == (600,)
    assert scores.score.dtype == np.float64
    if made.study.task == "binary":
        assert set(scores.decision.tolist()) == {"act", "rest"}
        assert scores.scores is None
    elif made.study.task == "multiclass":
        assert scores.scores is not None and scores.scores.shape == (600, 3)
        np.testing.assert_allclose(scores.score, scores.scores.max(axis=1))
        assert set(scores.decision.tolist()) <= {"low", "middle", "high"}
    else:
        assert np.array_equal(scores.decision, scores.score)
    assert len(for_judging(scores)) == 600


def test_a_row_alone_is_scored_as_among_all(made: Made) -> None:
    predictor = Predictor(made.package)
    frame = made.study.frame.head(40)
    together = for_judging(predictor.predict(raw(frame, predictor.columns)))
    for index, row in enumerate(frame.to_dicts()):
        alone = for_judging(predictor.predict({name: [row[name]] for name in predictor.columns}))
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-12)


def test_many_rows_are_scored_in_pieces_and_in_order(made: Made) -> None:
    predictor = Predictor(made.package)
    columns = raw(made.study.frame, predictor.columns)
    many = {name: np.tile(values, 50) for name, values in columns.items()}
    np.testing.assert_array_equal(for_judging(predictor.predict(many)), np.concatenate([for_judging(predictor.predict(columns))] * 50))


def test_no_rows_get_no_scores(made: Made) -> None:
    predictor = Predictor(made.package)
    assert len(predictor.predict({name: [] for name in predictor.columns}).score) == 0


def test_nulls_and_unseen_values_are_scored(made: Made) -> None:
    predictor = Predictor(made.package)
    nothing = predictor.predict({name: [None] for name in predictor.columns})
    unseen = predictor.predict({"kind": ["never seen"], "size": [1e300]})
    assert np.isfinite(nothing.score).all() and np.isfinite(unseen.score).all()


def test_a_request_without_the_models_columns_is_a_mistake(made: Made) -> None:
    with pytest.raises(Mistake, match="none of the model's columns"):
        Predictor(made.package).predict({"other": [1]})


def test_threads_may_share_it(made: Made) -> None:
    predictor = Predictor(made.package)
    columns = raw(made.study.frame, predictor.columns)
    expected = for_judging(predictor.predict(columns))
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: predictor.predict(columns), range(20)):
            np.testing.assert_array_equal(for_judging(scores), expected)


def test_a_single_row_takes_well_under_a_millisecond(made: Made) -> None:
    predictor = Predictor(made.package)
    row = {name: [made.study.frame[name][0]] for name in predictor.columns}
    took = []
    for _ in range(300):
        since = time.perf_counter()
        predictor.predict(row)
        took.append(time.perf_counter() - since)
    # The quickest tenth: other processes share the processors of a test machine.
    assert np.quantile(took, 0.1) < 0.001


def test_a_graph_that_is_none_is_a_fault(made: Made) -> None:
    broken = pack(
        {name: value for name, value in made.package.manifest.items() if name not in ("format", "files")}, {**made.package.contents, "model.onnx": b"none"}
    )
    with pytest.raises(Fault, match="graph cannot be loaded"):
        Predictor(broken)


def test_it_needs_neither_frames_nor_learners() -> None:
    heavy = "{'polars', 'sklearn', 'lightgbm', 'optuna', 'onnx', 'deltalake', 'duckdb', 'scipy', 'pandas'}"
    code = f"import sys, loopline.model.predictor; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
