"""A product in service whose charter comes to a no-go: it is watched and fed on, one person is told once, and better data turn it by themselves."""

from __future__ import annotations

import json
import os
import random
from datetime import datetime, timedelta
from pathlib import Path

from loopline.loop import open_loop
from tests.calling import call
from tests.cli.deciding import make_project
from tests.receivers import web_server

DECLARATION = """
project: p
charter:
  predict: y
  task: binary
  positive: "yes"
  volume: 900..1100 per year
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  target: 2000 per year
  stakeholders: {business: [ann], devops: [ben]}
data: {sources: {rows: {path: "rows*.csv", key: id, time: at}}}
model: {families: [linear], search: {trials: 1}, assess: {refits: false}}
watch: {tell: {business: "json://127.0.0.1:PORT/ann", devops: "json://127.0.0.1:PORT/ben"}}
"""
ROWS = 240


def deliver(folder: Path, month: int, share: float) -> None:
    """The rows of a month, in which such a share comes to pass: of those with the most pages."""
    chance = random.Random(month)
    lines = ["id,at,pages,y"]
    for number in range(ROWS):
        pages, at = chance.randint(1, 100), datetime(2026, month, 1) + timedelta(hours=number)
        lines.append(f"{month * ROWS + number},{at:%Y-%m-%dT%H:%M},{pages},{'yes' if pages > 100 * (1 - share) + chance.gauss(0, 3) else 'no'}")
    (folder / f"rows-{month}.csv").write_text("\n".join(lines) + "\n")


def tick(folder: Path) -> tuple[int, dict[str, str]]:
    """The exit code of a turn, and the state that it leaves each stage in."""
    ended = call(["tick", "--until", "watch", "--json", "--folder", str(folder)], folder=folder, environment=os.environ)
    return ended.code, {stage["stage"]: stage["state"] for stage in json.loads(ended.out)["stages"]}


def done(folder: Path) -> list[str]:
    """The steps that came through, in their order."""
    with open_loop(folder) as loop:
        steps = loop.workspace.ledger.read(kinds=("step",))
    return [entry.body["name"] for entry in steps if entry.body["state"] == "succeeded"]


def test_a_no_go_of_the_data_is_told_once_and_turned_by_better_data_while_the_product_is_watched(tmp_path: Path) -> None:
    make_project(tmp_path)
    halted = {"charter": "failed", "data": "done", "model": "stale", "release": "stale", "serve": "done", "watch": "done"}
    with web_server() as web:
        (tmp_path / "loopline.yaml").write_text(DECLARATION.replace("PORT", str(web.port)))
        deliver(tmp_path, 1, 0.1)
        assert tick(tmp_path) == (1, halted)
        first = done(tmp_path)
        assert first[:5] == ["study", "ingest", "study", "sounding", "study"], "what the data tell was judged anew"
        assert {"collect", "windows", "machinery"} <= set(first) and "search" not in first
        ((path, _, body),) = web.calls
        assert path == "/ann" and body["title"].startswith("p: charter: no-go: the target is 2,000 EUR a year")
        assert tick(tmp_path) == (1, halted)
        assert done(tmp_path) == first, "a turn in which nothing has come does nothing"
        deliver(tmp_path, 2, 0.4)
        # Whether what is made then is released, its gates say.
        _, states = tick(tmp_path)
        assert (states["charter"], states["model"]) == ("done", "done")
        since = done(tmp_path)[len(first) :]
        assert since[:2] == ["ingest", "study"] and "search" in since
        assert len(web.calls) == 1
    with open_loop(tmp_path) as loop:
        assert loop.state().open_alerts() == [], "it is nobody's turn any more"
