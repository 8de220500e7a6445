"""Declared policies through a whole search: what the package decides, and what it needs to be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.data.spec import SourceSpec
from loopline.engine.step import Silence
from loopline.errors import CheckFailed, Mistake
from loopline.lake.place import Lake
from loopline.model.columns import raw
from loopline.model.policy import money
from loopline.model.predictor import Predictor
from loopline.serve.files import score_file
from loopline.serve.log import Log
from loopline.serve.scorer import Scorer
from tests.model.studies import Study, table

FRAME = table("binary").with_columns(fee=1 + pl.int_range(600) % 3, who=pl.Series(["x", "y"] * 300))
ONE = {"families": ["linear"], "search": {"trials": 1}, "leave_out": ["fee", "who", "id"]}


def run(folder: Path, policy: dict[str, Any], **charter: Any) -> tuple[Study, dict[str, Any], Predictor]:
    study = Study(folder, FRAME, "binary", model={**ONE, "policy": policy}, charter=charter)
    facts = study.run()
    return study, dict(facts), Predictor(study.package(facts))


def roles(predictor: Predictor, name: str) -> tuple[list[str], bool]:
    (column,) = [column for column in predictor.signature["columns"] if column["name"] == name]
    return column["roles"], column["needed"]


def test_a_budget_by_a_columns_cost(tmp_path: Path) -> None:
    _, facts, predictor = run(tmp_path, {"budget": "9 per day", "cost": "fee"})
    assert facts["policy"]["kind"] == "budget"
    assert roles(predictor, "fee") == (["policy"], True)
    assert "fee" in predictor.columns
    columns = raw(FRAME, predictor.columns) | raw(FRAME, ["at"])
    together = predictor.predict(columns, whole_periods=True).decision == "act"
    assert np.add.reduceat(together * columns["fee"], np.arange(0, 600, 24)).max() <= 9
    plain = {name: FRAME[name].to_list() for name in predictor.columns}
    assert (predictor.predict(plain).decision == predictor.predict(columns).decision).all()
    with pytest.raises(Mistake, match="needs the column 'at'"):
        predictor.predict({name: columns[name] for name in predictor.columns if name != "at"}, whole_periods=True)


def test_a_file_of_whole_days_holds_the_capacity_in_each(tmp_path: Path) -> None:
    _, _, predictor = run(tmp_path, {"capacity": "5 per day"})
    FRAME.drop("y").write_csv(tmp_path / "in.csv")
    scorer, lake = Scorer(predictor), Lake(str(tmp_path / "lake"))

    def acted(out: str, **asked: bool) -> list[int]:
        with Log(lake.log) as log:
            score_file(scorer, log, lake, tmp_path / "in.csv", tmp_path / out, like=SourceSpec(path="x"), written={}, progress=Silence(), **asked)
        decided = pl.read_csv(tmp_path / out)
        days = pl.DataFrame({"day": FRAME["at"].dt.date()[decided["line"] - 2], "acted": decided["decision"] == "act"})
        return days.group_by("day").agg(pl.col("acted").sum())["acted"].to_list()

    assert max(acted("whole.csv", whole_periods=True)) <= 5
    assert max(acted("alone.csv")) > 5, "row by row the capacity holds on the average"


def test_prices_by_the_row_are_asked_for_when_serving(tmp_path: Path) -> None:
    worth = {"currency": "EUR", "act_right": "40 if who == 'x' else 1", "act_wrong": -6}
    _, facts, predictor = run(tmp_path, {"kind": "expected_worth"}, worth=worth)
    assert facts["policy"]["terms"]["act_right"] == worth["act_right"]
    assert roles(predictor, "who") == (["worth"], True)
    both = predictor.predict({**raw(FRAME[[3, 3]], predictor.columns), "who": ["x", "y"]})
    chance = both.score
    assert both.decision.tolist() == ["act" if chance[0] * 40 > (1 - chance[0]) * 6 else "rest", "act" if chance[1] > (1 - chance[1]) * 6 else "rest"]


def test_a_person_is_asked_and_the_figures_count_it(tmp_path: Path) -> None:
    study, facts, predictor = run(tmp_path, {"ask": {"at_most": "20%", "costs": 0.1}})
    assert facts["policy"]["ask"]["costs"] == 0.1
    assert facts["policy"]["chosen_on"]["rows"] > 0
    worth = Worth.of(WorthSpec(currency="EUR", act_right=10, act_wrong=-6), "binary")
    decided = predictor.predict(raw(FRAME[480:], predictor.columns)).decision
    assert "ask" in decided
    from_test = money(predictor.policy, worth, decided, (FRAME["y"][480:] == "yes").to_numpy(), {})
    assert facts["worth"]["per_decision"] == pytest.approx(from_test.mean())
    (place, *_) = (480 + at for at in np.flatnonzero(decided == "ask").tolist() if FRAME["kind"][480 + at] is not None)
    asked = {column["name"] for column in predictor.signature["columns"] if column["needed"]}
    row = {name: value for name, value in FRAME.row(place, named=True).items() if name in asked}
    row["at"] = row["at"].isoformat()
    (made,), problems = Scorer(predictor).score([row], FRAME["at"][0])
    assert (made.decision, problems) == ("ask", [])
    assert "ask a person where" in study.package(facts).contents["card.md"].decode()


def test_a_column_that_is_the_outcome_stops_the_search_unless_somebody_allows_it(tmp_path: Path) -> None:
    frame = table("binary").with_columns(answer=pl.when(pl.col("y") == "yes").then(7.0).otherwise(2.0))
    with pytest.raises(CheckFailed, match="answer alone nearly gives y"):
        Study(tmp_path / "stopped", frame, "binary", model=ONE | {"leave_out": []}).run()
    facts = Study(tmp_path / "allowed", frame, "binary", model=ONE | {"leave_out": [], "leaks": {"allow": ["answer"]}}).run()
    assert ["answer"] in [finding["columns"] for finding in facts["leaks"]]


def test_a_policy_that_the_task_or_the_rows_cannot_have_is_refused_before_the_search(tmp_path: Path) -> None:
    limited = {"policy": {"capacity": "5 per day"}}
    with pytest.raises(Mistake, match="the task is regression"):
        Study(tmp_path / "number", table("regression"), "regression", model=limited).run()
    with pytest.raises(Mistake, match="needs the time of the rows"):
        Study(tmp_path / "timeless", table("binary"), "binary", model=limited, time=None).run()
    with pytest.raises(Mistake, match="the column 'wage' is not in the table"):
        Study(tmp_path / "costly", table("binary"), "binary", model={"policy": {"budget": "5 per day", "cost": "wage"}}).run()
