"""The Open Inference Protocol end to end: what it answers is what the native endpoint answers, and its errors are as it has them."""

from __future__ import annotations

import pytest

from tests.serve.packages import ROW
from tests.serve.speaking import ROWS, TYPES, columns, logged, native, tensors


def test_the_model_is_described_and_asked_in_the_open_inference_protocol(served, client):
    assert client.get("/v2").json()["name"] == "loopline"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    model = client.get("/v2/models/p").json()
    assert (model["name"], model["versions"]) == ("p", [served.package[:12]])
    assert {one["name"]: one["datatype"] for one in model["inputs"]} == TYPES
    assert [one["name"] for one in model["outputs"]] == ["score", "decision", "prediction_id", "package"]
    version = f"/v2/models/p/versions/{served.package[:12]}"
    assert client.get(version).json() == model
    assert client.get(f"{version}/ready").json() == client.get("/v2/models/p/ready").json() == {"name": "p", "ready": True}
    for path in ("/v2/models/p/infer", f"{version}/infer"):
        answer = client.post(path, json=tensors(ROWS, id="mine"))
        assert answer.status_code == 200
        said = answer.json()
        assert (said["id"], said["model_name"], said["model_version"]) == ("mine", "p", served.package[:12])
        assert columns(said)["score"] == [one["score"] for one in native(client, ROWS)]
        assert set(columns(said)["package"]) == {served.package}
        assert set(columns(said)["prediction_id"]) <= set(logged(served))


def test_outputs_and_reasons_are_chosen_in_the_open_inference_protocol(client):
    said = client.post("/v2/models/p/infer", json=tensors(ROWS, outputs=[{"name": "decision"}], parameters={"reasons": 2})).json()
    assert set(columns(said)) == {"decision"}
    said = client.post("/v2/models/p/infer", json=tensors(ROWS, parameters={"reasons": 2})).json()
    (reasons,) = [one for one in said["outputs"] if one["name"] == "reasons"]
    assert reasons["shape"] == [3, 2]
    assert len(reasons["data"]) == 6


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v2/models/other/infer", tensors(ROWS), 404, "no model 'other'"),
        ("/v2/models/p/versions/00000000/infer", tensors(ROWS), 404, "no version '00000000'"),
        ("/v2/models/p/infer", {}, 400, "no list 'inputs'"),
        ("/v2/models/p/infer", {"inputs": [{"name": "age"}]}, 400, "inputs[0]: it is no tensor"),
        ("/v2/models/p/infer", {"inputs": [{"name": "age", "datatype": "FLOAT", "shape": [1], "data": [1]}]}, 400, "'FLOAT' is no datatype"),
        ("/v2/models/p/infer", {"inputs": [{"name": "age", "datatype": "INT64", "shape": [2], "data": [1]}]}, 400, "there are 1 values, and the shape is [2]"),
        ("/v2/models/p/infer", {"inputs": [{"name": "age", "datatype": "INT64", "shape": [1, 2], "data": [1, 2]}]}, 400, "the shape is [1, 2]"),
        ("/v2/models/p/infer", tensors(ROWS, outputs=[{"name": "label"}]), 400, "no output 'label'"),
        ("/v2/models/p/infer", tensors(ROWS, parameters={"reasons": "few"}), 400, "'few' is no number"),
        ("/v2/models/p/infer", tensors([ROW | {"age": "old"}]), 422, "age"),
        ("/v2/models/p/infer", tensors([ROW] * 201), 413, "serve.limits.rows"),
        ("/v2/models/p/inferr", {}, 404, "no such path"),
    ],
)
def test_errors_of_the_open_inference_protocol_are_one_text(served, client, path, body, status, says):
    before = len(logged(served))
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert len(logged(served)) == before
