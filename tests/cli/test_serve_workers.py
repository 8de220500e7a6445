"""Several workers on one port: one that dies is replaced, what they count is told together, and all end in order."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time

import psutil
import pytest

from loopline.lake.place import Lake
from loopline.serve.segments import listing, records
from tests.cli.deciding import loopline, make_project, refused
from tests.serve.packages import ROW


class Running:
    """`loopline serve` over a project with two workers."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.process = loopline(folder, "serve", "--port", 0, "--workers", 2, "--json", *words)
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.said = json.loads(line)
        self.host = self.said["url"].removeprefix("http://")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def workers(self):
        """The workers that are alive; multiprocessing has a process of its own beside them."""
        alive = [child for child in psutil.Process(self.process.pid).children() if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in alive if any("spawn_main" in word for word in child.cmdline())]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        out, err = self.process.communicate(timeout=40)
        return self.process.returncode, out, err


@pytest.fixture
def running(tmp_path):
    make_project(tmp_path)
    made = Running(tmp_path)
    yield made
    made.close()


def counted(text, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_each_has_segments_of_its_own_and_what_they_count_is_told_together(running):
    assert running.said["workers"] == 2
    for _ in range(40):
        assert running.ask("POST", "/v1/predict", {"rows": [ROW]})[0] == 200
    log = Lake(str(running.folder / ".loopline" / "lake"), project="p").log
    assert len(listing(log, "predictions")) == 2
    text = running.ask("GET", "/metrics")[1]
    assert counted(text, "loopline_rows_total") == 40
    assert counted(text, "loopline_package_info") == 1
    assert 0 < counted(text, "loopline_log_free_bytes") <= counted(text, "loopline_log_disk_bytes")
    code, _, err = running.close()
    assert (code, err) == (0, "")


def test_one_that_is_killed_under_load_is_replaced_and_every_answer_is_in_the_log(running):
    ids, done = [], threading.Event()

    def client():
        while not done.is_set():
            try:
                status, text = running.ask("POST", "/v1/predict", {"rows": [ROW]})
            except (OSError, http.client.HTTPException):
                continue
            assert status == 200
            ids.append(json.loads(text)["predictions"][0]["id"])

    threads = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    first, second = running.workers()
    time.sleep(0.3)
    os.kill(first.pid, signal.SIGKILL)
    until = time.monotonic() + 20
    while len([one for one in running.workers() if one.pid != first.pid]) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join()
    assert second.pid in {one.pid for one in running.workers()}
    logged = {
        json.loads(line)["id"] for part in records(Lake(str(running.folder / ".loopline" / "lake"), project="p").log, "predictions") for line in part.lines
    }
    assert len(ids) > 10
    assert set(ids) <= logged
    assert running.close()[0] == 0


def test_workers_end_with_their_parent(running):
    workers = running.workers()
    running.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert not alive


def test_a_port_in_use_is_said_although_workers_share_one(running):
    port = running.host.rsplit(":", 1)[1]
    assert "the port is in use" in refused(running.folder, "serve", "--port", port, "--workers", 2)


def test_workers_that_cannot_start_say_why_in_one_line(tmp_path):
    make_project(tmp_path)
    (tmp_path / ".loopline" / "lake" / "log").write_text("a file where the folder should be")
    assert "the prediction log cannot be written" in refused(tmp_path, "serve", "--port", 0, "--workers", 2)
