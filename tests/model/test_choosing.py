"""The choice: on any number of workers the same, within its budgets, calibrated, and better than what it is made of."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.engine.step import Facts
from loopline.errors import Mistake
from tests.conftest import REPOSITORY
from tests.model.studies import Study, table


def singles(study: Study) -> list[dict[str, Any]]:
    """The bodies of the trials that were fitted."""
    return [entry.body for entry in study.entries("trial") if entry.body["family"] != "ensemble"]


def study(folder: Path, **search: Any) -> Study:
    return Study(folder, table("binary", rows=400), "binary", model={"families": ["linear", "lightgbm"], "search": {"trials": 5, **search}})


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Facts]:
    """The search as one worker makes it."""
    whole = study(tmp_path_factory.mktemp("alone"), workers=1)
    return whole, whole.run()


def test_two_workers_make_the_same_trials_and_the_same_package_as_one(alone: tuple[Study, Facts], tmp_path: Path) -> None:
    (one, first), two = alone, study(tmp_path / "two", workers=2)
    second = two.run()
    assert [body["params"] for body in singles(one)] == [body["params"] for body in singles(two)]
    assert first["search"]["workers"] == 1 and second["search"]["workers"] == 2
    assert one.package(first).contents["model.onnx"] == two.package(second).contents["model.onnx"]


@pytest.mark.torture
def test_killed_while_workers_fit_it_goes_on_and_ends_alike(alone: tuple[Study, Facts], tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.model.test_choosing import study; from tests.model.studies import DiesAfter\n"
        "if __name__ == '__main__': study(Path(sys.argv[1]), workers=2).run(DiesAfter(2))"
    )
    program = tmp_path / "search.py"
    program.write_text(script)
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    ended = subprocess.run([sys.executable, str(program), str(tmp_path / "killed")], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    killed = study(tmp_path / "killed", workers=2)
    before = {entry.key: entry.id for entry in killed.entries("trial")}
    assert before
    whole, facts = alone
    assert killed.package(killed.run()).contents["model.onnx"] == whole.package(facts).contents["model.onnx"]
    after = [entry for entry in killed.entries("trial") if entry.body["family"] != "ensemble"]
    assert before.items() <= {entry.key: entry.id for entry in after}.items()
    assert len(after) == len({entry.key for entry in after}) == 5


def test_the_ensemble_is_one_package_whose_members_are_told(tmp_path: Path) -> None:
    made = Study(tmp_path, table("binary", rows=1500), "binary", time=None, model={"search": {"trials": 8}})
    facts = made.run()
    members = facts["search"]["members"]
    assert facts["family"] == "ensemble" and len(members) > 1
    assert sum(member["weight"] for member in members) == pytest.approx(1)
    scoring = made.package(facts).parsed("scoring.json")
    assert scoring["members"] == members
    (joint,) = [entry.body for entry in made.entries("trial") if entry.body["family"] == "ensemble"]
    assert joint["loss"] <= min(body["loss"] for body in singles(made)) + 0.01


def test_scores_that_are_off_are_put_on_scale(tmp_path: Path) -> None:
    frame = table("binary", rows=6000).filter((pl.col("y") == "no") | (pl.int_range(pl.len()) % 6 == 0))
    made = Study(tmp_path, frame, "binary", time=None, model={"families": ["lightgbm"], "search": {"trials": 1, "weighting": ["balanced"]}})
    facts = made.run()
    assert made.package(facts).parsed("scoring.json")["calibration"]["kind"] != "none", "balanced classes are not the classes' shares"
    evidence = pl.read_parquet(made.blobs().get(facts["evidence"]))
    predictor = made.predictor(facts)
    score = predictor.predict(
        {name: evidence[name].to_numpy() if evidence[name].dtype != pl.String else evidence[name].to_list() for name in predictor.columns if name != "at"}
    ).score
    assert float(np.mean(score)) == pytest.approx(float(evidence["__outcome"].mean()), abs=0.05)  # type: ignore[arg-type]


def test_a_metric_may_rank_and_a_strange_one_is_told(tmp_path: Path) -> None:
    ranked = study(tmp_path / "ranked", by="roc_auc")
    ranked.run()
    assert all(body["value"] == pytest.approx(body["metrics"]["roc_auc"], abs=0.05) for body in singles(ranked))
    with pytest.raises(Mistake, match="'rmse' is no metric of a binary task"):
        study(tmp_path / "strange", by="rmse").run()


def test_a_cap_of_money_needs_a_price(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="capped by money, and the price of this machine is not said"):
        study(tmp_path, spend=1.0).run()


def test_prices_and_volume_end_a_search_that_no_longer_pays(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "prices.yaml").write_text("machine: 1000000 per hour\n")
    made = Study(
        tmp_path,
        table("binary"),
        "binary",
        model={"families": ["linear"], "search": {"trials": 60}},
        charter={"prices": "prices.yaml", "volume": "1 per year"},
    )
    facts = made.run()
    assert facts["trials"] < 60
    assert "cost" in facts["search"]["ended"] and "EUR" in facts["search"]["ended"]


def test_less_memory_lets_fewer_work_at_once(tmp_path: Path) -> None:
    facts = study(tmp_path, workers=2, memory_gb=0.1).run()
    assert facts["search"]["workers"] == 1


def test_the_teams_rule_must_be_beaten(tmp_path: Path) -> None:
    made = Study(tmp_path, table("binary", rows=900), "binary", model={"families": ["linear"], "search": {"trials": 2}, "baseline": "size > 0.5"})
    worth = made.run()["worth"]
    assert worth["rule"] == "the present rule (size > 0.5)"
    assert [way["says"] for way in worth["ways"]] == ["always act", "the present rule (size > 0.5)"]
    assert worth["baseline"] == pytest.approx(worth["ways"][1]["per_decision"])
    assert worth["gain"]["mean"] == pytest.approx(worth["per_decision"] - worth["baseline"])


@pytest.mark.parametrize(("rule", "said"), [("size >", "no expression"), ("weight > 3", "'weight' is not in the table")])
def test_a_rule_that_cannot_be_is_told_before_the_search(tmp_path: Path, rule: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        Study(tmp_path, table("binary"), "binary", model={"baseline": rule}).run()


def test_the_season_before_must_be_beaten_too(tmp_path: Path) -> None:
    made = Study(tmp_path, table("regression", rows=900), "regression", model={"families": ["linear"], "search": {"trials": 2}, "season": "1d"})
    ways = made.run()["worth"]["ways"]
    assert [way["says"] for way in ways][1] == "what was 1d before"


def test_the_package_holds_its_assessment(tmp_path: Path) -> None:
    made = Study(tmp_path, table("binary", rows=900), "binary", model={"families": ["linear"], "search": {"trials": 2}, "fairness": ["kind"]})
    document = json.loads(made.package(made.run()).contents["evaluation.json"])
    assert all(part.get("says") for part in document.values())
    assert "refits" not in json.dumps(document["cost"])
    again = Study(tmp_path / "again", table("binary", rows=900), "binary", model={"families": ["linear"], "search": {"trials": 2}, "fairness": ["kind"]})
    assert json.loads(again.package(again.run()).contents["evaluation.json"]) == document
