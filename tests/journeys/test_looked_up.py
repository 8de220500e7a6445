"""One truth in three places: what training joined, what a batch looks up, and what a real server answers, are the same values and scores."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import datetime, timedelta
from http.client import HTTPConnection

import polars as pl
import pytest

from loopline.lake.tables import Tables
from loopline.loop import open_loop
from tests.data.turning import Turning

START = datetime(2024, 1, 1)
MODEL = "model: {families: [linear], search: {trials: 1}, assess: {refits: false}}\n"
LOOKED_UP = ["temp", "sky", "runways", "mean_temp"]


def weather(first, last, seed):
    lot = random.Random(seed)
    rows = []
    for hour in range(first, last):
        for place in "ABC":
            if lot.random() < 0.8:
                temp = None if lot.random() < 0.1 else round(lot.gauss(10, 5), 2)
                rows.append((place, START + timedelta(hours=hour, minutes=lot.randrange(60)), temp, lot.choice(["sun", "rain", "snow"])))
    return pl.DataFrame(rows, schema=["origin", "seen", "temp", "sky"], orient="row")


def flights(count, seed):
    lot = random.Random(seed)
    rows = []
    for number in range(count):
        due = START + timedelta(minutes=lot.randrange(-600, 60 * 24 * 40))
        rows.append((number, lot.choice("ABCD"), due, int(lot.random() < (0.7 if due.hour > 12 else 0.2))))
    return pl.DataFrame(rows, schema=["id", "origin", "due", "late"], orient="row")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Turning(tmp_path_factory.mktemp("looked_up"))
    made.charter = {"predict": "late", "positive": 1, "decided": "2h before due", "worth": {"act_right": 2, "act_wrong": -1, "miss": 0, "rest": "0 * temp"}}
    made.data = {
        "sources": {"flights": {"path": "flights.csv", "key": "id", "time": "due"}, "weather": {"path": "weather*.csv"}, "places": {"path": "places.csv"}},
        "tables": {"daily": {"sql": "select origin, cast(seen as date) as day, avg(temp) as mean_temp from weather group by origin, cast(seen as date)"}},
        "lookups": {
            "weather": {"on": "origin", "as_of": "seen", "delay": "30min", "tolerance": "3h"},
            "places": {"on": {"place": "origin"}},
            "daily": {"on": "origin", "as_of": "day", "delay": "1d"},
        },
    }
    made.write("flights.csv", flights(900, 1))
    made.write("weather-1.csv", weather(0, 24 * 40, 2))
    made.text("places.csv", "place,runways\nA,2\nB,3\nC,1\n")
    made.declare()
    declared = (made.folder / "loopline.yaml").read_text()
    (made.folder / "loopline.yaml").write_text(declared + f"{MODEL}release: {{approvals: {{}}, latency_ms: 1000}}\n")
    with open_loop(made.folder) as loop:
        status = loop.run()
        assert status.champion, status
    return made


class Server:
    """The command that serves, as a process of its own."""

    def __init__(self, folder):
        command = [sys.executable, "-m", "loopline.cli.main", "serve", "--port", "0", "--json", "--folder", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(json.loads(self.process.stdout.readline())["url"].rsplit(":", 1)[1])

    def ask(self, method, path, body=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode())
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def served(project):
    server = Server(project.folder)
    yield server
    server.process.terminate()
    assert server.process.wait(15) == 0
    server.process.stdout.close()


def asked(server, rows):
    status, said = server.ask("POST", "/v1/predict", {"rows": rows})
    assert status == 200, said
    return said["predictions"]


def test_training_batches_and_requests_find_the_same(project, served):
    rows = pl.read_csv(project.folder / "flights.csv").drop("late")
    with open_loop(project.folder) as loop:
        joined = Tables(loop.workspace.lake).read("flights.joined").sort("__row").select(LOOKED_UP).collect()
        batch = loop.score(rows)
        logged = Tables(loop.workspace.lake)
        answers = asked(served, rows.to_dicts())
        loop.run()
        predictions = logged.read("predictions").collect()
    values = [{name: value for one in answer["looked_up"].values() for name, value in one["values"].items()} for answer in answers]
    there = [name for name in LOOKED_UP if name in values[0]]
    assert "temp" in there
    assert [{name: row[name] for name in there} for row in joined.to_dicts()] == [{name: row[name] for name in there} for row in values]
    assert joined["temp"].null_count() > 50
    assert batch["score"].to_list() == [answer["score"] for answer in answers]
    assert predictions.height == 2 * rows.height
    kept = predictions.with_columns(row=pl.col("row").str.json_decode(pl.Struct({"id": pl.Int64, "temp": pl.Float64}))).unnest("row")
    by_id = dict(zip(rows["id"], joined["temp"], strict=True))
    assert all(by_id[id] == temp for id, temp in kept.select("id", "temp").iter_rows())
    assert predictions["looked_up"].null_count() == 0


def test_what_a_run_publishes_the_server_finds_and_what_is_missing_is_told(project, served):
    row = {"id": 5000, "origin": "A", "due": (START + timedelta(hours=24 * 40 + 10)).isoformat()}
    (before,) = asked(served, [row])
    assert before["looked_up"]["weather"] == {"found": False, "as_of": None, "values": {name: None for name in before["looked_up"]["weather"]["values"]}}
    project.write("weather-2.csv", pl.DataFrame({"origin": ["A"], "seen": [START + timedelta(hours=24 * 40 + 7)], "temp": [21.5], "sky": ["sun"]}))
    with open_loop(project.folder) as loop:
        loop.run(until="serve")
        assert len(loop.workspace.ledger.read(kinds=("lookup",))) > 3
    for _ in range(100):
        (after,) = asked(served, [row])
        if after["looked_up"]["weather"]["found"]:
            break
        time.sleep(0.05)
    assert after["looked_up"]["weather"]["values"]["temp"] == 21.5
    assert after["looked_up"]["weather"]["as_of"] == (START + timedelta(hours=24 * 40 + 7)).isoformat() + "Z"
    status, said = served.ask("POST", "/v1/predict", {"rows": [{"id": 1, "due": row["due"]}, {**row, "due": None}]})
    assert (status, [problem["field"] for problem in said["error"]["problems"]]) == (422, ["origin", "due"])
    _, ready = served.ask("GET", "/readyz")
    assert ready["lookups"]["weather"]["rows"] > 100
    _, page = served.ask("GET", "/openapi.json")
    fields = page["components"]["schemas"]["Row"]
    assert "temp" not in fields["required"]
    assert "found for you" in fields["properties"]["temp"]["description"]
