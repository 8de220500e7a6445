"""MLflow's protocol end to end: every shape of a table, and its errors."""

from __future__ import annotations

import pytest

from loopline.serve.media import CSV
from tests.serve.packages import ROW
from tests.serve.speaking import ROWS, logged, native, written


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": ROWS},
        {"dataframe_split": {"columns": list(ROWS[0]), "data": [list(row.values()) for row in ROWS], "index": [0, 1, 2]}},
        {"instances": ROWS},
        {"inputs": {name: [row[name] for row in ROWS] for name in ROWS[0]}},
        {"inputs": ROWS, "params": {"reasons": 1}},
    ],
)
def test_every_shape_of_mlflow_gets_the_same_scores(served, client, body):
    answer = client.post("/invocations", json=body)
    assert answer.status_code == 200
    said = answer.json()["predictions"]
    assert [(one["score"], one["decision"]) for one in said] == [(one["score"], one["decision"]) for one in native(client, ROWS)]
    assert {one["prediction_id"] for one in said} <= set(logged(served))
    assert all(len(one["reasons"]) == 1 for one in said) if "params" in body else all("reasons" not in one for one in said)


def test_a_table_of_mlflow_as_csv(client):
    said = client.post("/invocations", content=written(ROWS, CSV), headers={"content-type": "text/csv"}).json()["predictions"]
    assert [one["score"] for one in said] == pytest.approx([one["score"] for one in native(client, ROWS)], rel=1e-6)
    for path in ("/ping", "/health", "/version"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "BAD_REQUEST"),
        ({"instances": ROWS, "inputs": ROWS}, 400, "BAD_REQUEST"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}, 400, "BAD_REQUEST"),
        ({"inputs": {"age": [1], "city": []}}, 400, "BAD_REQUEST"),
        ({"instances": [ROW | {"age": "old"}]}, 422, "INVALID_PARAMETER_VALUE"),
        ({"instances": [1]}, 422, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_errors_of_mlflow_have_a_code_and_a_message(client, body, status, code):
    answer = client.post("/invocations", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]
