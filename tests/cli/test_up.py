"""`loopline up` as a real process: it serves and takes turns, starts anew what dies, and ends all in order."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from loopline.lake.place import Lake
from loopline.ledger.store import Ledger
from loopline.serve.segments import listing
from tests.cli.deciding import DECLARATION, loopline, make_project, refused
from tests.serve.packages import ROW


class Up:
    """The command over a project that decides already, whose lines are read as they come."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] = loopline(folder, "up", "--port", 0, "--pages-port", 0, "--poll", "0.2s", "--json", *words)
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.begun = self.wait("up")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def wait(self, event: str, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """The next line about something; others are passed over."""
        until = time.monotonic() + timeout_s
        while True:
            said: dict[str, Any] = json.loads(self._lines.get(timeout=max(0.0, until - time.monotonic())))
            if said["event"] == event:
                return said

    def predict(self) -> int:
        connection = http.client.HTTPConnection(self.begun["server"]["url"].removeprefix("http://"), timeout=20)
        try:
            connection.request("POST", "/v1/predict", json.dumps({"rows": [ROW]}))
            return connection.getresponse().status
        finally:
            connection.close()

    def page(self) -> int:
        url = urlsplit(self.begun["pages"]["url"])
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        try:
            connection.request("GET", f"{url.path}work")
            return connection.getresponse().status
        finally:
            connection.close()

    def again(self, asked: Callable[[], int], *, timeout_s: float = 60.0) -> bool:
        """Whether it answers; a connection to a process that was just killed may be broken off."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            try:
                return asked() == 200
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
        return False

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        code = self.process.wait(60)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(30)
        assert self.process.stderr is not None and self.process.stdout is not None
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_project(tmp_path)
    return tmp_path


@pytest.fixture
def up(folder: Path) -> Iterator[Up]:
    made = Up(folder)
    yield made
    made.close()


def test_it_serves_takes_turns_starts_anew_what_dies_and_ends_in_order(up: Up) -> None:
    pids = up.begun["pids"]
    children = [psutil.Process(pid) for pid in (*pids["server"], pids["turns"], pids["pages"])]
    assert {child.ppid() for child in children} == {pids["up"]} == {up.process.pid}
    assert up.predict() == 200
    assert up.page() == 200
    # There are no rows yet: the turn says so, and the server goes on.
    first = up.wait("turn")
    assert (first["turn"], first["state"], first["why"]) == (1, "failed", ["the first"])
    os.kill(pids["server"][0], signal.SIGKILL)
    assert up.wait("died") == {"event": "died", "part": "worker", "pid": pids["server"][0], "code": -9}
    assert up.again(up.predict)
    os.kill(pids["pages"], signal.SIGKILL)
    assert up.wait("died")["part"] == "pages"
    assert up.again(up.page)
    os.kill(pids["turns"], signal.SIGKILL)
    assert up.wait("died")["part"] == "turns"
    assert up.wait("turn")["why"] == ["the first"]
    alive = psutil.Process(up.process.pid).children(recursive=True)
    code, said = up.end(signal.SIGTERM)
    assert (code, said) == (0, "")
    assert up.wait("ending") and up.wait("ended")
    _, left = psutil.wait_procs(alive, timeout=10)
    assert not left
    assert listing(Lake(str(up.folder / ".loopline" / "lake"), project="p").log, "predictions")
    with Ledger.open(f"sqlite:///{up.folder}/.loopline/ledger.db", "p") as ledger:
        assert {entry.body["state"] for entry in ledger.read(kinds=("turn",))} == {"failed"}
        used = ledger.read(kinds=("usage",))[-1].body
        # The port was chosen by the command, so that no declaration tells it.
        assert used["requests"] >= 1 and (used["url"], used["machine"]) == (up.begun["server"]["url"], socket.gethostname())


def test_a_second_signal_ends_all_at_once(up: Up) -> None:
    alive = psutil.Process(up.process.pid).children(recursive=True)
    server = psutil.Process(up.begun["pids"]["server"][0])
    # A worker that cannot answer the signal would be waited for.
    server.suspend()
    up.process.send_signal(signal.SIGINT)
    assert up.wait("ending")
    since = time.monotonic()
    code, said = up.end(signal.SIGINT)
    assert code == 130 and "stopped; what was done is kept" in said
    assert time.monotonic() - since < 20
    _, left = psutil.wait_procs(alive, timeout=10)
    assert not left


def test_a_project_that_never_ran_can_be_begun_and_all_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    up = Up(tmp_path)
    try:
        assert (up.begun["server"]["package"], up.predict(), up.page()) == (None, 503, 200)
        children = psutil.Process(up.process.pid).children(recursive=True)
        up.process.kill()
        _, left = psutil.wait_procs(children, timeout=30)
        assert not left
    finally:
        up.close()


def test_what_cannot_begin_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(tmp_path, "up", "--port", 0, "--pages-port", taken.getsockname()[1])
        assert "of the pages, the port is in use" in said and "--no-pages" in said
    assert "nobody has a token yet" in refused(tmp_path, "up", "--host", "0.0.0.0")
