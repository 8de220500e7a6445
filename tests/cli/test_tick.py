"""Turn after turn: with a clock and a loop that tests make, and as a real process that watches a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from click.testing import CliRunner

from bench.shop import command
from loopline.cli.main import command as root
from loopline.cli.turns import LONGEST_RETRY_S, Turns, retry_s
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import LoopStatus, open_loop
from loopline.story import StageStatus
from tests.calling import call
from tests.cli.deciding import DECLARATION as DECIDING
from tests.cli.deciding import make_project
from tests.receivers import web_server

DECLARED = """\
project: shop
charter: {predict: bought, positive: "yes"}
data:
  sources:
    visits: {watch: inbox, key: id, schedule: "30 * * * *"}
"""
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


def visits(first: int, last: int) -> str:
    return "id,pages,bought\n" + "".join(f"{number},{number % 9},{'yes' if number % 3 else 'no'}\n" for number in range(first, last + 1))


def status(error: LooplineError | None = None, waiting_for: str | None = None) -> LoopStatus:
    stage = StageStatus("data", "done", False, 0.1, "5 of 5 rows accepted", None)
    return LoopStatus("shop", (stage,), None, waiting_for, "loopline run", error)


class Scene:
    """A project whose clock and loop a test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.result, self.ran = folder, NOON, status(), 0
        (folder / "inbox").mkdir()
        (folder / "loopline.yaml").write_text(DECLARED)
        self.raises: Exception | None = None
        self.turns = Turns(folder, every=timedelta(hours=3), run=self._run, clock=lambda: self.now)

    def _run(self, folder: Path, until: str | None) -> LoopStatus:
        self.ran += 1
        if self.raises is not None:
            raise self.raises
        return self.result

    def look(self, **later: float) -> Any:
        self.now += timedelta(**later)
        return self.turns.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_first_look_takes_a_turn_and_the_next_ones_only_where_something_has_come(scene: Scene) -> None:
    first = scene.look()
    assert (first.number, first.why, first.state, first.says) == (1, ("the first",), "done", "data: 5 of 5 rows accepted")
    assert first.next_due == NOON + timedelta(minutes=30)
    assert scene.look(minutes=29) is None
    assert scene.look(minutes=1).why == ("visits is due since 2024-07-01 12:30 UTC",)
    assert scene.look(minutes=1) is None
    (scene.folder / "inbox" / "1.csv").write_text("a")
    assert scene.look(seconds=5) is None
    assert scene.look(seconds=5).why == ("1 new file for visits in inbox",)
    assert scene.look(seconds=5) is None
    assert scene.ran == 3


def test_missed_moments_make_one_turn(scene: Scene) -> None:
    scene.look()
    assert scene.look(hours=2, minutes=45).why == ("visits is due since 2024-07-01 14:30 UTC",)
    assert scene.look(seconds=5) is None


def test_a_turn_is_taken_after_a_while_whatever_has_come(scene: Scene) -> None:
    declaration = scene.folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace(', schedule: "30 * * * *"', ""))
    assert scene.look().next_due is None
    assert scene.look(hours=2, minutes=59) is None
    assert scene.look(minutes=1).why == ("it is time",)


def test_a_word_of_a_person_makes_a_turn_due(scene: Scene) -> None:
    scene.look()
    with open_loop(scene.folder) as loop:
        loop.workspace.ledger.append(Draft(kind="approval", subject="a package", body={"verdict": "yes"}, actor="olga@example.com"))
    assert scene.look(seconds=5).why == ("olga@example.com has spoken: approval",)
    assert scene.look(seconds=5) is None
    with open_loop(scene.folder) as loop:
        loop.workspace.ledger.append(Draft(kind="replay", subject="t", body={"version": 3}, actor="dan@example.com"))
    assert scene.look(seconds=5).why == ("dan@example.com has changed t: replay",)
    assert scene.look(seconds=5) is None


def test_a_clock_that_is_put_back_stops_nothing(scene: Scene) -> None:
    scene.look()
    assert scene.look(hours=-9).why == ("the clock was put back",)
    assert scene.look(minutes=1) is None
    assert scene.look(minutes=29).why == ("visits is due since 2024-07-01 03:30 UTC",)


def test_a_schedule_of_retrainings_calls_for_a_turn(scene: Scene) -> None:
    declaration = scene.folder / "loopline.yaml"
    retrain = 'watch: {retrain: {when: [schedule: "15 14 * * * Europe/Zurich"]}}\n'
    declaration.write_text(DECLARED.replace(', schedule: "30 * * * *"', "") + retrain)
    assert scene.look().next_due == NOON + timedelta(minutes=15)
    assert scene.turns.watches == ["visits: files in inbox", "a retraining: 15 14 * * * Europe/Zurich"]
    assert scene.look(minutes=14) is None
    assert scene.look(minutes=40).why == ("a retraining is due since 2024-07-01 12:15 UTC",)
    assert scene.look(minutes=1) is None


@pytest.mark.parametrize("error", [Fault("the database is away"), Mistake("the file is damaged"), OSError("disk"), ValueError("odd")])
def test_a_failing_turn_is_said_and_tried_again_later_and_later(scene: Scene, error: Exception) -> None:
    scene.raises = error
    first = scene.look()
    assert (first.state, first.retry_s) == ("failed", 5.0)
    assert str(error) in first.as_text() and "again in 5 s" in first.as_text()
    assert scene.look(seconds=4) is None
    second = scene.look(seconds=1)
    assert (second.why, second.retry_s) == (("again after a failure",), 10.0)
    scene.raises = None
    assert scene.look(seconds=9) is None
    assert scene.look(seconds=1).state == "done"
    assert scene.look(seconds=60) is None


def test_what_comes_in_need_not_wait_until_a_failure_is_forgotten(scene: Scene) -> None:
    scene.raises = Mistake("the file is damaged")
    scene.look()
    (scene.folder / "inbox" / "1.csv").write_text("a")
    scene.look(seconds=1)
    scene.raises = None
    assert scene.look(seconds=1).why == ("1 new file for visits in inbox",)


def test_waits_between_failures_grow_up_to_a_limit() -> None:
    assert [retry_s(failures) for failures in (1, 2, 3, 9, 1000)] == [5.0, 10.0, 20.0, LONGEST_RETRY_S, LONGEST_RETRY_S]


def test_a_check_that_says_no_and_a_person_that_is_waited_for_are_no_failures(scene: Scene) -> None:
    scene.result = status(CheckFailed("no-go", where="charter"))
    turn = scene.look()
    assert (turn.state, turn.retry_s, turn.error.exit_code) == ("refused", None, 1)
    assert turn.says == "data: 5 of 5 rows accepted; charter: no-go"
    scene.result = status(waiting_for="business")
    assert scene.look(minutes=30).state == "waiting"


def test_a_changed_declaration_is_read_again_and_a_broken_one_is_survived(scene: Scene) -> None:
    scene.look()
    declaration = scene.folder / "loopline.yaml"
    declaration.write_text(DECLARED.replace('"30 * * * *"', '"45 * * * *"'))
    assert scene.look(seconds=5).next_due == NOON + timedelta(minutes=45)
    declaration.write_text("project: [")
    assert scene.look(seconds=5).why == ("loopline.yaml has changed",)
    declaration.unlink()
    assert scene.look(seconds=5).why == ("loopline.yaml has changed",)
    assert scene.look(minutes=50).why == ("visits is due since 2024-07-01 12:45 UTC",)


class Watcher:
    """The real command, whose lines are read as they come."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*command(folder, "tick", "--keep", "--poll", "0.2s", "--until", "data", *words), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def turn(self, timeout_s: float = 60.0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._lines.get(timeout=timeout_s))
        return found

    def is_quiet(self, seconds: float) -> bool:
        try:
            self._lines.get(timeout=seconds)
        except Empty:
            return True
        return False

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        code = self.process.wait(30)
        return code, self.close()

    def close(self) -> str:
        assert self.process.stderr is not None and self.process.stdout is not None
        self._reader.join(30)
        self.process.stdout.close()
        said = self.process.stderr.read()
        self.process.stderr.close()
        return said


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "loopline.yaml").write_text(DECLARED.replace(', schedule: "30 * * * *"', ""))
    (tmp_path / "inbox" / "1.csv").write_text(visits(1, 60))
    return tmp_path


def test_a_watched_folder_is_taken_in_while_it_fills(watched: Path) -> None:
    watcher = Watcher(watched)
    try:
        first = watcher.turn()
        assert first["state"] == "done" and first["says"].startswith("data: 60 of 60 rows accepted"), first
        # An upload under another name is none of our business until it is renamed.
        (watched / "inbox" / "2.csv.part").write_text(visits(61, 70))
        assert watcher.is_quiet(1.0)
        (watched / "inbox" / "2.csv.part").rename(watched / "inbox" / "2.csv")
        assert watcher.turn()["why"] == ["1 new file for visits in inbox"]
        # A file that grows is taken when it has stopped, and once.
        with (watched / "inbox" / "3.csv").open("w") as file:
            for number, line in enumerate(visits(71, 80).splitlines(keepends=True)):
                file.write(line)
                file.flush()
                if number % 3 == 0:
                    time.sleep(0.1)
        third = watcher.turn()
        assert third["turn"] == 3 and third["says"].startswith("data: 80 of 80 rows accepted"), third
        (watched / "inbox" / "4.csv").write_bytes(b"PK\x03\x04 a spreadsheet, perhaps")
        broken = watcher.turn()
        assert broken["state"] == "failed" and broken["retry_s"] == 5.0 and broken["error"]["remedy"], broken
        (watched / "inbox" / "4.csv").write_text(visits(81, 90))
        assert watcher.turn()["says"].startswith("data: 90 of 90 rows accepted")
        assert watcher.is_quiet(1.0)
    finally:
        code, said = watcher.end(signal.SIGTERM)
    assert (code, said) == (0, "")


def test_it_ends_after_so_many_turns_with_the_exit_code_of_the_last(watched: Path) -> None:
    (watched / "inbox" / "1.csv").write_bytes(b"PK\x03\x04 a spreadsheet, perhaps")
    watcher = Watcher(watched, "--turns", "1", "--every", "1d")
    try:
        assert watcher.turn()["state"] == "failed"
        assert watcher.process.wait(60) == 2
    finally:
        watcher.process.kill()
        watcher.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--turns", "2"], "belong to --keep"),
        (["--until", "dta"], "there is no stage 'dta'"),
        (["--keep", "--wait", "1min"], "of a single turn"),
        (["--keep", "--until", "dta"], "there is no stage 'dta'"),
        (["--keep", "--poll", "often"], "'often' is not a span of time"),
        (["--keep", "--every", "0s"], "0s is no time at all"),
    ],
)
def test_wrong_options_are_said(watched: Path, words: list[str], says: str) -> None:
    ended = CliRunner().invoke(root, ["tick", *words, "--folder", str(watched)])
    assert (says in ended.output) if ended.exit_code == 2 else (isinstance(ended.exception, Mistake) and says in str(ended.exception))


def test_what_a_turn_that_died_has_not_told_is_told_before_anything_is_made(tmp_path: Path) -> None:
    make_project(tmp_path)
    at = {name: NOON.isoformat() for name in ("since", "last", "opened")}
    body = {"state": "open", "monitor": "worth_promised", "feature": "", "features": [], "package": "p", "role": "business", **at}
    with web_server() as web, Ledger.open(f"sqlite:///{tmp_path}/.loopline/ledger.db", "p") as ledger:
        (tmp_path / "loopline.yaml").write_text(f"{DECIDING}watch: {{tell: {{business: json://127.0.0.1:{web.port}/page}}}}\n")
        money = {"value": 1.0, "limit": 2.0, "cost": None, "what": "money is lost", "says": "money is lost"}
        ledger.append(Draft(kind="alert", subject="abc", key=NOON.isoformat(), body={**body, **money}))
        call(["tick", "--folder", str(tmp_path)], folder=tmp_path, environment=os.environ)
        seen = [entry.subject if entry.kind == "step" else entry.kind for entry in ledger.read(kinds=("step", "message"))]
    assert "money is lost" in web.bodies()[0]["message"]
    assert seen[:4] == ["watch", "message", "watch", "charter"], "a stage was begun before anybody was told"


def test_a_turn_that_finds_somebody_at_work_is_told_as_put_off(scene: Scene) -> None:
    scene.raises = Mistake("ann is already running", remedy="wait", retry=True)
    busy = scene.look()
    assert busy.state == "failed" and busy.retry_s is not None and "turn 1 (the first): put off in" in busy.as_text()
    scene.raises = Mistake("there is no file", remedy="make one")
    assert ": failed in" in scene.look(minutes=20).as_text()
