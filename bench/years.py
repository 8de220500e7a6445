"""What a project has after two years beside a long ledger: reigns, a package on trial, experiments, people, a wide table of many versions, refused rows."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.probe.history import KIND as PROBE
from loopline.data.probe.probe import Measure, Probed
from loopline.lake.tables import Tables
from loopline.ledger.entry import Draft, Entry, now
from loopline.ledger.store import Ledger
from loopline.loop import Loop, open_loop
from loopline.release.champion import PROMOTED
from loopline.release.rollout.course import start
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Plan
from loopline.serve.experiments import Arm as Way
from loopline.serve.experiments import folded
from loopline.value.experiment import conduct
from loopline.value.experiment.spec import Plan as Planned
from loopline.web.work import KIND as WORK
from tests.web.world import PEOPLE

REIGNS, EXPERIMENTS, LOOKS, PROBES, WORKS, WAIVERS = 40, 12, 60, 200, 300, 20
STAKEHOLDERS = 50
COLUMNS, VERSIONS, ROWS = 200, 100, 200
REFUSED, ACCEPTED = 50_000, 10_000
_MAIN = "    t: {path: t.csv, time: at}\n"
_MORE = "    wide: {path: wide.csv, key: [id]}\n    returns: {path: returns.csv, key: [id]}\n"
_ROLES = ("business", "data", "science", "ml", "devops", "expert")


def add(folder: Path) -> None:
    """Add them to a project that is finished and has packages with contents."""
    _declare(folder)
    _write_wide(folder / "wide.csv")
    _write_returns(folder / "returns.csv")
    with open_loop(folder) as loop:
        loop.run(until="data")
        _widen(loop)
        ledger, state = loop.workspace.ledger, loop.state()
        packages = [one for one in state.packages if one != state.champion][-REIGNS:]
        ledger.append(*_reigns(packages, str(state.champion)))
        _experiments(ledger)
        ledger.append(*_probes(), *_works(), *_waivers(packages))
        _on_trial(loop, packages[-1])


def _declare(folder: Path) -> None:
    """Two more sources, and as many people as a firm has that takes an interest."""
    file = folder / "loopline.yaml"
    text = file.read_text().replace(_MAIN, _MAIN + _MORE)
    for number in range(STAKEHOLDERS - len(PEOPLE)):
        role = _ROLES[number % len(_ROLES)]
        text = text.replace(f"{role}: [", f"{role}: [person{number}@example.com, ")
    file.write_text(f"{text.rstrip()}\nvalue: {{holdout: 5%}}\n")


def _write_wide(file: Path) -> None:
    random.seed(5)
    with file.open("w", newline="") as opened:
        out = csv.writer(opened)
        out.writerow(["id", *(f"c{number}" for number in range(COLUMNS))])
        out.writerows([row, *(f"{random.gauss(0, 1):.4f}" for _ in range(COLUMNS))] for row in range(ROWS))


def _write_returns(file: Path) -> None:
    """Of a table of four columns more rows are wrong than right."""
    with file.open("w", newline="") as opened:
        out = csv.writer(opened)
        out.writerow(["id", "weight", "shop", "day"])
        for row in range(REFUSED + ACCEPTED):
            # A row without its key is what any contract refuses.
            out.writerow([row if row < ACCEPTED else "", f"{row % 97 / 7:.2f}", f"shop {row % 31}", "2026-01-05"])


def _widen(loop: Loop) -> None:
    """More batches for the wide table, each a version of it and an entry as the first one has it."""
    tables, ledger = Tables(loop.workspace.lake), loop.workspace.ledger
    rows = tables.read("wide").collect()
    made: dict[str, Entry] = {kind: ledger.read(kinds=(kind,), subject="wide", newest_first=True, limit=1)[0] for kind in ("begun", "batch")}
    for version in range(2, VERSIONS + 1):
        batch = f"{version:064x}"
        fresh = rows.with_columns((pl.col("id").cast(pl.Int64) + version * ROWS).cast(rows.schema["id"]), pl.lit(batch).alias("_batch"))
        commit = tables.append("wide", fresh.select(rows.columns), batch=batch)
        ledger.append(*(Draft(kind=kind, subject="wide", key=batch, body={**one.body, "version": commit.version}) for kind, one in made.items()))


def _reigns(packages: Sequence[str], last: str) -> Iterator[Draft]:
    """One package after the other decided for a while; the last one does now."""
    before = last
    for package in (*packages, last):
        approvals = [{"role": role, "by": PEOPLE[role], "why": "it earns more", "entry": ""} for role in ("business", "devops")]
        yield Draft(kind="approval", subject=package, body={"move": "promotion", "role": "business", "verdict": "yes", "why": "it earns more", "about": ""})
        yield Draft(kind="champion", subject=package, body={"how": PROMOTED, "why": "it passed its gates", "previous": before, "approvals": approvals})
        before = package


def _experiments(ledger: Ledger) -> None:
    """All but the last have ended."""
    plan = Planned.model_validate({"effect": 0.1, "metric": "outcome", "until": str((now() + timedelta(days=30)).date())})
    ways = [Way(name="old", share=0.5), Way(name="new", share=0.5)]
    for number in range(EXPERIMENTS):
        name = f"greeting {number}"
        ledger.append(conduct.begin((), name, "feature", ways, plan, package="", is_tried=False, why="is it better?", who=PEOPLE["ml"]))
        if number < EXPERIMENTS - 1:
            (one,) = folded(ledger.read(kinds=("experiment",), subject=name))
            ledger.append(conduct.end(one, None, winner="new", told_by="person", why="it is clear", who=PEOPLE["business"]))


def _probes() -> Iterator[Draft]:
    for number in range(PROBES):
        slow = 1 + number % 13 / 50
        took: dict[str, Any] = {"requests": 1000, "seconds": 1.0, "p50_us": 90 * slow, "p99_us": 400 * slow}
        measures = (
            Measure(operation="read", access="random", block_bytes=4096, depth=1, **took),
            Measure(operation="durable write", access="sequential", block_bytes=4096, depth=1, **took),
            Measure(operation="read", access="sequential", block_bytes=1 << 20, depth=8, **took),
        )
        place, role = (("/data/lake", "lake"), ("/data/ledger.db", "ledger"))[number % 2]
        probed = Probed(place=place, roles=(role,), kind="folder", bypassed="direct", measures=measures)
        yield Draft(kind=PROBE, subject=probed.place, body={**probed.as_json(), "machine": "m"})


def _works() -> Iterator[Draft]:
    for number in range(WORKS):
        name = ("take the loop round", "replay refused rows", "check the ledger's chain")[number % 3]
        yield Draft(kind=WORK, subject=name, actor=PEOPLE["data"], body={"state": "started", "does": name, "function": ""})
        yield Draft(kind=WORK, subject=name, actor=PEOPLE["data"], body={"state": "done", "does": name, "says": "It is done.", "seconds": 41.0})


def _waivers(packages: Sequence[str]) -> Iterator[Draft]:
    for package in packages[-WAIVERS:]:
        body = {"state": "standing", "role": "business", "why": "known, and no harm", "until": None, "package": package}
        yield Draft(kind="waiver", subject="latency", actor=PEOPLE["business"], body=body)


def _on_trial(loop: Loop, package: str) -> None:
    """A package takes a tenth of the traffic, and is looked at hour by hour."""
    ledger, champion = loop.workspace.ledger, str(loop.state().champion)
    plan = Plan.model_validate({"plan": "canary 10% 30d -> full"}).as_json()
    (leg,) = ledger.append(start(package, champion, plan, {"kind": "canary", "share": 0.1}, salt="s", why="it passed its gates", parents=()))
    for look in range(1, LOOKS + 1):
        many = 200 * look
        arm = Arm(requests=many, errors=1, latency=Moments(n=many, mean=5.0, m2=many), worth=Moments(n=many, mean=2.0, m2=many))
        seen = Evidence(champion=arm, challenger=replace(arm, errors=0), currency="EUR").as_json()
        facts = {"says": "", "leg": leg.id, "evidence": [seen]}
        ledger.append(Draft(kind="step", subject="watch", key=f"trial {look}", body={"state": "succeeded", "name": "trial", "facts": facts}))
