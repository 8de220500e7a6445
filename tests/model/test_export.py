"""A fitted candidate as a package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loopline.errors import CheckFailed
from loopline.model.export import TOLERANCE, Candidate, Member, check_parity, core_files, signature
from loopline.model.families import Features
from loopline.model.features import make_plan
from loopline.model.graph import Piece
from loopline.model.linear import Line, Standard
from loopline.model.material import Material, prepare
from loopline.model.order import Order
from loopline.model.package import pack
from loopline.model.plan import Plan
from loopline.model.predictor import Predictor
from tests.model.conftest import Made
from tests.model.studies import Study, table


class Skewed:
    """A model whose graph is a little off: what an export that rounds would be."""

    def __init__(self, line: Line, off: float) -> None:
        self.line, self.off = line, off

    def score(self, features: Features) -> NDArray[np.float64]:
        return self.line.score(features) + self.off

    def graph(self, features: str, scores: str) -> Piece:
        return self.line.graph(features, scores)

    def settled(self) -> dict[str, Any]:
        return {}

    def weights(self) -> NDArray[np.float64]:
        return self.line.weights()


@pytest.fixture
def material(tmp_path: Path) -> Material:
    study = Study(tmp_path, table("binary"), "binary")
    workspace = study.workspace
    with workspace.ledger:
        step = study.step(workspace)
    return prepare(study.frame, Order.of(step.reads, step.inputs))


def candidate(material: Material, off: float) -> Candidate:
    order = material.order
    plan = make_plan(material.frame, order.columns, time=order.time, leave_out={order.target}).plan
    width = len(plan.features)
    line = Line(Standard(np.zeros(width), np.zeros(width), np.ones(width), np.array([0])), np.full((width + 1, 1), 0.1), np.zeros(1), "Sigmoid")
    return Candidate(plan, [Member("linear", Skewed(line, off))], {"kind": "threshold", "threshold": 0.5})


def predictor(made: Candidate, material: Material) -> Predictor:
    files = {**core_files(made, material.order), "reference.json": b"", "metrics.json": b"", "card.md": b""}
    return Predictor(pack({"task": "binary", "classes": ["no", "yes"]}, files))


def test_parity_is_measured_on_rows_with_nulls_and_unseen_values(material: Material) -> None:
    made = candidate(material, 0.0)
    found = check_parity(made, predictor(made, material), material)
    assert found["rows"] == 2 * (240 + 120), "every judged and test row, and each once more disturbed"
    assert found["max_error"] < 1e-12


@pytest.mark.parametrize("off", [2 * TOLERANCE, float("nan")])
def test_a_package_that_scores_otherwise_fails_the_check(material: Material, off: float) -> None:
    made = candidate(material, off)
    with pytest.raises(CheckFailed, match="differ from the model's by up to"):
        check_parity(made, predictor(made, material), material)


def test_the_signature_says_each_columns_part(made: Made) -> None:
    said = made.package.parsed("signature.json")
    columns = {column["name"]: column for column in said["columns"]}
    assert columns["at"]["roles"] == ["feature", "time"] and columns["at"]["needed"]
    assert columns["id"] == {"name": "id", "type": "category", "roles": ["key"], "needed": False, "required": False, "values": None}
    assert columns["kind"]["required"] and sorted(columns["kind"]["values"]) == ["a", "b", "c"]
    assert columns["flag"]["roles"] == ["feature", "slice"]
    assert not {"y", "same", "__row"} & set(columns)
    assert said["outcome"]["column"] == "y"
    assert Plan.of_json(said).columns == tuple(made.facts["features"])


def test_a_column_that_only_the_worth_reads_must_be_sent(material: Material) -> None:
    priced = replace(material.order, worth=material.order.worth.model_copy(update={"act_right": "count * 2"}))
    plan = replace(candidate(material, 0.0).plan, numbers=("size",))
    columns = {column["name"]: column for column in signature(plan, priced)["columns"]}
    assert columns["count"]["roles"] == ["worth"] and columns["count"]["needed"]


def test_the_reference_has_features_score_and_decision(made: Made) -> None:
    reference = made.package.parsed("reference.json")
    assert set(reference["features"]) == set(made.facts["features"]) - {"at"}
    assert reference["features"]["kind"]["kind"] == "category"
    for profile in reference["features"].values():
        assert sum(profile["counts"]) == reference["rows"] == 480
        assert np.array(profile["days"]).sum() == 480, "twenty days of training and validation rows"
    assert sum(reference["score"]["counts"]) == sum(reference["decision"]["counts"]) == 120
