"""`loopline up` killed again and again, while customers come and channels go: outcomes count once, people are told, and the brake holds."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.entry import now
from loopline.loop import Loop, open_loop
from loopline.serve.segments import records
from loopline.watch.causes import causes, level
from loopline.watch.duty import letters
from loopline.watch.told import Told, address
from tests.calling import call
from tests.receivers import Heard, Inbox, free_port, mail_channel, mail_server, web_server
from tests.release.conftest import table
from tests.torture.customers import EXPERIMENT, Customers

KILLS = 30
QUIET_DAYS = 12
RETRAININGS = 2
DECLARATION = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {{currency: EUR, act_right: 10, act_wrong: -6}}
data: {{sources: {{t: {{path: deliveries/*.csv, key: id, time: at}}}}}}
model: {{families: [linear], search: {{trials: 1}}, assess: {{refits: false}}}}
watch:
  tell: {{business: ["{mail}", "json://127.0.0.1:{port}/page"]}}
  heartbeat: http://127.0.0.1:{port}/beat
  retrain: {{when: [data, loss], at_most: {retrainings} per month}}
value: {{holdout: 20%}}
"""
SOON = """
from datetime import timedelta
from loopline.watch import told
told.FIRST_WAIT, told.LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=4)
"""
"""A channel that failed is tried again in seconds, in every process: the test would last for hours."""
_LOOK = re.compile(r"loopline alerts show (\w+)")


def deliver(folder: Path, number: int, rows: int = 300) -> None:
    """Write a delivery that has come; it is there wholly or not at all."""
    place = folder / "deliveries"
    place.mkdir(exist_ok=True)
    frame = table("binary", 900).slice(number * rows % 900, rows).with_columns(id=pl.int_range(number * rows, (number + 1) * rows))
    frame = frame.with_columns(pl.col("at") + timedelta(days=number))
    frame.write_csv(place / f".{number}")
    (place / f".{number}").rename(place / f"{number:03}.csv")


@dataclass
class World:
    """A project, its customers, and the channels of its people: a mail server and a web server, which come and go."""

    folder: Path
    web: Heard
    mail_port: int
    port: int = field(default_factory=free_port)
    mails: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    _mail: ExitStack = field(default_factory=ExitStack)
    _inbox: Inbox | None = None

    def mail(self, is_up: bool) -> None:
        """Start or stop the mail server."""
        if is_up and self._inbox is None:
            self._inbox, _ = self._mail.enter_context(mail_server(self.mail_port))
        elif not is_up and self._inbox is not None:
            self._mail.close()
            self.mails += self._inbox.texts()
            self._inbox = None

    def start(self) -> None:
        """Start the command; nothing is waited for."""
        words = ["up", "--port", str(self.port), "--no-pages", "--poll", "0.2s", "--every", "1s", "--json", "--folder", str(self.folder)]
        path = f"{self.folder / 'soon'}:{os.environ.get('PYTHONPATH', '')}"
        with (self.folder / "said").open("a") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "loopline.cli.main", *words], stdout=said, stderr=said, env={**os.environ, "PYTHONPATH": path}
            )

    def kill(self) -> None:
        """Kill the command with no chance to tidy up, and all that it has started with it."""
        assert self.process is not None
        children = self._children(recursive=True)
        self.process.kill()
        for child in children:
            kill(child)
        self.process.wait()

    def kill_part(self, chance: random.Random) -> None:
        """Kill one of the processes that the command keeps."""
        parts = [child for child in self._children() if is_part(child)]
        if parts:
            kill(chance.choice(parts))

    def _children(self, *, recursive: bool = False) -> list[psutil.Process]:
        assert self.process is not None
        with suppress(psutil.Error):
            return list(psutil.Process(self.process.pid).children(recursive=recursive))
        return []

    def close(self) -> None:
        """Kill what lives."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.mail(False)


def kill(process: psutil.Process) -> None:
    """Kill a process, if it lives."""
    with suppress(psutil.Error):
        process.kill()


def is_part(process: psutil.Process) -> bool:
    """Whether a process is kept by the command; multiprocessing has one of its own beside them."""
    with suppress(psutil.Error):
        return any("spawn_main" in word for word in process.cmdline())
    return False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with web_server() as web:
        made = World(tmp_path, web, free_port())
        deliver(tmp_path, 0, 900)
        declared = DECLARATION.format(mail=mail_channel(made.mail_port), port=web.port, retrainings=RETRAININGS)
        (tmp_path / "loopline.yaml").write_text(declared)
        (tmp_path / "soon").mkdir()
        (tmp_path / "soon" / "sitecustomize.py").write_text(SOON)
        with open_loop(tmp_path) as loop:
            assert loop.run().champion
        begun = ["value", "experiment", "start", EXPERIMENT, "--arms", "old,new", "--effect", "0.3", "--sd", "1", "--per-day", "40", "--metric", "revenue"]
        ended = call([*begun, "--by", "owner@example.com", "--why", "a test"], folder=tmp_path, environment=os.environ)
        assert ended.code == 0, ended.err
        yield made
        made.close()


def until(is_so: Callable[[], bool], *, timeout_s: float) -> bool:
    """Whether it became so in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.1)
    return is_so()


def killed_at(world: World, moment: str, chance: random.Random) -> bool:
    """Let the command work, and kill it; whether that was when it had told somebody and had not heard yet that it was heard."""
    told = threading.Event()

    def die() -> None:
        world.kill()
        told.set()

    known = steps(world.folder)
    world.start()
    if moment == "a page":
        world.web.before_answer = die
        told.wait(40)
        world.web.before_answer = lambda: None
    elif moment == "a part":
        until(lambda: steps(world.folder) >= known + chance.randint(1, 8), timeout_s=20)
        world.kill_part(chance)
    if not told.is_set():
        # By what it has done, and not by the clock alone: on a busy machine it would never come far.
        due = known + chance.randint(1, 16)
        until(lambda: steps(world.folder) >= due, timeout_s=30)
        time.sleep(chance.uniform(0, 0.5))
        world.kill()
    return told.is_set()


def steps(folder: Path) -> int:
    """How many steps have begun or ended."""
    with closing(sqlite3.connect(f"file:{folder / '.loopline' / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM ledger_entries WHERE kind = 'step'").fetchone()[0])


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_whatever_kills_it_outcomes_count_once_people_are_told_and_the_brake_holds(world: World) -> None:
    chance = random.Random(11)
    customers = Customers(f"http://127.0.0.1:{world.port}", QUIET_DAYS)
    customers.start()
    pages = 0
    for number in range(KILLS):
        world.mail(chance.random() < 0.5)
        moment = ("a while", "a page", "a part")[number % 3]
        world.web.status = 200 if moment == "a page" else chance.choice([200, 500])
        if number % 10 == 5:
            deliver(world.folder, number + 3)
        pages += killed_at(world, moment, chance)
    world.mail(True)
    world.web.status = 200
    world.start()
    customers.end(120)
    assert until(lambda: is_quiet(world.folder, customers), timeout_s=300)
    beats = world.web.beats
    assert until(lambda: world.web.beats > beats, timeout_s=300), "no turn ends any more"
    world.kill()
    beats = world.web.beats
    time.sleep(5)
    assert world.web.beats == beats, "a dead watcher gives signs of life"
    world.mail(False)
    with open_loop(world.folder) as loop:
        assert loop.workspace.ledger.verify().intact
        every_outcome_counts_once(loop, customers)
        told = people_were_told(loop, world, pages)
        trained = the_brake_held(loop)
    assert all(len(sides) == 1 for sides in customers.sides.values()) and {True, False} == set.union(*customers.sides.values())
    assert all(len(arms) == 1 for arms in customers.arms.values()) and {"old", "new"} == set.union(*customers.arms.values())
    print(f"{KILLS} kills, {customers.days} days, {len(customers.told):,} outcomes, {beats} signs of life; {told}; {trained}")


def is_quiet(folder: Path, customers: Customers) -> bool:
    """Whether all is collected, watched and told."""
    with open_loop(folder) as loop:
        state, spec = loop.state(), loop.project.declaration.watch
        facts = state.facts("watch", "windows") or {}
        return bool(facts.get("outcomes") == len(customers.told) and not letters(state, spec, now()))


def logged(loop: Loop, kind: Any) -> pl.DataFrame:
    """The records of a kind as they lie in the log."""
    lines = [line for part in records(loop.workspace.lake.log, kind) for line in part.lines]
    return pl.DataFrame([json.loads(line) for line in lines], infer_schema_length=None)


def every_outcome_counts_once(loop: Loop, customers: Customers) -> None:
    """Tables and windows have what the log has, by a count that knows nothing of either."""
    tables = Tables(loop.workspace.lake)
    made, told = logged(loop, "predictions"), logged(loop, "outcomes")
    assert tables.read("predictions").collect().height == made.height == made["id"].n_unique()
    assert tables.read("outcomes").collect().height == told.height
    last = told.sort("time", maintain_order=True).unique("id", keep="last", maintain_order=True)
    assert dict(last.select("id", "outcome").iter_rows()) == customers.told | dict.fromkeys(customers.ghosts, "yes")
    joined = made.join(last.select("id", "outcome"), on="id")
    assert joined.height == len(customers.told)
    own = joined.filter(~pl.col("holdout"), pl.col("decision") == "act")
    money = own.select(pl.when(pl.col("outcome") == "yes").then(10).otherwise(-6).sum()).item()
    facts = loop.state().facts("watch", "windows")
    assert facts is not None
    windows = [entry.body for entry in {(entry.subject, entry.key): entry for entry in loop.workspace.ledger.read(kinds=("window",))}.values()]
    assert sum(window["rows"] for window in windows) == made.height == facts["rows"]
    assert sum(window["outcomes"] for window in windows) == len(customers.told)
    assert sum(window["sums"]["money"][1] for window in windows) == pytest.approx(money)
    assert sum(window["split"]["held"] for window in windows if window["split"]) == made["holdout"].sum()
    counts = loop.state().facts("serve", "collect")["outcomes"]  # type: ignore[index]
    assert (counts["received"], counts["early"]) == (told.height, len(customers.ghosts))


def people_were_told(loop: Loop, world: World, pages: int) -> str:
    """One alert for each cause, told at least once, and once more at most for each time that the command died between a message and its entry.

    Parameters
    ----------
    pages
        How often it was killed there on purpose; each other kill may have come there by chance.
    """
    entries = loop.workspace.ledger.read(kinds=("alert",))
    openings = {(entry.subject, entry.key, entry.body["opened"]) for entry in entries}
    assert len(openings) == len({(subject, key) for subject, key, _ in openings})
    lasting: dict[str, str] = {}
    for entry in entries:
        before = lasting.get(entry.subject)
        assert before in (None, entry.key), "an alert was opened while it was open"
        if entry.body["state"] == "resolved":
            lasting.pop(entry.subject)
        else:
            lasting[entry.subject] = entry.key
    state, spec = loop.state(), loop.project.declaration.watch
    channels = spec.tell["business"]
    told = Told.of(state.messages)
    lasting_pages = [cause for cause in causes(state.alerts.values(), lambda _: False) if cause.level == "page"]
    assert all(told.knows(channel, cause.as_loud) for channel in channels for cause in lasting_pages)
    loud = {(entry.subject, entry.key) for entry in entries if level(entry.body) == "page"}
    for channel in channels:
        came = [entry for entry in state.messages if entry.subject == address(channel) and entry.body["done"]]
        assert loud & {(item["alert"], item["since"]) for entry in came for item in entry.body["items"]}, "nobody was told that money is lost"
    heard = {"mailto": world.mails, "json": [body["message"] for body in world.web.bodies()]}
    twice = 0
    for through, texts in heard.items():
        got = Counter(_LOOK.search(text)[1] for text in texts)  # type: ignore[index]
        entered = Counter(entry.body["items"][0]["alert"] for entry in state.messages if entry.body["done"] and entry.body["through"] == through)
        assert not entered - got, "a message was entered that nobody got"
        twice += (got - entered).total()
    assert pages <= twice <= KILLS
    letters_sent = sum(map(len, heard.values()))
    failed = sum(not entry.body["done"] for entry in state.messages)
    return f"{len(openings)} alerts, {letters_sent} letters came, {twice} of them again after a kill, {failed} tries failed"


def the_brake_held(loop: Loop) -> str:
    """No more retrainings than are allowed, whatever asked for them."""
    state = loop.state()
    asked = loop.workspace.ledger.read(kinds=("retrain",))
    assert 1 <= len(asked) <= RETRAININGS
    searches = [entry for entry in loop.workspace.ledger.read(kinds=("step",)) if entry.subject == "model" and entry.body["name"] == "search"]
    done = sum(entry.body["state"] == "succeeded" for entry in searches)
    assert done <= 1 + len(asked) and state.champion
    assert Blobs(loop.workspace.lake).exists(state.champion)
    return f"{len(asked)} retrainings, {len(searches) - done} attempts at a search given up"
