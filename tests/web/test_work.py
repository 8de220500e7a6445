"""Long work runs in a process of its own, one at a time, is followed and stopped, and says who did so."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.engine.step import Progress
from loopline.errors import CheckFailed, Mistake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.loop import open_loop
from loopline.web.work import KIND, Course, Work, Works
from tests.cli.deciding import DECLARATION

HERE = "tests.web.test_work"


def count(folder: Path, progress: Progress, by: str, *, to: int) -> str:
    assert "LOOPLINE_PAGES_KEY" not in os.environ, "the project's own code runs here"
    progress.say(f"counting for {by}")
    progress.at(1, to, unit="numbers")
    return f"counted to {to}"


def wait_long(folder: Path, progress: Progress, by: str) -> str:
    with open_loop(folder) as loop, loop.workspace.ledger.lease():
        progress.say("waiting")
        time.sleep(60)
    return "never"


def say_no(folder: Path, progress: Progress, by: str) -> str:
    raise CheckFailed("it earns too little", where="release", remedy="train anew")


def break_down(folder: Path, progress: Progress, by: str) -> str:
    raise SystemExit(7)


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    (tmp_path / ".loopline").mkdir()
    with Ledger.open(f"sqlite:///{tmp_path}/.loopline/ledger.db", "p") as ledger:
        works = Works(tmp_path, lambda: ledger)
        yield works
        works.close()


def ended(works: Works, what: str = "") -> Course:
    """The course once the work has ended, or has said something."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        course = works.now
        assert course is not None
        if not course.is_running or (what and what in course.lines):
            return course
        time.sleep(0.02)
    raise AssertionError(works.now)


def told(works: Works) -> list[tuple[str, Any, Any]]:
    return [(entry.actor, entry.body["state"], entry.body.get("says")) for entry in works._ledger().read(kinds=(KIND,))]


def test_work_tells_how_far_it_is_and_what_came_of_it(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPLINE_PAGES_KEY", "/keys/pages.pem")
    before = works.version
    works.start(Work("count", f"{HERE}:count", {"to": 3}), by="a@example.com")
    course = ended(works)
    assert (course.state, course.says, course.lines) == ("done", "counted to 3", ("counting for a@example.com",))
    assert works.version >= before + 3
    assert told(works) == [("a@example.com", "started", None), ("a@example.com", "done", "counted to 3")]


def test_a_second_start_is_refused_and_a_stop_has_its_author(works: Works) -> None:
    works.start(Work("wait long", f"{HERE}:wait_long"), by="a@example.com")
    ended(works, "waiting")
    with pytest.raises(Mistake, match="a@example.com started 'wait long'.* wait for its end, or stop it first"):
        works.start(Work("count", f"{HERE}:count", {"to": 3}), by="b@example.com")
    with pytest.raises(Mistake, match="it has not been asked to stop yet"):
        works.stop(by="b@example.com", at_once=True)
    assert works.stop(by="b@example.com").state == "stopping"
    with pytest.raises(Mistake, match="b@example.com has asked it to stop already|no work is running"):
        works.stop(by="b@example.com")
    course = ended(works)
    assert (course.state, course.stopped_by) == ("stopped", "b@example.com")
    assert "what was done is kept" in course.says
    assert [(actor, state) for actor, state, _ in told(works)] == [("a@example.com", "started"), ("b@example.com", "stopping"), ("b@example.com", "stopped")]
    with pytest.raises(Mistake, match="no work is running"):
        works.stop(by="b@example.com")


def test_what_goes_wrong_is_said_with_the_remedy(works: Works) -> None:
    works.start(Work("say no", f"{HERE}:say_no"), by="a@example.com")
    course = ended(works)
    assert (course.state, course.says, course.remedy) == ("failed", "release: it earns too little", "train anew")
    works.start(Work("break", f"{HERE}:break_down"), by="a@example.com")
    course = ended(works)
    assert (course.state, course.says) == ("failed", "its process ended with exit code 7")


def test_work_waits_for_the_lease_and_says_for_whom(works: Works) -> None:
    with works._ledger().lease():
        works.start(Work("count", f"{HERE}:count", {"to": 3}), by="a@example.com")
        until = time.monotonic() + 90
        while not works.now.lines and time.monotonic() < until:  # type: ignore[union-attr]
            time.sleep(0.02)
        assert works.now is not None and works.now.lines[0].startswith("waiting for process")
    assert ended(works).state == "done"


def test_the_end_of_the_pages_stops_what_runs(works: Works) -> None:
    works.start(Work("wait long", f"{HERE}:wait_long"), by="a@example.com")
    ended(works, "waiting")
    works.close()
    assert works.now is not None and works.now.state == "stopped"
    with pytest.raises(Mistake, match="the pages are ending"):
        works.start(Work("count", f"{HERE}:count", {"to": 3}), by="a@example.com")


def test_work_that_was_killed_with_its_pages_has_an_end_and_that_of_other_pages_goes_on(works: Works) -> None:
    ledger = works._ledger()
    body = {"state": "started", "does": "count", "function": f"{HERE}:count"}
    (begun,) = ledger.append(Draft(kind=KIND, subject="count", body=body, actor="a@example.com"))
    with ledger.beside(f"p {KIND}").lease():
        works.settle()
        assert len(told(works)) == 1
        with pytest.raises(Mistake, match="other pages of this project have started work"):
            works.start(Work("count", f"{HERE}:count", {"to": 3}), by="a@example.com")
    works.settle()
    works.settle()
    last = ledger.read(kinds=(KIND,))[1:]
    assert [(entry.actor, entry.body["state"], entry.parents) for entry in last] == [("a@example.com", "failed", (begun.id,))]
    assert "its pages were ended" in last[0].body["says"]
