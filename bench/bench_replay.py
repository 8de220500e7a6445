"""All flights of 2013 served and told what became of them, then through windows, monitors and review."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from loopline.cli.flights import prepare
from loopline.loop import Loop, open_loop
from loopline.serve.log import Log

_OUTCOME = "late"


def rows() -> Iterator[dict[str, Any]]:
    """The figures, one by one."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where) / "flights"
        prepared = prepare(folder)
        _shorten(prepared.declaration)
        with open_loop(folder) as loop:
            loop.run(until="release")
            served = _serve(loop, [*prepared.delivered, *prepared.later])
            collected = loop.run(until="serve")
            watched = loop.run()
        seconds = {stage.stage: stage.seconds for stage in (*collected.stages, *watched.stages) if not stage.cached}
        yield _row(f"replay: {served:,} predictions and their outcomes collected into tables", seconds["serve"], goal=None)
        yield _row("replay: windows and monitors over all of them, alerts told", seconds["watch"], goal=None)
        yield _row("replay: the review", seconds["value"], goal=None)
        yield _row("replay: windows, monitors and review", seconds["watch"] + seconds["value"], goal="<= 20")


def _shorten(declaration: Path) -> None:
    """One candidate and no approvals: what is measured comes after the release."""
    text = declaration.read_text().replace("approvals: {business: 1, devops: 1}", "approvals: {}").replace("trials: 4", "trials: 1")
    declaration.write_text(text.replace("families: [linear, lightgbm]", "families: [lightgbm]"))


def _serve(loop: Loop, months: list[Path]) -> int:
    """Score the year's flights and tell their outcomes, as the server would have logged them; how many predictions there are."""
    told = 0
    for month in months:
        frame = pl.read_csv(month, try_parse_dates=False, infer_schema_length=None)
        said = loop.score(frame.drop(_OUTCOME)).with_columns(outcome=frame[_OUTCOME]).filter(pl.col("prediction_id").is_not_null())
        known = said.filter(pl.col("outcome").is_not_null())
        now = datetime.now(UTC).isoformat()
        records = [{"id": id, "outcome": str(outcome), "time": now} for id, outcome in known.select("prediction_id", "outcome").iter_rows()]
        with Log(loop.workspace.lake.log) as log:
            log.append("outcomes", msgspec.json.Encoder().encode_lines(records)).result()
        told += said.height
    return told


def _row(name: str, value: float, *, goal: str | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "s", "baseline": None, "ratio": None, "goal": goal}
