"""Where retraining is declared, new data alone trains nothing; what asks for it does, and a model that does not improve is not promoted."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from bench.shop import make, visit
from loopline.loop import LoopStatus, open_loop


def deliver(folder: Path, number: int, *, first: int, rows: int) -> None:
    chance = random.Random(number)
    with (folder / "deliveries" / f"{number}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["visit", "at", "pages", "minutes", "source", "bought"])
        writer.writerows(visit(chance, first + place) for place in range(rows))


def run(folder: Path, *, fresh: str | None = None) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run(fresh=fresh)


def why(status: LoopStatus, stage: str) -> str:
    return next(one.why for one in status.stages if one.stage == stage)


def searches(folder: Path) -> list[str]:
    """The packages of the searches that were made, oldest first."""
    with open_loop(folder) as loop:
        ended = [entry for entry in loop.state().ended if entry.body["name"] == "search" and not entry.body.get("recalled")]
        return [entry.body["facts"]["package"] for entry in ended]


def test_a_retraining_is_asked_for_judged_and_held_back(tmp_path: Path) -> None:
    folder = make(tmp_path / "shop")
    declaration = folder / "loopline.yaml"
    declaration.write_text(
        declaration.read_text().replace("[linear, lightgbm]", "[linear]").replace("trials: 4", "trials: 2")
        + "watch:\n  retrain: {when: [outcomes: 100], at_most: 1 per month}\n"
    )
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
    run(folder, fresh="model")
    assert len(searches(folder)) == 3
    declaration.write_text(declaration.read_text().replace("trials: 2", "trials: 1"))
    run(folder)
    assert len(searches(folder)) == 4, "another declaration asks for another search, as ever"
