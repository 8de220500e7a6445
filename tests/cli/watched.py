"""A project that has been released, served and watched: three quiet days, then four in which `size` is not what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
from click.testing import CliRunner, Result

from loopline.loop import open_loop
from loopline.serve.log import Log
from tests.release.conftest import table

DECLARATION = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
  target: 1000 per year
  acceptance:
    - {id: A1, says: Mostly right, check: precision >= 0.2}
    - {id: A2, says: Nobody waits}
data:
  sources:
    t: {path: t.csv, time: at}
model: {families: [linear], search: {trials: 1}, assess: {refits: false}}
"""
Call = Callable[..., Result]


def released(folder: Path) -> Path:
    """The folder with a project whose package decides, and which nobody has asked yet."""
    table("binary").write_csv(folder / "t.csv")
    (folder / "loopline.yaml").write_text(DECLARATION)
    with open_loop(folder) as loop:
        assert loop.run().champion
    return folder


def watched(folder: Path) -> Path:
    """The folder with a project that has served for a week."""
    released(folder)
    rng = np.random.default_rng(5)
    with open_loop(folder) as loop, Log(loop.workspace.lake.log) as log:
        for day in range(7):
            rows = 120
            size = rng.normal(3.0 if day > 2 else 0.0, 1.0, rows)
            start = datetime(2026, 3, 2) + timedelta(days=day)
            asked = pl.DataFrame(
                {
                    "size": size,
                    "kind": rng.choice(["a", "b", "c"], rows),
                    "at": [start + timedelta(minutes=index) for index in range(rows)],
                    "noise": rng.normal(size=rows),
                }
            )
            answers = loop.score(asked)
            happened = np.where(2 * size + rng.normal(scale=0.5, size=rows) > 0.5, "yes", "no")
            said = [
                json.dumps({"id": id, "outcome": str(outcome), "time": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"})
                for id, outcome in zip(answers["prediction_id"], happened, strict=True)
            ]
            log.append("outcomes", "".join(f"{line}\n" for line in said).encode()).result(timeout=10)
        assert loop.run().exit_code == 0
    return folder


def caller(command: click.Command, folder: Path) -> Call:
    """Calls the command in the folder; an error that is no exit is raised."""

    def called(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(command, [*words, "--folder", str(folder)])
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return called


def told(result: Result) -> dict[str, Any]:
    """The JSON object that a command printed."""
    said: dict[str, Any] = json.loads(result.stdout)
    return said
