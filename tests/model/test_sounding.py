"""What each way to decide earns, before the search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.charter.worth import Worth
from loopline.expression.language import parse
from loopline.model import sounding
from tests.model.studies import Study, table

TASKS = ("binary", "multiclass", "regression")


def earned(task: Any, facts: Any) -> dict[str, float]:
    """The money per decision of each way, from the terms and their prices."""
    terms = Worth.of(WorthSpec.model_validate(facts["priced_at"]), task).terms
    price = [1.0 if money else terms[name] for name, money in zip(facts["terms"], facts["is_money"], strict=True)]
    return {way["name"]: float(np.dot(price, means)) for way, means in zip(facts["alternatives"], facts["means"], strict=True)}


@pytest.mark.parametrize("task", TASKS)
def test_a_quick_model_earns_more_than_none_and_less_than_a_perfect_one(tmp_path: Path, task: str) -> None:
    facts = Study(tmp_path, table(task), task, key=("id",)).sounded()
    assert json.loads(json.dumps(facts)) == facts, "plain values"
    assert (facts["rows"], facts["learned"], facts["judged"], facts["blocks"]) == (600, 480, 120, 5)
    money = earned(task, facts)
    assert money["nothing"] < money["model"] < money["perfect"]
    assert ("rule" in money, "always" in money) == (task == "binary", task != "multiclass")
    assert np.shape(facts["covariance"]) == (len(money) * len(facts["terms"]),) * 2
    assert f"perfect {money['perfect']:.4g}" in facts["says"]
    assert not facts["without"] and not facts["leaks"]


def test_the_number_that_the_prices_ask_for_is_no_merit_of_a_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise = table("regression").with_columns(pl.Series("y", 100 + 20 * rng.standard_normal(600)))
    facts = Study(tmp_path, noise, "regression", charter={"worth": {"currency": "EUR", "over": -1, "under": -9}}).sounded()
    money = earned("regression", facts)
    assert money["nothing"] < money["always"] - 20 and money["model"] < money["always"] + 3


def test_the_models_money_by_the_row_is_told_as_money(tmp_path: Path) -> None:
    charter = {"worth": {"currency": "EUR", "act_right": "10 + count", "act_wrong": -6}}
    facts = Study(tmp_path, table("binary"), "binary", charter=charter).sounded()
    assert facts["is_money"] == [True, False, False, False]
    rested, perfect = facts["means"][0], facts["means"][-1]
    assert rested[:2] == [0, 0] and rested[2] == pytest.approx(facts["happens"]) and rested[2] + rested[3] == pytest.approx(1)
    assert perfect[0] > 10 * facts["happens"]


def test_rows_that_are_judged_by_have_no_part_in_the_rule_or_the_model(tmp_path: Path) -> None:
    frame = table("binary")
    later = pl.int_range(pl.len()) >= 480
    other = frame.with_columns(
        pl.when(later).then(pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))).otherwise(pl.col("y")).alias("y"),
        pl.when(later).then(-pl.col("size")).otherwise(pl.col("size")).alias("size"),
    )
    said = [{way["name"]: way["says"] for way in Study(tmp_path / str(at), one, "binary").sounded()["alternatives"]} for at, one in enumerate((frame, other))]
    assert said[0] == said[1] and {"rule", "model"} <= set(said[0])


def test_a_column_that_is_the_outcome_is_named_and_not_learned_from(tmp_path: Path) -> None:
    frame = table("binary").with_columns((pl.col("y") == "yes").cast(pl.Float64).alias("arrived"))
    leaky, clean = Study(tmp_path / "leaky", frame, "binary").sounded(), Study(tmp_path / "clean", table("binary"), "binary").sounded()
    assert leaky["leaks"] == ["arrived"]
    assert leaky["alternatives"] == clean["alternatives"]
    allowed = Study(tmp_path / "allowed", frame, "binary", model={"leaks": {"allow": ["arrived"]}}).sounded()
    assert "arrived" in next(way["says"] for way in allowed["alternatives"] if way["name"] == "rule")


def test_the_teams_present_rule_is_told_beside_a_better_one(tmp_path: Path) -> None:
    facts = Study(tmp_path, table("binary"), "binary", model={"baseline": "count > 4"}).sounded()
    names = [way["name"] for way in facts["alternatives"]]
    assert names == ["nothing", "always", "present", "rule", "model", "perfect"]
    rule = next(way["says"] for way in facts["alternatives"] if way["name"] == "rule")
    assert "size" in parse(rule).names
    money = earned("binary", facts)
    assert money["present"] < money["rule"] <= money["perfect"]


def test_what_was_a_season_before_is_told_from_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounding, "ROWS", 100)
    frame = table("regression").with_columns((pl.col("at").dt.hour() + pl.col("size").fill_null(0) / 10).alias("y"))
    facts = Study(tmp_path, frame, "regression", model={"season": "1d"}).sounded()
    assert (facts["rows"], facts["learned"], facts["judged"]) == (600, 100, 100)
    said = {way["name"]: way for way in facts["alternatives"]}
    assert said["present"]["says"] == "what was 1d before" and said["present"]["error"] < 0.2 < said["nothing"]["error"]


@pytest.mark.parametrize("policy", [{"ask": {"at_most": "20%", "costs": 0.1}}, {"capacity": "3 per day"}, {"budget": "3 per day", "cost": "size * 0 + 1"}])
def test_a_declared_policy_is_held_to_and_nobody_is_asked(tmp_path: Path, policy: dict[str, Any]) -> None:
    facts = Study(tmp_path, table("binary"), "binary", model={"policy": policy}).sounded()
    ways = {way["name"]: way for way in facts["alternatives"]}
    assert "ask" not in ways["model"]["says"]
    if "ask" not in policy:
        assert all(way["acted"] <= 3 / 24 for way in ways.values()), "3 of 24 each day"
        assert ways["always"]["says"] == "always act, on those that come first, as far as the limit goes"


def test_a_limit_holds_at_the_charters_volume(tmp_path: Path) -> None:
    limited = {"policy": {"capacity": "20 per day"}}
    facts = Study(tmp_path / "few", table("binary"), "binary", model=limited, charter={"volume": "240 per day"}).sounded()
    assert max(way["acted"] for way in facts["alternatives"]) == pytest.approx(20 / 240, abs=0.01)
    none = Study(tmp_path / "many", table("binary"), "binary", model=limited, charter={"volume": "2400 per day"}).sounded()
    assert "of the 120 rows that would be judged the limit leaves fewer than 5 to act on" in none["absent"]


def test_where_only_acting_shows_the_outcome_it_speaks_of_those_rows_alone(tmp_path: Path) -> None:
    frame = table("binary").with_columns(pl.when(pl.int_range(pl.len()) % 4 > 0).then("y").alias("y"))
    always, acted = (Study(tmp_path / seen, frame, "binary", charter={"outcome_seen": seen}).sounded() for seen in ("always", "when_acted"))
    assert always["shown"] == acted["shown"] == 0.75
    assert "75% of the rows alone in which somebody acted" in acted["says"] and "somebody" not in always["says"]


def test_a_few_days_are_as_many_blocks_and_one_day_tells_nothing(tmp_path: Path) -> None:
    frame = table("binary").with_columns((pl.col("at").min() + pl.duration(minutes=8 * pl.int_range(pl.len()))).alias("at"))
    assert Study(tmp_path / "few", frame, "binary").sounded()["blocks"] == 2
    day = frame.with_columns((pl.col("at").min() + pl.duration(seconds=pl.int_range(pl.len()))).alias("at"))
    assert "are all of one day, and do not tell how other days differ" in Study(tmp_path / "one", day, "binary").sounded()["absent"]


def test_of_what_is_rare_more_rows_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounding, "ROWS", 50)
    monkeypatch.setattr(sounding, "RARE", 20)
    rare = table("binary").with_columns(pl.when(pl.int_range(pl.len()) % 10 > 0).then(pl.lit("no")).otherwise(pl.lit("yes")).alias("y"))
    facts = Study(tmp_path, rare, "binary").sounded()
    assert (facts["learned"], facts["judged"], facts["happens"]) == (200, 120, 0.1)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (table("binary", 20).with_columns(pl.lit("no").alias("y")), "have the same outcome"),
        (table("binary", 60).with_columns(pl.lit(None, dtype=pl.String).alias("y")), "no row's outcome is known"),
    ],
)
def test_what_the_data_cannot_tell_is_said_and_stops_nothing(tmp_path: Path, frame: pl.DataFrame, why: str) -> None:
    facts = Study(tmp_path, frame, "binary").sounded()
    assert set(facts) == {"says", "absent"} and why in facts["absent"]


def test_a_way_that_cannot_be_tried_leaves_the_others(tmp_path: Path) -> None:
    frame = table("binary").select("id", "same", "y")
    facts = Study(tmp_path, frame, "binary", time=None, key=("id",), model={"baseline": "id"}).sounded()
    assert [way["name"] for way in facts["alternatives"]] == ["nothing", "always", "perfect"]
    assert set(facts["without"]) == {"present", "rule", "model"}
    assert "no column is left to learn from" in facts["without"]["model"]
