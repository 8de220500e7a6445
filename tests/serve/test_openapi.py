"""The description: valid OpenAPI 3.1 before and after a release, for every task."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from loopline.lake.place import Lake
from loopline.serve.answers import ENDPOINTS
from loopline.serve.openapi import document
from tests.serve.packages import ROW, make_package, scorer_of


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", None])
def test_it_is_valid(tmp_path, task):
    lake = Lake(str(tmp_path))
    validate(document("p", scorer_of(lake, make_package(lake, task)) if task else None))


def test_every_endpoint_is_described():
    paths = document("p", None)["paths"]
    for method, path, _ in ENDPOINTS:
        assert path == "/openapi.json" or method.lower() in paths[path], path


@pytest.mark.parametrize(("kind", "item"), [("Outcomes", {"id": "a", "outcome": 1}), ("Feedback", {"id": "a", "text": "late"})])
def test_outcomes_and_feedback_are_described_as_an_object_and_as_a_list(kind, item):
    told = document("p", None)["components"]
    body = Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": told})
    assert body.is_valid({kind.lower(): [item]}) and body.is_valid([item])
    assert not body.is_valid({"rows": [item]}) and not body.is_valid([{}])


@pytest.mark.parametrize(
    ("row", "right"),
    [
        (ROW, True),
        (ROW | {"income": None, "id": 7, "at": "2024-01-31T08:30:00Z"}, True),
        (ROW | {"age": None}, False),
        (ROW | {"age": 1.5}, False),
        (ROW | {"town": "Bern"}, False),
        ({"age": 1, "income": 1.0}, False),
    ],
)
def test_its_schema_and_the_check_agree(tmp_path, row, right):
    lake = Lake(str(tmp_path))
    scorer = scorer_of(lake, make_package(lake))
    assert Draft202012Validator(document("p", scorer)["components"]["schemas"]["Row"]).is_valid(row) is right
    assert (scorer.signature.read(row, 0)[1] == []) is right
