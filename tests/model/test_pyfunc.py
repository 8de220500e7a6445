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
import polars as pl
import pytest
import yaml

from loopline.access.keys import own_key
from loopline.errors import Mistake
from loopline.model import folder, pyfunc
from loopline.model.bom import SCORES_WITH
from loopline.model.columns import raw
from loopline.model.mlmodel import files, inputs
from loopline.model.package import Package, written
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
    said = {one["name"]: one for one in inputs(made.package)}
    assert set(said) == set(Predictor(made.package).columns)
    assert (said["size"]["type"], said["kind"]["type"], said["at"]["type"]) == ("double", "string", "datetime")
    assert (said["kind"]["required"], said["size"]["required"]) == (True, False)


def test_a_column_that_the_policy_alone_reads_is_asked_for_too(made: Made) -> None:
    rule = {"kind": "expected_worth", "threshold": 0.0, "terms": {"act_right": "same", "act_wrong": -6, "rest_right": 0, "rest_wrong": 0}}
    signature = made.package.parsed("signature.json")
    signature["columns"].append({"name": "same", "type": "number", "roles": ["worth"], "needed": True, "required": True, "values": None})
    priced = Package(made.package.digest, made.package.manifest, {**made.package.contents, "policy.json": written(rule), "signature.json": written(signature)})
    assert {"type": "double", "name": "same", "required": True} in inputs(priced)


def test_a_boolean_that_may_be_null_keeps_its_nulls(made: Made) -> None:
    """MLflow makes False of a null where the type is boolean."""
    assert {one["name"]: one["type"] for one in inputs(made.package)}["flag"] == "any"


def test_the_example_shows_the_types_and_a_row_with_nulls_and_is_nobodys_row(made: Made, place: Path) -> None:
    shown = json.loads((place / "input_example.json").read_text())
    rows = pl.DataFrame(shown["data"], schema=shown["columns"], orient="row")
    assert json.loads((place / "serving_input_example.json").read_text()) == {"dataframe_split": shown}
    said = yaml.safe_load((place / "MLmodel").read_text())["saved_input_example_info"]
    assert (said["type"], said["pandas_orient"]) == ("dataframe", "split")
    assert (place / said["artifact_path"]).is_file() and (place / said["serving_input_path"]).is_file()
    assert rows.columns == [one["name"] for one in inputs(made.package)]
    typical = made.package.parsed("background.json")["columns"]
    assert (rows["size"][0], rows["kind"][0]) == (typical["size"]["typical"], typical["kind"]["typical"])
    assert rows.row(-1, named=True) == {**dict.fromkeys(rows.columns), "kind": typical["kind"]["typical"]}, "all but what is required"
    real = set(made.study.frame.select("size", "count", "kind").iter_rows())
    assert not real & set(rows.select("size", "count", "kind").iter_rows())
    answer = pyfunc._load_pyfunc(str(place)).predict(pd.DataFrame(shown["data"], columns=shown["columns"]))
    assert len(answer) == len(rows) and np.isfinite(answer["score"]).all()


def test_what_is_no_frame_is_refused(place: Path) -> None:
    with pytest.raises(Mistake, match="list is no frame"):
        pyfunc._load_pyfunc(str(place)).predict([1])


@pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed: it is no dependency, for its size")
def test_mlflow_loads_it(made: Made, place: Path) -> None:
    mlflow = pytest.importorskip("mlflow.pyfunc")
    model = mlflow.load_model(str(place))
    answer = model.predict(frame(made)[list(Predictor(made.package).columns)])
    np.testing.assert_array_equal(answer["score"], pyfunc._load_pyfunc(str(place)).predict(frame(made))["score"])
    shown = json.loads((place / "input_example.json").read_text())
    plain = {name: [row[at] for row in shown["data"]] for at, name in enumerate(shown["columns"])}
    np.testing.assert_array_equal(model.predict(model.input_example)["score"], Predictor(made.package).predict(plain).score)


def test_what_scores_loads_no_more_than_it_needs() -> None:
    """A server's image holds just this, and the bill of materials names it."""
    code = "import sys, loopline.model.pyfunc; print(*{name.split('.')[0] for name in sys.modules if name[0] != '_'} - set(sys.stdlib_module_names))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ))
    with_pydantic = {"pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
    assert set(ended.stdout.split()) - with_pydantic <= set(SCORES_WITH)
