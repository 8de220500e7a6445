"""``loopline demo``: a year of New York flights taken through the whole loop, twice."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click
import msgspec
import polars as pl

from loopline.access.keys import own_key
from loopline.access.people import person
from loopline.cli.flights import deliver, prepare
from loopline.cli.output import LiveProgress, emit, json_option, table
from loopline.cli.status import show
from loopline.errors import Fault, Mistake
from loopline.ledger.entry import now
from loopline.loop import Loop, LoopStatus, open_loop
from loopline.model.signing import give_trust
from loopline.release.approvals import word
from loopline.release.words import YES, say
from loopline.watch.standing import open_now

APPROVERS = {"business": ("owner@example.com", "it earns more than it costs"), "devops": ("engineer@example.com", "the gates hold")}
_OUTCOME = "late"
_TIME = "sched_dep"


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("loopline-demo"), show_default=True, help="A new folder for the demo.")
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Take the real 2013 New York flights round the loop.

    Which departures should be staffed for a late arrival? The first six months are learned from; the package passes its
    gates, is approved and served over HTTP; the next six months arrive as traffic, with outcomes a day later; then they
    are delivered as data, and a challenger has to earn more than the champion.
    """
    since = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise Mistake("the folder is not empty", where=str(folder), remedy="name another one with --folder, or remove it")
    with LiveProgress(quiet=as_json) as progress:
        facts = _Story(folder, progress).tell()
    facts["seconds"] = round(time.monotonic() - since, 1)
    emit(facts, lambda: _summary(facts, folder), as_json)


class _Story:
    """The demo, act by act."""

    def __init__(self, folder: Path, progress: LiveProgress) -> None:
        self._folder = folder
        self._progress = progress

    def tell(self) -> dict[str, Any]:
        """What came of it, as plain values."""
        self._act("A year of flights; what was known two hours before each departure, and nothing later")
        prepared = prepare(self._folder)
        with open_loop(self._folder) as loop:
            self._act("January to June: the loop turns once")
            first = self._release(loop)
            self._act("July to December arrive as traffic over HTTP, their outcomes a day later")
            self._command("serve")
            with _server(self._folder) as port:
                served = self._replay(port, prepared.later)
            self._show(self._run(loop))
            alerts = self._alerts(loop)
            review = loop.state().facts("value", "review") or {}
            self._command("value review")
            for reason in review["reasons"]:
                self._progress.say(f"  {reason['recommendation']:<8} {reason['says']}")
            self._act("The new months are delivered as data: a challenger has to earn more than the champion")
            for month in prepared.later:
                deliver(month)
            second = self._release(loop)
            model, gates = (loop.state().facts(*step) or {} for step in (("model", "search"), ("release", "gates")))
            return {
                "project": loop.project.name,
                "first": first,
                "champion": second,
                "challenger": model["package"],
                "promoted": second != first,
                "gates": gates["gates"],
                "served": served,
                "alerts": alerts,
                "review": {name: review[name] for name in ("recommendation", "reasons", "realised", "baseline")},
                "entries": loop.workspace.ledger.verify().entries,
            }

    def _release(self, loop: Loop) -> str | None:
        """Run, give the approvals that are waited for, and run again; the champion after that."""
        status = self._run(loop)
        while status.waiting_for in APPROVERS:
            self._approve(loop, status.waiting_for)
            status = self._run(loop)
        self._show(status)
        if status.error is not None:
            raise status.error
        return status.champion

    def _run(self, loop: Loop) -> LoopStatus:
        self._command("run")
        return loop.run(progress=self._progress)

    def _alerts(self, loop: Loop) -> list[str]:
        """What the alerts that are open say, the most urgent first."""
        said = [one.says for one in open_now(loop.state(), now())]
        self._command("alerts list")
        for one in said[:4]:
            self._progress.say(f"  {one}")
        if len(said) > 4:
            self._progress.say(f"  and {len(said) - 4} more")
        return said

    def _command(self, words: str, *, key: str = "") -> None:
        """The command that a person would give for what happens now, with the file of the key that signs where it is not their own."""
        self._progress.say(click.style(f"$ {f'LOOPLINE_KEY={key} ' if key else ''}loopline {words}", fg="cyan"))

    def _approve(self, loop: Loop, role: str) -> None:
        """As people do who share no machine: each signs with a key of their own, which the workspace is told of first."""
        name, why = APPROVERS[role]
        keys, ledger, declared = self._folder / "keys", loop.workspace.ledger, loop.project.declaration
        keys.mkdir(mode=0o700, exist_ok=True)
        key = own_key({"LOOPLINE_KEY": str(keys / f"{name}.pem")})
        if give_trust(ledger, key.public, name, by=name):
            self._command(f"model trust {key.public} --as {name}")
        self._command(f"release approve --as {role} --by {name} --why '{why}'", key=f"keys/{name}.pem")
        said = word(loop.state(), declared.release, declared.charter, role=role, who=person(name), verdict=YES, why=why)
        say(ledger, said.draft, key)

    def _replay(self, port: int, months: tuple[Path, ...]) -> dict[str, int]:
        """Each day's departures ask for a prediction; the day after, their outcomes are told."""
        rows = pl.concat([pl.read_csv(month, try_parse_dates=False, infer_schema_length=None) for month in months])
        days = rows.with_columns(pl.col(_TIME).str.slice(0, 10).alias("day")).partition_by("day", maintain_order=True, include_key=False)
        told = {"predictions": 0, "outcomes": 0}
        yesterday: list[dict[str, Any]] = []
        server = _Client(port)
        for number, day in enumerate(days, 1):
            answers = server.post("/v1/predict", {"rows": day.drop(_OUTCOME).to_dicts()})["predictions"]
            told["predictions"] += len(answers)
            told["outcomes"] += server.post("/v1/outcomes", {"outcomes": yesterday})["received"] if yesterday else 0
            yesterday = [
                {"id": answer["id"], "outcome": outcome} for answer, outcome in zip(answers, day[_OUTCOME].to_list(), strict=True) if outcome is not None
            ]
            self._progress.at(number, len(days), unit="days", note=f"{told['predictions']:,} predictions")
        told["outcomes"] += server.post("/v1/outcomes", {"outcomes": yesterday})["received"]
        self._progress.say(f"  {told['predictions']:,} predictions served, {told['outcomes']:,} outcomes received")
        return told

    def _act(self, title: str) -> None:
        self._progress.say(click.style(f"\n{title}", bold=True))

    def _show(self, status: LoopStatus) -> None:
        self._progress.say(show(status))


class _Client:
    """One kept-alive connection to the server on this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body: object) -> dict[str, Any]:
        """The answer to a body.

        Raises
        ------
        Fault
            When the server refuses it.
        """
        self._connection.request("POST", path, msgspec.json.encode(body), {"content-type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Fault(f"the server answered {answer.status}: {text[:200].decode(errors='replace')}", where=path, remedy="look at its log")
        decoded: dict[str, Any] = msgspec.json.decode(text)
        return decoded


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    """A real server of the folder's champion; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    words = [sys.executable, "-m", "loopline.cli.main", "serve", "--folder", str(folder), "--port", str(port)]
    log = folder / ".loopline" / "serve.log"
    with log.open("w") as said, subprocess.Popen(words, stdout=said, stderr=said) as process:
        try:
            _await_ready(process, port, log)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        time.sleep(0.05)
    raise Fault("the server did not get ready", where=str(log), remedy=" ".join(log.read_text().split())[-300:] or "look at its log")


def _summary(facts: dict[str, Any], folder: Path) -> str:
    realised = facts["review"]["realised"]
    rows = [
        ("predictions served", facts["served"]["predictions"]),
        ("outcomes that came", realised["outcomes"]),
        ("earned on them, USD", realised["total"]),
        ("  per decision", f"{realised['per_decision']:.2f} ({realised['low']:.2f} to {realised['high']:.2f})"),
        ("alerts open before the retraining", len(facts["alerts"])),
        ("review", facts["review"]["recommendation"]),
        ("challenger", "promoted" if facts["promoted"] else "not promoted"),
        ("champion", str(facts["champion"])[:12]),
        ("entries in the ledger", facts["entries"]),
        ("seconds", facts["seconds"]),
    ]
    look = ["pages --open", "status", "model show", "release history", "watch show", "alerts list --all", "value review", "ledger verify"]
    commands = "\n".join(f"  loopline {words} --folder {folder}" for words in look)
    return f"\n{table(('what came of it', ''), rows)}\n\nlook further:\n{commands}"
