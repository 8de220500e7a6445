"""All protocols and formats side by side: any rows get the same scores in each, and no body makes the server fail."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.serve.media import ARROW, CSV, JSON, LINES
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served
from tests.serve.speaking import TYPES, columns, native, tensors, understood, written

KEYS = st.sampled_from([*TYPES, "rows", "inputs", "name", "data", "shape", "datatype"])
PATHS = st.sampled_from(["/v1/predict", "/v1/predict?reasons=1", "/v1/outcomes", "/v2/models/p/infer", "/invocations"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([ROW, "FP64", "BYTES", "score"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
NAMES = ["rows", "outcomes", "inputs", "instances", "dataframe_records", "dataframe_split", "params", "parameters", "outputs", "id"]
BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3).map(lambda value: json.dumps(value).encode())
)


@given(path=PATHS, media=st.sampled_from([JSON, LINES, CSV, ARROW, "text/html"]), accept=st.sampled_from([JSON, LINES, CSV, ARROW, "*/*"]), body=BODIES)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_body_makes_the_server_fail(client, path, media, accept, body):
    answer = client.post(path, content=body, headers={"content-type": media, "accept": accept})
    assert answer.status_code < 500, answer.text


AGES = st.integers(-(10**6), 10**6)
# What lies at the very end of the numbers that the graph reckons in has no score, and is refused in every protocol.
INCOMES = st.none() | st.floats(-(2.0**100), 2.0**100, width=32)
CITIES = st.none() | st.sampled_from(["Bern", "Oslo", 'a "quote", and\nmore', "ü"])
MANY = st.lists(st.fixed_dictionaries({"age": AGES, "income": INCOMES, "city": CITIES}), min_size=1, max_size=6)


@given(rows=MANY)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_protocol_and_format_gives_any_rows_the_same_scores(client, rows):
    expected = pytest.approx([one["score"] for one in native(client, rows)], rel=1e-6, abs=1e-12)
    for media in (JSON, LINES, CSV, ARROW):
        body = written([{"id": None, **row} for row in rows], media)
        assert [one["score"] for one in understood(client.post("/v1/predict", content=body, headers={"content-type": media}))] == expected
    assert columns(client.post("/v2/models/p/infer", json=tensors(rows)).json())["score"] == expected
    assert [one["score"] for one in client.post("/invocations", json={"dataframe_records": rows}).json()["predictions"]] == expected


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_answered_in_every_protocol(tmp_path, task):
    served = Served(tmp_path)
    try:
        package = make_package(served.lake, task)
        served.promote(package)
        served.start().wait_for(package)
        with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", timeout=20) as client:
            (alone,) = native(client, [ROW])
            said = columns(client.post("/v2/models/p/infer", json=tensors([ROW])).json())
            assert (said["score"], said["decision"]) == ([alone["score"]], [alone["decision"]])
            (invoked,) = client.post("/invocations", json={"instances": [ROW]}).json()["predictions"]
            for media in (CSV, ARROW):
                (one,) = understood(client.post("/v1/predict", content=written([ROW], media), headers={"content-type": media}))
                assert one["score"] == pytest.approx(alone["score"], rel=1e-6)
                if task == "multiclass":
                    assert [float(one[f"score_{name}"]) for name in "abc"] == pytest.approx(list(alone["scores"].values()), rel=1e-6)
            if task == "multiclass":
                assert said["scores"] == list(alone["scores"].values())
                assert [invoked[f"score {name}"] for name in "abc"] == said["scores"]
    finally:
        served.close()
