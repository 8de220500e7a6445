"""`loopline status`: it says when the last turn was, and fails where the next one is late."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from loopline.cli.turns import take
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.watch.turns import KIND
from tests.calling import Ended, call

DECLARED = "project: shop\ncharter: {predict: bought}\ndata: {sources: {visits: {path: v.csv, key: id}}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    (tmp_path / "v.csv").write_text("id,pages,bought\n" + "".join(f"{number},{number % 9},{'yes' if number % 3 else 'no'}\n" for number in range(60)))
    return tmp_path


def status(folder: Path, *words: str) -> Ended:
    return call(["status", *words], folder=folder, environment={})


def told(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(status(folder, "--json").out)
    return said


def entered(folder: Path) -> list[Any]:
    with open_loop(folder) as loop:
        return loop.workspace.ledger.read(kinds=(KIND,))


def test_a_project_that_nobody_watches_yet_is_not_late(shop: Path) -> None:
    ended = status(shop)
    assert ended.code == 0 and "turn" not in ended.out
    assert (told(shop)["last_turn"], told(shop)["late"]) == (None, False)


def test_turns_are_entered_as_far_as_they_are_news(shop: Path) -> None:
    assert call(["tick", "--until", "data"], folder=shop, environment={}).code == 0
    take(shop, "data")
    (entry,) = entered(shop)
    assert (entry.body["state"], entry.body["every_s"], entry.body["heartbeat"]) == ("done", None, None)
    assert entry.body["says"].startswith("data: 60 of 60 rows accepted")
    ended = status(shop)
    assert ended.code == 0 and "the last turn ended" in ended.out


def test_a_page_that_reached_nobody_is_said_and_fails(shop: Path) -> None:
    take(shop, "data")
    opened = {"monitor": "volume", "feature": "", "package": "", "role": "devops", "value": 0, "limit": 5, "cost": None, "says": "no rows came"}
    when = {"since": "2026-01-01T00:00:00+00:00", "last": "2026-01-01T00:00:00+00:00"}
    item = {"purpose": "told", "alert": "a", "since": when["since"]}
    message = {"at": "2026-01-01T00:00:00+00:00", "through": "json", "roles": ["devops"], "items": [item], "done": False, "why": "Connection refused"}
    with open_loop(shop) as loop:
        loop.workspace.ledger.append(Draft(kind="alert", subject="a", key=when["since"], body={"state": "open", **opened, **when}))
        assert status(shop).code == 0
        loop.workspace.ledger.append(Draft(kind="message", subject="c", body=message))
    ended = status(shop)
    assert ended.code == 1 and "1 page reached nobody: Connection refused" in ended.out
    assert "loopline alerts try" in ended.err
    assert told(shop)["unheard"] == "1 page reached nobody: Connection refused"
    assert "1 page reached nobody" in take(shop, "data").told()[1]


def test_while_a_turn_is_running_that_is_said_and_another_one_is_refused(shop: Path) -> None:
    take(shop, "charter")
    with open_loop(shop) as loop, loop.workspace.ledger.lease():
        ended = status(shop)
        assert (ended.code, told(shop)["next"]) == (0, "loopline status")
        assert re.search(r"a turn is running \(process \d+ on .*, since 20", ended.out)
        refused = call(["tick", "--wait", "0.2s", "--until", "charter"], folder=shop, environment={})
        assert (refused.code, "loopline tick --wait 10min" in refused.err) == (2, True)
    assert (told(shop)["next"], told(shop)["running"]) == ("loopline run", "")


def test_a_turn_waits_for_the_end_of_another_one_where_it_is_asked_to(shop: Path) -> None:
    with open_loop(shop) as loop, ExitStack() as held:
        held.enter_context(loop.workspace.ledger.lease())
        Timer(0.3, held.close).start()
        assert call(["tick", "--wait", "1min", "--until", "charter"], folder=shop, environment={}).code == 0


def test_a_turn_is_late_when_nobody_watches_any_more(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(shop, "data", every=timedelta(hours=3))
    assert status(shop).code == 0
    (entry,) = entered(shop)
    monkeypatch.setattr("loopline.cli.status.now", lambda: entry.time + timedelta(hours=7))
    ended = status(shop)
    assert ended.code == 1 and "nobody watches: the last turn ended" in ended.err and "loopline up" in ended.err
    assert told(shop)["late"] is True


def test_a_heartbeat_that_is_not_taken_is_a_fact_and_no_failure(shop: Path) -> None:
    (shop / "loopline.yaml").write_text(f"{DECLARED}watch: {{heartbeat: 'http://127.0.0.1:9/x', late: 26h}}\n")
    assert status(shop).code == 1, "none was taken yet"
    assert call(["tick", "--until", "data"], folder=shop, environment={}).code == 0
    (entry,) = entered(shop)
    assert "refused" in entry.body["heartbeat"]
    ended = status(shop)
    assert ended.code == 0 and "its heartbeat was not taken" in ended.out


def test_a_turn_that_ends_unexpectedly_is_entered_and_one_that_met_another_is_not(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_loop(shop) as loop, loop.workspace.ledger.lease(), pytest.raises(Mistake, match="already running"):
        take(shop, "data")
    assert entered(shop) == []
    monkeypatch.setattr("loopline.data.stage.listing", lambda *given, **more: 1 / 0)
    assert [(stage.stage, stage.state) for stage in take(shop, "data").stages] == [("charter", "done"), ("data", "failed")]
    (entry,) = entered(shop)
    assert entry.body["state"] == "failed" and "unexpected ZeroDivisionError" in entry.body["says"]


def test_no_heartbeat_leaves_a_turn_that_failed(shop: Path) -> None:
    (shop / "loopline.yaml").write_text(f"{DECLARED}watch: {{heartbeat: 'http://127.0.0.1:9/x'}}\n")
    (shop / "v.csv").write_bytes(b"PK\x03\x04 a spreadsheet, perhaps")
    assert call(["tick", "--until", "data"], folder=shop, environment={}).code == 2
    (entry,) = entered(shop)
    assert (entry.body["state"], entry.body["heartbeat"]) == ("failed", None)
