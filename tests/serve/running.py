"""A server as a process of its own, over a ledger and a lake in a folder."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from tests.signing import vouch

_PROGRAM = """
import sys
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.store import Ledger
from loopline.serve.app import Service, build
from loopline.serve.champion import Champion
from loopline.serve.log import Log
from loopline.serve.server import bind, run, url_of
from loopline.serve.spec import ServeSpec

ledger, lake, spec = Ledger.open(sys.argv[1], "p"), Lake(sys.argv[2]), ServeSpec.model_validate_json(sys.argv[3])
listener = bind("127.0.0.1", 0)
service = Service("p", spec, Log(lake.log, mode=spec.log), Champion.of(ledger, lake))
print(url_of(listener), flush=True)
run(build(service), listener, spec.limits)
print("ended " + " ".join(sorted({name.split(".")[0] for name in sys.modules})), flush=True)
"""


class Served:
    """A workspace in a folder, and a server over it."""

    def __init__(self, folder: Path, *, log: str = "durable", **limits: Any) -> None:
        self.lake = Lake(str(folder / "lake"))
        self.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", "p")
        self._spec = json.dumps({"log": log, "limits": limits})
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def promote(self, package: str) -> None:
        """Make a package the champion."""
        if Blobs(self.lake).exists(package):
            vouch(self.ledger, Blobs(self.lake), package)
        self.ledger.append(Draft(kind="champion", subject=package, body={"why": "a test", "previous": None}))

    def start(self) -> Served:
        arguments = [sys.executable, "-W", "error", "-c", _PROGRAM, self.ledger.url, self.lake.url, self._spec]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), self._process.communicate()
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, method: str, path: str, body: object = None, *, raw: bytes | None = None) -> tuple[int, Any]:
        """The status and the JSON (else the text) of an answer."""
        connection = self.connection()
        try:
            connection.request(method, path, raw if raw is not None else json.dumps(body).encode() if body is not None else None)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, json.loads(text) if response.getheader("content-type") == "application/json" else text
        finally:
            connection.close()

    def wait_for(self, package: str | None, *, seconds: float = 15.0) -> None:
        """Wait until the server answers with a package; with None, until it takes connections."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                status, said = self.ask("GET", "/readyz")
            except OSError:
                time.sleep(0.02)
                continue
            if package is None or (status == 200 and said["package"] == package):
                return
            time.sleep(0.02)
        raise AssertionError(f"the server was not ready after {seconds} s")

    def stop(self) -> tuple[int, str, str]:
        """End it in order: its exit code and what it printed."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=15)
        return self.process.returncode, out, err

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        if self._process is not None:
            for pipe in (self._process.stdout, self._process.stderr):
                assert pipe is not None
                pipe.close()
        self.ledger.close()
