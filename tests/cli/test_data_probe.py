"""``loopline data probe``: figures are kept and compared; `run` says when they have become worse, and when a step waits for storage."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.shop import make
from loopline.cli.main import command
from loopline.engine.local import LocalEngine
from loopline.engine.step import Facts
from loopline.errors import Mistake
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop

QUICK = ("--size", "1", "--seconds", "0.2", "--depth", "2")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("probe") / "shop", rows=40)


def called(*words: str, code: int = 0) -> str:
    ended = CliRunner().invoke(command, words, catch_exceptions=False)
    assert ended.exit_code == code, ended.output
    return ended.stdout


class Said:
    """Progress that is kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        """Nothing."""


def test_probes_are_kept_compared_and_told_by_run(shop: Path) -> None:
    folder = ("--folder", str(shop))
    with pytest.raises(Mistake, match="there is no probe yet; loopline data probe"):
        CliRunner().invoke(command, ["data", "probe", "--history", *folder], catch_exceptions=False)
    data = json.loads(called("data", "probe", "--json", *QUICK, *folder))
    (place,) = data["places"]
    assert place["for"] == ["lake", "ledger", "log", "source visits"] and len(place["measures"]) == 9
    text = called("data", "probe", *QUICK, *folder)
    assert "random read, 4 KiB, depth 2" in text and "next: loopline data probe --history" in text
    with open_loop(shop) as loop:
        kept = loop.workspace.ledger.read(kinds=("probe",))
        assert [entry.subject for entry in kept] == [place["place"]] * 2 and kept[0].id == place["entry"]
        assert not [path for path in shop.rglob("*probe*") if path.is_file()]
        for times in (1, 1, 1, 1, 3):
            slower = [{**one, "p50_us": times * one["p50_us"]} for one in place["measures"]]
            loop.workspace.ledger.append(Draft(kind="probe", subject=place["place"], body={**kept[0].body, "measures": slower}))
        said = Said()
        loop.run(until="charter", progress=said)
    assert "times worse than it was" in said.lines[0] and said.lines[0].endswith("see: loopline data probe --history")
    shown = json.loads(called("data", "probe", "--history", "--json", *folder))
    assert len(shown["figures"]) == 9 and any(figure["worse"] for figure in shown["figures"]) and shown["figures"][0]["probes"] == 7
    assert "worse" in called("data", "probe", "--history", *folder)


def test_a_step_says_what_its_time_went_to(shop: Path) -> None:
    with open_loop(shop) as loop:
        loop.run(until="charter", fresh="charter")
        io = [entry.body["io"] for entry in loop.workspace.ledger.read(kinds=("step",)) if entry.body["state"] == "succeeded"][-1]
    assert set(io) == {"wall_s", "cpu_s", "waited_s", "read_bytes", "written_bytes", "how", "calls"}


class Slow(LocalEngine):
    """Waits before it works."""

    def run(self, function: str, job: Any) -> Facts:
        time.sleep(1.5)
        return super().run(function, job)


def test_run_says_that_a_step_waits_for_storage_more_than_it_computes(shop: Path, tmp_path: Path) -> None:
    said = Said()
    with open_loop(shop) as loop:
        # Over the network no device counts the bytes: all that is not computing may be waiting.
        loop.workspace = replace(loop.workspace, lake=Lake("s3://none/such", spool=tmp_path), engine=Slow(1))
        loop.run(until="charter", fresh="charter", progress=said)
    (line,) = [line for line in said.lines if "waited for storage" in line]
    assert line.startswith("charter, study: it waited for storage up to 1.") and line.endswith("; see how quick the storage is: loopline data probe")


def test_outside_a_project_a_place_can_be_probed_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(called("data", "probe", "--place", ".", "--json", *QUICK))
    assert (data["places"][0]["place"], data["places"][0]["entry"], data["next"]) == (str(tmp_path.resolve()), None, "")
    assert os.listdir(tmp_path) == []
    with pytest.raises(Mistake, match="there is no such folder"):
        CliRunner().invoke(command, ["data", "probe", "--place", "none"], catch_exceptions=False)


def test_one_place_that_cannot_be_probed_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = json.loads(called("data", "probe", "--place", "none", "--place", ".", "--json", *QUICK, code=2))
    assert len(data["places"]) == 1 and "there is no such folder" in data["failed"][0]
