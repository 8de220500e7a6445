"""Trials and packages logged to MLflow: the requests made to a server, nothing twice, and no run that fails for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from loopline.model.candidates import Trial
from loopline.model.tracking import KEY, STUDY, Run, log, of_search
from tests.model.conftest import Made

TRIAL = Trial(
    family="linear",
    params={"strength": 0.5},
    settled={},
    value=1.0,
    worth=2.0,
    loss=0.4,
    metrics={"roc_auc": 0.8, "precision": None},
    policy={},
    blocks=(),
    seconds=1.5,
)
FAILED = Trial.unfitted("lightgbm", {}, "all", 0.1, "it ran out of memory")


class Server(HTTPServer):
    """Keeps what it is asked, and answers as MLflow does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.runs: dict[str, dict[str, str]] = {}
        self.headers: list[str | None] = []
        self.breaks_at = ""

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        if self.breaks_at and self.breaks_at in path:
            return 500, {}
        if "get-by-name" in path:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}
        if path.endswith("experiments/create"):
            return 200, {"experiment_id": "7"}
        if path.endswith("runs/search"):
            return 200, {"runs": [{"data": {"tags": [{"key": name, "value": value} for name, value in tags.items()]}} for tags in self.runs.values()]}
        if path.endswith("runs/create"):
            name = f"run{len(self.runs)}"
            self.runs[name] = {tag["key"]: tag["value"] for tag in body["tags"]}
            return 200, {"run": {"info": {"run_id": name, "artifact_uri": f"mlflow-artifacts:/7/{name}/artifacts"}}}
        if path.endswith("runs/set-tag"):
            self.runs[body["run_id"]][body["key"]] = body["value"]
        return 200, {}


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _do(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if "json" in (self.headers.get("Content-Type") or "") and data else data
        self.server.asked.append((self.command, self.path, body))
        self.server.headers.append(self.headers.get("Authorization"))
        status, said = self.server.answer(self.path, body)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    do_GET = do_POST = do_PUT = _do

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def logged(runs: list[Run], uri: str, **more: str) -> tuple[int, list[str]]:
    said: list[str] = []
    return log(runs, project="shop", say=said.append, environment={"MLFLOW_TRACKING_URI": uri, **more}), said


def test_each_trial_and_the_package_are_a_run(made: Made, server: Server) -> None:
    runs = of_search("s1", [TRIAL, FAILED], made.package, best=TRIAL.key)
    assert logged(runs, server.uri) == (3, [])
    created = [body for _, path, body in server.asked if path.endswith("runs/create")]
    batches = [body for _, path, body in server.asked if path.endswith("log-batch")]
    assert [body["experiment_id"] for body in created] == ["7"] * 3
    assert {"key": "strength", "value": "0.5"} in batches[0]["params"]
    assert {one["key"]: one["value"] for one in batches[0]["metrics"]} == {"roc_auc": 0.8, "worth": 2.0, "seconds": 1.5, "effort": 1.0}
    assert [body["status"] for _, path, body in server.asked if path.endswith("runs/update")] == ["FINISHED", "FAILED", "FINISHED"]
    assert server.runs["run2"]["loopline.package"] == made.package.digest
    assert server.runs["run2"]["mlflow.note.content"].startswith("# p: predicts y")
    uploaded = {path: body for method, path, body in server.asked if method == "PUT"}
    assert uploaded["/api/2.0/mlflow-artifacts/artifacts/7/run2/artifacts/card.html"].startswith(b"<!doctype html>")
    assert {one["key"] for one in batches[2]["metrics"]} >= {"worth.per_decision", "worth.gain"}
    assert all(tags[STUDY] == "s1" and KEY in tags for tags in server.runs.values())


def test_what_is_there_is_not_logged_twice(made: Made, server: Server) -> None:
    runs = of_search("s1", [TRIAL, FAILED], made.package, best=TRIAL.key)
    assert logged(runs[:1], server.uri)[0] == 1
    assert logged(runs, server.uri)[0] == 2
    assert logged(runs, server.uri)[0] == 0


def test_a_server_that_breaks_is_said_in_one_line_and_what_was_half_logged_is_logged_again(made: Made, server: Server) -> None:
    runs = of_search("s1", [TRIAL], made.package, best=TRIAL.key)
    server.breaks_at = "log-batch"
    done, (line,) = logged(runs, server.uri)
    assert done == 0 and "took 0 of 2 runs: it answered 500" in line and "\n" not in line
    server.breaks_at = ""
    assert logged(runs, server.uri) == (2, [])


def test_a_server_that_is_away_is_said_and_no_password_is(made: Made) -> None:
    done, (line,) = logged(of_search("s1", [TRIAL], made.package, best=TRIAL.key), "http://ann:hunter2@127.0.0.1:9")
    assert done == 0 and "hunter2" not in line


def test_it_says_who_asks(server: Server) -> None:
    logged([], server.uri, MLFLOW_TRACKING_TOKEN="t0")
    logged([], server.uri, MLFLOW_TRACKING_USERNAME="ann", MLFLOW_TRACKING_PASSWORD="secret")
    assert set(server.headers) == {"Bearer t0", "Basic YW5uOnNlY3JldA=="}


def test_without_an_address_nothing_is_done() -> None:
    assert log([], project="p", say=print, environment={}) == 0


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="mlflow is installed")
def test_a_database_needs_the_library(made: Made, tmp_path: Path) -> None:
    done, (line,) = logged(of_search("s1", [TRIAL], made.package, best=TRIAL.key), f"sqlite:///{tmp_path}/mlflow.db")
    assert done == 0 and "pip install mlflow" in line


@pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed: it is no dependency, for its size")
def test_the_library_logs_to_a_database(made: Made, tmp_path: Path) -> None:
    runs = of_search("s1", [TRIAL], made.package, best=TRIAL.key)
    assert logged(runs, f"sqlite:///{tmp_path}/mlflow.db") == (2, [])
    assert logged(runs, f"sqlite:///{tmp_path}/mlflow.db") == (0, [])
