"""A real project that has lived: what must stay is read after house-keeping, what may go is gone, and killed in between it goes on."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from bench.shop import make
from loopline.cli.main import command
from loopline.engine.step import Silence
from loopline.errors import Mistake
from loopline.housekeeping.gc import alone, free, plan
from loopline.housekeeping.spec import KeepSpec
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.lake.vacuum import require_readable
from loopline.ledger.entry import Draft, now
from loopline.ledger.store import Ledger
from loopline.loop import Loop, open_loop
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.serve.log import Log

AT_ONCE = KeepSpec.model_validate(dict.fromkeys(("versions", "logs", "trials", "blobs"), "0s"))
TOMORROW = timedelta(days=1, minutes=10)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with four packages and as many states of its table: the first decided, the second decides, the third never did, the last is newest."""
    folder = make(tmp_path_factory.mktemp("lived") / "shop", rows=300)
    declaration = folder / "loopline.yaml"
    text = declaration.read_text().replace("families: [linear, lightgbm]", "families: [linear]").replace("trials: 4", "trials: 1")
    declaration.write_text(f"{text}release: {{latency_ms: 1000}}\n")
    second = folder / "deliveries" / "1.csv"
    lines = second.read_text().splitlines(keepends=True)
    with open_loop(folder) as loop:
        assert loop.run().champion is not None
        loop.score(rows(folder))
    for cut in (3, 2, 1):
        second.write_text("".join(lines[:-cut]))
        with open_loop(folder) as loop:
            loop.run()
    with open_loop(folder) as loop:
        Blobs(loop.workspace.lake).put(b"nobody names this")
        half = loop.workspace.lake.folder / "blobs" / "aa" / ".name.1.0.staged"
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(b"half")
    return folder


def rows(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "deliveries" / "0.csv").head(3)


@pytest.fixture
def shop(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "shop"))


def packages(loop: Loop) -> list[str]:
    return list(loop.state().packages)


def facts(loop: Loop, package: str) -> Mapping[str, Any]:
    found = [entry.body["facts"] for entry in loop.state().succeeded.values() if entry.body["name"] == "search"]
    return next(one for one in found if one["package"] == package)


def blobs_of(loop: Loop) -> set[str]:
    return {blob.digest for blob in Blobs(loop.workspace.lake).listed()}


def learned_from(loop: Loop, package: str) -> int:
    """The version of the table that a package learned from."""
    (look,) = loop.workspace.ledger.read(kinds=("look",), subject=facts(loop, package)["study"])
    return int(look.body["table"]["version"])


def test_what_must_stay_is_read_afterwards_and_what_may_go_is_gone(shop: Path) -> None:
    with open_loop(shop) as loop:
        lake, tables = loop.workspace.lake, Tables(loop.workspace.lake)
        first, champion, never, last = packages(loop)
        assert [entry.subject for entry in loop.state().champions] == [first, champion]
        learned = {package: learned_from(loop, package) for package in (first, champion, last)}
        evidence = [facts(loop, package)["evidence"] for package in learned]
        before = {version: tables.read("visits", version=version).sort("visit").collect() for version in learned.values()}
        lost = learned_from(loop, never)
        with alone(loop.workspace.ledger):
            planned = plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence())
            entry = free(loop.workspace, planned, keep=AT_ONCE, by="ann", progress=Silence())
        assert entry is not None and entry.actor == "ann" and all(part["count"] for part in entry.body["freed"].values()), entry
        # What must stay.
        for package in learned:
            load(Blobs(lake), package, Trust.of(loop.workspace.ledger))
        assert all(pl.read_parquet(io.BytesIO(Blobs(lake).get(digest))).height for digest in evidence)
        for version, frame in before.items():
            require_readable(lake, "visits", version)
            assert tables.read("visits", version=version).sort("visit").collect().equals(frame)
        assert tables.read("predictions").collect().height == 3
        # What may go.
        with pytest.raises(Mistake, match="there is no blob"):
            load(Blobs(lake), never, Trust.of(loop.workspace.ledger))
        with pytest.raises(Mistake, match="has been freed"):
            require_readable(lake, "visits", lost)
        assert not [*lake.log.rglob("*.jsonl")] and not [*lake.folder.rglob("*.staged")]
        assert plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence()).is_empty
        assert loop.workspace.ledger.verify().intact
    with open_loop(shop) as loop:
        assert [stage.state for stage in loop.run().stages] == ["done"] * 7


def test_a_step_whose_results_went_is_computed_again(shop: Path) -> None:
    with open_loop(shop) as loop:
        never = packages(loop)[2]
        done = next(entry for entry in loop.state().succeeded.values() if entry.body["name"] == "search" and entry.body["facts"]["package"] == never)
        with alone(loop.workspace.ledger):
            free(loop.workspace, plan(loop.workspace, AT_ONCE, now=now(), progress=Silence()), keep=AT_ONCE, by="ann", progress=Silence())
        assert done.key not in loop.state().succeeded
        assert loop.state().champion in {entry.body["facts"].get("package") for entry in loop.state().succeeded.values()}


def test_by_default_nothing_young_goes_and_each_kind_has_its_time(shop: Path) -> None:
    with open_loop(shop) as loop:
        moments = {days: plan(loop.workspace, KeepSpec(), now=now() + timedelta(days=days), progress=Silence()).freed for days in (0, 8, 31, 91)}
    gone = {days: {kind for kind, part in freed.items() if part["count"]} - {"leftovers"} for days, freed in moments.items()}
    assert gone == {0: set(), 8: {"blobs"}, 31: {"blobs", "versions"}, 91: {"blobs", "versions", "trials", "logs"}}


def test_what_the_log_has_not_given_to_its_table_stays(shop: Path) -> None:
    with open_loop(shop) as loop:
        with Log(loop.workspace.lake.log, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as log:
            log.append("outcomes", b'{"id": "x", "outcome": "yes", "time": "2026-01-01T00:00:00Z"}\n').result()
        planned = plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence())
        assert {segment.kind for segment in planned.segments} == {"predictions"}


@pytest.mark.parametrize("moment", [1, 7])
def test_killed_in_between_the_same_command_goes_on(shop: Path, moment: int) -> None:
    code = """
import os, signal, sys
from datetime import timedelta
from loopline.engine.step import Silence
from loopline.housekeeping.gc import alone, free, plan
from loopline.ledger.entry import Draft, now
from loopline.loop import open_loop
from tests.housekeeping.test_gc import AT_ONCE, TOMORROW
class Killer(Silence):
    def at(self, done, total=None, *, unit="", note=""):
        if done == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
with open_loop(sys.argv[1]) as loop, alone(loop.workspace.ledger):
    free(loop.workspace, plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Killer()), keep=AT_ONCE, by="ann", progress=Killer())
"""
    with open_loop(shop) as loop:
        whole = plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence())
    killed = subprocess.run([sys.executable, "-c", code, str(shop), str(moment)], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    with open_loop(shop) as loop:
        steps = loop.workspace.ledger.read(kinds=("gc",))[0].body["steps"]
        assert steps and not set(steps) & set(loop.state().succeeded)
        with alone(loop.workspace.ledger):
            rest = plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence())
            free(loop.workspace, rest, keep=AT_ONCE, by="ann", progress=Silence())
        counts = [sum(part["count"] for part in one.freed.values()) for one in (whole, rest)]
        assert 0 < counts[1] <= counts[0] - moment
        assert {blob.digest for blob in (*whole.trials, *whole.blobs)}.isdisjoint(blobs_of(loop))
        load(Blobs(loop.workspace.lake), str(loop.state().champion), Trust.of(loop.workspace.ledger))
        assert loop.run().stages[-1].state == "done"


def test_blobs_of_a_lake_that_is_shared_with_a_stranger_stay(shop: Path) -> None:
    with open_loop(shop) as loop:
        (loop.workspace.lake.folder / "tables" / "stranger").mkdir()
        planned = plan(loop.workspace, AT_ONCE, now=now() + TOMORROW, progress=Silence())
        assert not planned.trials and not planned.blobs and not planned.steps and planned.tables and planned.segments
        assert planned.held_back == ("blobs: the lake is shared with stranger, whose ledger is another one",)


def test_while_another_project_of_the_ledger_runs_nothing_is_freed(shop: Path) -> None:
    with open_loop(shop) as loop, loop.workspace.ledger.beside("other").lease():
        with Ledger.open(loop.project.ledger_url, "other") as other:
            other.append(Draft(kind="question"))
        with pytest.raises(Mistake, match="is already running project 'other'"), alone(loop.workspace.ledger):
            raise AssertionError("two hold it")


def test_the_command_says_what_it_frees(shop: Path) -> None:
    spans = [word for name in ("versions", "logs", "trials", "blobs") for word in (f"--keep-{name}", "0s")]
    words = ["gc", "--folder", str(shop), "--by", "ann", *spans]
    dry = json.loads(CliRunner().invoke(command, [*words, "--dry-run", "--json"], catch_exceptions=False).stdout)
    assert dry["dry_run"] and dry["entry"] is None and dry["freed"]["versions"]["count"] == sum(one["files"] for one in dry["tables"].values()) > 0
    shown = CliRunner().invoke(command, [*words, "--dry-run"], catch_exceptions=False).stdout
    assert "would be freed" in shown and "table visits: " in shown and shown.rstrip().endswith("next: loopline gc")
    done = json.loads(CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False).stdout)
    assert done["freed"] == dry["freed"] and done["entry"]
    assert "nothing may go" in CliRunner().invoke(command, words, catch_exceptions=False).stdout
    with open_loop(shop) as loop:
        assert [entry.body["state"] for entry in loop.workspace.ledger.read(kinds=("gc",))] == ["begun", "done"]
    with pytest.raises(Mistake, match="--keep-logs: 'soon' is not a span"):
        CliRunner().invoke(command, [*words, "--keep-logs", "soon"], catch_exceptions=False)
