"""A challenger on trial is judged by every turn, whatever ails the stages that would make its successor."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from loopline.lake.blobs import Blobs
from loopline.loop import open_loop
from loopline.model.signing import Trust
from loopline.release.rollout.course import newest, start
from loopline.release.rollout.plan import Plan
from loopline.serve.log import Log
from loopline.serve.scorer import load
from loopline.serve.trial import Challenger, Trial
from tests.release.conftest import table

DECLARATION = """
project: shop
charter: {predict: y, positive: "yes", worth: {currency: EUR, act_right: 10, act_wrong: -6}}
data: {sources: {t: {path: t.csv, time: at}}}
model: {families: [FAMILY], search: {trials: 1}, assess: {refits: false}}
"""


def made(folder: Path, family: str) -> str:
    """The package that the search makes with a family."""
    (folder / "loopline.yaml").write_text(DECLARATION.replace("FAMILY", family))
    with open_loop(folder) as loop:
        loop.run(until="release")
        return str((loop.state().facts("model", "search") or {})["package"])


def test_one_that_is_gone_is_withdrawn_although_the_data_cannot_be_read(tmp_path: Path) -> None:
    table("binary").write_csv(tmp_path / "t.csv")
    challenger = made(tmp_path, "lightgbm")
    champion = made(tmp_path, "linear")
    with open_loop(tmp_path) as loop:
        assert loop.state().champion == champion
        ledger, lake = loop.workspace.ledger, loop.workspace.lake
        plan = Plan.model_validate({"plan": "canary 50% 1h -> full"}).as_json()
        (begun,) = ledger.append(start(challenger, champion, plan, {"kind": "canary", "share": 0.5}, salt="s", why="a test", parents=()))
        Blobs(lake).remove(challenger)
        trial = Trial(challenger, "canary", 0.5, "s", begun.id)
        rows = table("binary").select("size", "kind", "noise", pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S")).to_dicts()
        answered = Challenger(trial, None, "it cannot be loaded: gone").answer(load(Blobs(lake), champion, Trust.of(ledger)), rows, datetime.now(UTC))
        assert not answered.problems
        encoder = msgspec.json.Encoder()
        with Log(lake.log) as log:
            log.append("predictions", encoder.encode_lines(answered.predictions)).result(timeout=10)
            log.append("shadows", encoder.encode_lines(answered.failed)).result(timeout=10)
    (tmp_path / "t.csv").rename(tmp_path / "elsewhere.csv")
    with open_loop(tmp_path) as loop:
        status = loop.run()
        assert {stage.stage: stage.state for stage in status.stages}["data"] == "failed"
        course = newest(loop.state().rollouts)
        assert course is not None
        assert (course.end, loop.state().champion) == ("withdrawn", champion)
        assert "errors" in course.why
