"""From the server's answers to the review: what was served is collected, watched and judged."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection

from tests.journeys.conftest import visits


@contextmanager
def serving(shop):
    """A real server of the shop's champion, and a function that posts to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "loopline.cli.main", "serve", "--port", str(port)], cwd=shop.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )

    def call(path, body=None):
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST" if body is not None else "GET", path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    try:
        for _ in range(200):
            try:
                if call("/readyz")[0] == 200:
                    break
            except OSError:
                pass
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        yield call, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        process.stderr.close()


def asked(rows):
    return {"rows": [{name: value for name, value in row.items() if name != "bought"} for row in rows]}


def stage(status, name):
    return next(one for one in status["stages"] if one["stage"] == name)


def test_served_predictions_and_their_outcomes_reach_the_review(ran):
    first = ran.json("status")
    rows = list(visits(300, seed=5, start="2024-03-01"))
    with serving(ran) as (call, _):
        code, answer = call("/v1/predict", asked(rows))
        assert (code, answer["package"], len(answer["predictions"])) == (200, first["champion"], 300)
        assert {"id", "score", "decision"} <= set(answer["predictions"][0])
        told = [{"id": one["id"], "outcome": row["bought"]} for one, row in zip(answer["predictions"], rows, strict=True)]
        early = {"id": "20240101-00000000-nobody", "outcome": "yes"}
        code, received = call("/v1/outcomes", {"outcomes": [*told, told[0], early, {"id": 7}]})
        problem = {"item": 302, "what": "id: it is the number 7; expected the id of a prediction, as text"}
        assert (code, received) == (200, {"received": 302, "malformed": 1, "problems": [problem]})
        assert "loopline" in call("/metrics")[1]
    status = ran.json("run")
    assert stage(status, "serve")["why"].startswith("300 predictions")
    watched = ran.json("watch", "show")
    assert sum(window["rows"] for window in watched["windows"]) == 300
    value = ran.json("value", "show")
    assert value["realised"]["outcomes"] == 300
    assert value["recommendation"] in ("keep", "retrain", "retire")
    ran("value", "review", "-o", "review.html")
    page = (ran.folder / "review.html").read_text()
    assert "<svg" in page
    assert "no prices yet" in page
    assert ran.json("status")["next"] == "loopline value review"
    again = ran.json("run")
    assert all(one["cached"] for one in again["stages"])


def test_a_wrong_field_is_named(ran):
    (row,) = visits(1, seed=6)
    with serving(ran) as (call, _):
        for wrong, name in [({"pagse": 3}, "pagse"), ({"pages": "many"}, "pages")]:
            code, answer = call("/v1/predict", {"rows": [{**asked([row])["rows"][0], **wrong}]})
            assert code == 422
            assert name in json.dumps(answer)
        missing = asked([row])["rows"][0]
        del missing["source"]
        code, answer = call("/v1/predict", {"rows": [missing]})
        assert code == 422
        assert "source" in json.dumps(answer)


def test_a_killed_server_has_logged_every_answer(ran):
    rows = list(visits(40, seed=7))
    with serving(ran) as (call, process):
        ids = [call("/v1/predict", asked([row]))[1]["predictions"][0]["id"] for row in rows]
        os.kill(process.pid, signal.SIGKILL)
    status = ran.json("run")
    assert len(set(ids)) == 40
    assert stage(status, "serve")["why"].startswith("40 predictions")
