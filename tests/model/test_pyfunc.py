"""An exported package as an MLflow model: the same scores through MLflow's own loading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from loopline.access.keys import own_key
from loopline.errors import Mistake
from loopline.model import folder, pyfunc
from loopline.model.bom import SCORES_WITH
from loopline.model.columns import raw
from loopline.model.mlmodel import files, inputs
from loopline.model.package import written
from loopline.model.predictor import Predictor
from loopline.model.signing import Signature
from tests.model.conftest import Made


@pytest.fixture
def place(made: Made, tmp_path: Path) -> Path:
    key = own_key()
    return folder.write(made.package, [Signature(key.public, key.sign(written(made.package.manifest)))], tmp_path / "out", more=files(made.package))


def frame(made: Made) -> pd.DataFrame:
    return pd.DataFrame(made.study.frame.to_dict(as_series=False))


def test_a_frame_is_scored_as_the_package_scores(made: Made, place: Path) -> None:
    given = frame(made).set_index("id", drop=False)
    predictor = Predictor(made.package)
    scores = predictor.predict(raw(made.study.frame, predictor.columns))
    answer = pyfunc._load_pyfunc(str(place)).predict(given)
    np.testing.assert_array_equal(answer["score"], scores.score)
    assert answer["decision"].tolist() == scores.decision.tolist()
    assert answer.index.equals(given.index)
    if scores.scores is not None:
        np.testing.assert_array_equal(answer[[f"score {label}" for label in predictor.classes]], scores.scores)
    declared = json.loads(yaml.safe_load((place / "MLmodel").read_text())["signature"]["outputs"])
    assert [one["name"] for one in declared] == list(answer.columns)


def test_the_signature_names_the_features_with_their_types(made: Made) -> None:
    said = {one["name"]: one for one in inputs(made.package.parsed("signature.json"))}
    assert set(said) == set(Predictor(made.package).columns)
    assert (said["size"]["type"], said["kind"]["type"], said["at"]["type"]) == ("double", "string", "datetime")
    assert (said["kind"]["required"], said["size"]["required"]) == (True, False)


def test_what_is_no_frame_is_refused(place: Path) -> None:
    with pytest.raises(Mistake, match="list is no frame"):
        pyfunc._load_pyfunc(str(place)).predict([1])


@pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed: it is no dependency, for its size")
def test_mlflow_loads_it(made: Made, place: Path) -> None:
    mlflow = pytest.importorskip("mlflow.pyfunc")
    answer = mlflow.load_model(str(place)).predict(frame(made)[list(Predictor(made.package).columns)])
    np.testing.assert_array_equal(answer["score"], pyfunc._load_pyfunc(str(place)).predict(frame(made))["score"])


def test_what_scores_loads_no_more_than_it_needs() -> None:
    """A server's image holds just this, and the bill of materials names it."""
    code = "import sys, loopline.model.pyfunc; print(*{name.split('.')[0] for name in sys.modules if name[0] != '_'} - set(sys.stdlib_module_names))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ))
    with_pydantic = {"pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
    assert set(ended.stdout.split()) - with_pydantic <= set(SCORES_WITH)
