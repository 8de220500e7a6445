"""A rollout seen from outside: whoever asks is answered by the one or by the other, always by the same, in every protocol."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest

from loopline.lake.blobs import Blobs
from loopline.release.rollout.course import move, newest, start
from loopline.release.rollout.plan import Plan
from loopline.serve.segments import records
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served
from tests.signing import vouch

ROWS = [{**ROW, "id": number, "age": 20 + number % 60} for number in range(200)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("served"))
    first, second = make_package(server.lake), make_package(server.lake, shift=0.1)
    server.promote(first)
    vouch(server.ledger, Blobs(server.lake), second)
    server.first, server.second = first, second
    server.start().wait_for(first)
    yield server
    server.close()


PLAN = Plan.model_validate({"plan": "canary 5% 1h -> full"}).as_json()


def give(served, kind, share):
    course = newest(served.ledger.read(kinds=("rollout",)))
    traffic = None if kind is None else {"kind": kind, "share": share}
    if kind is None:
        served.ledger.append(move(course, "withdrawn", why="a test", traffic=None))
    elif course is None or not course.is_live:
        served.ledger.append(start(served.second, served.first, PLAN, traffic, salt="s", why="a test", parents=()))
    else:
        served.ledger.append(move(course, "advanced", why="a test", traffic=traffic, leg=1))
    # The server looks at the ledger every second.
    time.sleep(1.6)


def packages(served, rows=ROWS):
    status, said = served.ask("POST", "/v1/predict", {"rows": rows})
    assert status == 200, said
    return [one.get("package", said["package"]) for one in said["predictions"]]


def test_a_canary_answers_its_share_alike_in_every_protocol_and_gives_it_back(served):
    assert set(packages(served)) == {served.first}
    give(served, "canary", 0.3)
    said = packages(served)
    assert 30 < said.count(served.second) < 90
    assert packages(served) == said
    assert packages(served, ROWS[:1]) == said[:1]
    status, alike = served.ask("POST", "/invocations", {"dataframe_records": ROWS})
    assert status == 200
    assert [one["package"] for one in alike["predictions"]] == said
    text = "id,age,income,city\n" + "".join(f"{row['id']},{row['age']},{row['income']},{row['city']}\n" for row in ROWS)
    with closing(served.connection()) as connection:
        connection.request("POST", "/v1/predict", text, {"content-type": "text/csv", "accept": "application/json"})
        assert [one["package"] for one in json.loads(connection.getresponse().read())] == said
    give(served, "canary", 0.6)
    wider = packages(served)
    assert wider.count(served.second) > said.count(served.second)
    assert all(after == served.second for before, after in zip(said, wider, strict=True) if before == served.second)
    give(served, None, 0)
    assert set(packages(served)) == {served.first}


def test_a_shadow_answers_nobody_and_is_logged_beside(served):
    give(served, "shadow", 1.0)
    status, said = served.ask("POST", "/v1/predict", {"rows": ROWS})
    assert status == 200
    assert not any("package" in one for one in said["predictions"])
    give(served, None, 0)
    asked = {one["id"] for one in said["predictions"]}
    logged = (json.loads(line) for part in records(served.lake.log, "shadows") for line in part.lines)
    lines = [line for line in logged if line["id"] in asked]
    assert len(lines) == len(ROWS)
    assert {(line["package"], line["kind"]) for line in lines} == {(served.second, "shadow")}
    assert all(line["leg"] and 0 <= line["score"] <= 1 for line in lines)


def test_who_names_the_version_that_decides_is_answered_by_it(served):
    give(served, "canary", 0.5)
    inputs = [
        {"name": "id", "shape": [200], "datatype": "INT64", "data": [row["id"] for row in ROWS]},
        {"name": "age", "shape": [200], "datatype": "INT64", "data": [row["age"] for row in ROWS]},
        {"name": "income", "shape": [200], "datatype": "FP64", "data": [row["income"] for row in ROWS]},
        {"name": "city", "shape": [200], "datatype": "BYTES", "data": [row["city"] for row in ROWS]},
    ]
    for path, found in (("/v2/models/p/infer", {served.first, served.second}), (f"/v2/models/p/versions/{served.first[:12]}/infer", {served.first})):
        status, said = served.ask("POST", path, {"inputs": inputs})
        assert status == 200, said
        assert set(next(one["data"] for one in said["outputs"] if one["name"] == "package")) == found
    give(served, None, 0)
