"""A served project for benches: one LightGBM with one-hot encoders inside, Loopline's server over it, and the bare app over the same graph."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import onnx
import polars as pl
import psutil
import yaml
from onnx import TensorProto, helper

from bench.automl import TASKS
from bench.shop import run
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.package import load_manifest
from loopline.model.plan import Plan

DECLARATION = {
    "project": "bank",
    "charter": {"predict": "y", "positive": "yes"},
    "data": {"sources": {"rows": {"path": "rows.csv"}}},
    "model": {"families": ["lightgbm"], "search": {"trials": 1}, "assess": {"refits": False}},
    "release": {"approvals": {}},
}


@dataclass(frozen=True)
class Project:
    """A project that has been run, the body of a request for each of the two servers, and the graph that the bare one takes."""

    folder: Path
    package: str
    ours: Path
    bare: Path
    graph: Path


def make(folder: Path, frame: pl.DataFrame | None = None) -> Project:
    """A project over the bank's table, or another with the column ``y``, run to its release."""
    folder.mkdir(parents=True)
    rows = TASKS[0].frame() if frame is None else frame
    rows.write_csv(folder / "rows.csv")
    (folder / "loopline.yaml").write_text(yaml.safe_dump(DECLARATION))
    run(folder)
    said = json.loads(subprocess.run(command(folder, "status"), check=True, capture_output=True, text=True).stdout)
    row = rows.drop("y").row(0, named=True)
    project = Project(folder, said["champion"], folder / "ours.json", folder / "bare.json", folder / "model.onnx")
    blobs = Blobs(Lake(str(folder / ".loopline" / "lake")))
    files = load_manifest(blobs, project.package)["files"]
    signature = json.loads(blobs.get(files["signature.json"]))
    needed = {column["name"] for column in signature["columns"] if column["needed"]}
    project.ours.write_text(json.dumps({"rows": [{name: value for name, value in row.items() if name in needed}]}))
    project.bare.write_text(json.dumps({name: value for name, value in row.items() if name in needed}))
    project.graph.write_bytes(by_columns(blobs.get(files["model.onnx"]), Plan.of_json(signature)))
    return project


def by_columns(graph: bytes, plan: Plan) -> bytes:
    """The same graph with an input for each column, as converters of scikit-learn's pipelines make it."""
    model = onnx.load_model_from_string(graph)
    texts = [name for (name,) in plan.keys]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in plan.numbers]
    inputs += [helper.make_tensor_value_info(name, TensorProto.STRING, [None, 1]) for name in texts]
    joined = [helper.make_node("Concat", list(names), [whole], axis=1) for names, whole in ((plan.numbers, "numbers"), (texts, "categories")) if names]
    nodes = [*joined, *model.graph.node]
    made = helper.make_graph(nodes, "bare", inputs, list(model.graph.output), list(model.graph.initializer))
    whole = helper.make_model(made, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    written: bytes = whole.SerializeToString()
    return written


def command(folder: Path, *words: str) -> list[str]:
    """The words that call `loopline` for a folder, as a process that answers in JSON."""
    return [sys.executable, "-m", "loopline.cli.main", *words, "--folder", str(folder), "--json"]


class Server:
    """A server at work, with all its processes.

    Parameters
    ----------
    ready_s
        Seconds from its start until it was ready.
    """

    def __init__(self, words: Sequence[str], port: int, path: str, body: Path, environment: Mapping[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}{path}"
        self.port = port
        self._body = body
        since = time.perf_counter()
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
        self._wait(path)
        self.ready_s = time.perf_counter() - since

    def _wait(self, path: str) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
                    connection.request("POST", path, self._body.read_bytes(), {"content-type": "application/json"})
                    if connection.getresponse().status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError("the server was not ready after a minute")

    def cpu_s(self) -> float:
        """Processor seconds of all its processes so far."""
        return float(sum(sum(one.cpu_times()[:2]) for one in self._family()))

    def resident_mb(self) -> float:
        """Resident memory of all its processes."""
        return float(sum(one.memory_info().rss for one in self._family())) / 1e6

    def _family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def load(self, *, seconds: float, connections: int = 16) -> dict[str, Any]:
        """What came of some seconds of load, with ``cpu_ms`` a request of the server and ``per_s``."""
        before = self.cpu_s()
        words = [sys.executable, "-m", "bench.load", self.url, str(self._body), "--seconds", str(seconds), "--connections", str(connections)]
        said: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout)
        requests = max(1, said["requests"])
        return {**said, "cpu_ms": 1000 * (self.cpu_s() - before) / requests, "per_s": said["requests"] / said["seconds"]}


@contextmanager
def serving(project: Project, **serve: Any) -> Iterator[Server]:
    """Loopline's server over a project, with what its declaration says of serving."""
    (project.folder / "loopline.yaml").write_text(yaml.safe_dump({**DECLARATION, "serve": serve} if serve else DECLARATION))
    port = free_port()
    words = command(project.folder, "serve", "--port", str(port))
    yield from _ended(Server(words, port, "/v1/predict", project.ours, {}))


@contextmanager
def bare(project: Project) -> Iterator[Server]:
    """The bare app over the same graph."""
    port = free_port()
    words = [sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    yield from _ended(Server(words, port, "/predict", project.bare, {"MODEL": str(project.graph), "OMP_NUM_THREADS": "1"}))


def _ended(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
