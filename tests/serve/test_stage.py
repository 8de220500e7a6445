"""The stage's door: light, and it hands on what the step found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from loopline.ledger.entry import Draft, now
from loopline.ledger.spend import BEGAN, ENDED, USAGE
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.serve.log import Log
from loopline.serve.spec import ServeSpec
from loopline.serve.stage import following, listed, steps
from loopline.workspace import Ask


def test_the_stage_returns_the_steps_facts(tmp_path):
    told = steps(ServeSpec(), Ask(project="p", folder=tmp_path, state=State(), facts={}), log_folder=tmp_path / "log")
    next(told)
    with pytest.raises(StopIteration) as end:
        told.send({"says": "nothing served yet"})
    assert end.value.value == {"says": "nothing served yet"}


def test_what_comes_after_the_listing_is_left_for_the_next_run(tmp_path):
    with Log(tmp_path) as log:
        log.append("predictions", b"{}\n").result(timeout=5)
        before = listed(tmp_path)
        log.append("predictions", b"{}\n").result(timeout=5)
    ask = Ask(project="p", folder=tmp_path, state=State(), facts={})
    assert next(steps(ServeSpec(), ask, log_folder=tmp_path, segments=before)).inputs["segments"] == before
    assert next(steps(ServeSpec(), ask, log_folder=tmp_path)).inputs["segments"] == listed(tmp_path) != before


def test_nobody_is_sent_to_serve_while_a_server_waits_for_requests(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as ledger:
        nexts = [following(State(), ledger, now())]
        for state in (BEGAN, ENDED):
            ledger.append(Draft(kind=USAGE, subject="serve", body={"server": "a", "state": state}))
            nexts.append(following(State(), ledger, now()))
    assert nexts == ["loopline serve", "loopline value review", "loopline serve"]


def test_importing_it_loads_nothing_heavy():
    heavy = {"polars", "duckdb", "sklearn", "onnxruntime", "deltalake", "altair", "numpy", "starlette", "uvicorn"}
    program = "import sys, loopline.serve.stage; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert heavy.isdisjoint(loaded)
