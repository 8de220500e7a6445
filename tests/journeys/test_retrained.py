"""Where retraining is declared, new data alone trains nothing; what asks for it does, and a model that does not improve is not promoted."""

from __future__ import annotations

import csv
import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from bench.shop import make, visit
from loopline.loop import LoopStatus, open_loop
from loopline.serve.log import Log
from tests.cli.watched import DECLARATION
from tests.release.conftest import table


def deliver(folder: Path, number: int, *, first: int, rows: int) -> None:
    chance = random.Random(number)
    with (folder / "deliveries" / f"{number}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["visit", "at", "pages", "minutes", "source", "bought"])
        writer.writerows(visit(chance, first + place) for place in range(rows))


def run(folder: Path) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run()


def why(status: LoopStatus, stage: str) -> str:
    return next(one.why for one in status.stages if one.stage == stage)


def searches(folder: Path) -> list[str]:
    """The packages of the searches that were made, oldest first."""
    with open_loop(folder) as loop:
        steps = [entry.body for entry in loop.workspace.ledger.read(kinds=("step",), subject="model")]
    return [body["facts"]["package"] for body in steps if (body["state"], body["name"]) == ("succeeded", "search") and not body.get("recalled")]


def test_a_retraining_is_asked_for_judged_and_held_back(tmp_path: Path) -> None:
    folder = make(tmp_path / "shop")
    declaration = folder / "loopline.yaml"
    model = "model: {families: [linear], search: {trials: 1}, assess: {refits: false}}\nrelease: {latency_ms: 1000}\n"
    watch = "watch:\n  retrain: {when: [outcomes: 100], at_most: 1 per month}\n"
    declaration.write_text(declaration.read_text().partition("model:")[0] + model + watch)
    champion = run(folder).champion

    deliver(folder, 2, first=400, rows=60)
    status = run(folder)
    assert "450 of 460 rows" in why(status, "data") and len(searches(folder)) == 1
    with open_loop(folder) as loop:
        stages = loop.status().stages
    assert [stage.state for stage in stages] == ["done"] * 7 and stages[2].entry is not None

    deliver(folder, 3, first=460, rows=60)
    status = run(folder)
    first, second = searches(folder)
    with open_loop(folder) as loop:
        (asked,) = loop.state().retrains
        verdict = loop.state().facts("release", "gates")
    assert asked.subject == first == champion and asked.body["triggers"] == ["outcomes"]
    assert verdict is not None and verdict["package"] == second and verdict["against"] == champion
    improves = next(gate["passed"] for gate in verdict["gates"] if gate["name"] == "beats_champion")
    assert status.champion == (second if improves else first)
    assert ("which decides" if improves else "does not improve and is not promoted") in why(status, "watch")

    deliver(folder, 4, first=520, rows=120)
    status = run(folder)
    assert len(searches(folder)) == 2
    assert "held back: watch.retrain.at_most allows 1 per month" in why(status, "watch")
    # A person may ask for what the brake holds back.
    with open_loop(folder) as loop:
        loop.run(until="model", fresh="model")
    assert len(searches(folder)) == 3


def serve_contrary_days(folder: Path) -> None:
    """A week in which what happens is contrary to what was learned, with its outcomes."""
    rng = np.random.default_rng(5)
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        for day in range(7):
            start, size = datetime(2026, 3, 2) + timedelta(days=day), rng.normal(size=120)
            at = [start + timedelta(minutes=index) for index in range(120)]
            answers = loop.score(pl.DataFrame({"size": size, "kind": rng.choice(["a", "b", "c"], 120), "at": at, "noise": rng.normal(size=120)}))
            pairs = zip(answers["prediction_id"], size < 0, strict=True)
            said = [json.dumps({"id": id, "outcome": "yes" if bad else "no", "time": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}) for id, bad in pairs]
            log.append("outcomes", "".join(f"{line}\n" for line in said).encode()).result(timeout=10)


def test_a_loss_asks_once_there_is_something_to_learn_from(tmp_path: Path) -> None:
    rows = table("binary")
    rows.write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(f"{DECLARATION}release: {{latency_ms: 1000}}\nwatch: {{retrain: {{}}}}\n")
    assert run(tmp_path).champion
    serve_contrary_days(tmp_path)
    status = run(tmp_path)
    assert "held back: no data has come since the last training" in why(status, "watch")
    later = pl.col("at") + (rows["at"].max() - rows["at"].min()) + timedelta(hours=1)
    rows.vstack(rows.with_columns(later, y=pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes")))).write_csv(tmp_path / "t.csv")
    run(tmp_path)
    assert len(searches(tmp_path)) == 2
    with open_loop(tmp_path) as loop:
        (asked,) = loop.state().retrains
        alerts = {f"{entry.subject} {entry.key}" for entry in loop.workspace.ledger.read(kinds=("alert",)) if entry.body["monitor"] != "drift"}
    assert asked.body["triggers"] == ["loss"] and set(asked.body["alerts"]) <= alerts
    assert "EUR" in asked.body["says"]
