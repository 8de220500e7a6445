"""What an experiment gathers from the log's tables: who counts for which arm, and what each unit brought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loopline.charter.spec import WorthSpec
from loopline.ledger.entry import Entry
from loopline.model.package import load
from loopline.model.signing import Trust
from loopline.serve.experiments import Arm, Experiment
from loopline.value.experiment.analysis import Gathered
from loopline.value.experiment.results import before_it, of_decisions, of_feature
from loopline.value.experiment.spec import Plan
from loopline.value.logged import Measured
from tests.signing import vouch
from tests.watch.shop import CHARTER, DAY, T0, Crowd, Shop, make_package

PLAN = Plan(effect=1.0)
ID = "7-abc"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def experiment(shop: Shop, sort: Any, *arms: Arm, began: int = 0) -> Experiment:
    entry = Entry(kind="experiment", subject="e", body={}, seq=7, id=ID, project="shop", time=T0, prev_hash="", hash="")
    return Experiment(name="e", sort=sort, id=ID, package=shop.package, began=T0 + began * DAY, arms=arms, plan={}, entries=(entry,))


def measured(shop: Shop, package: str = "", worth: WorthSpec = CHARTER.worth) -> Measured:
    return Measured.of(load(shop.blobs, package or shop.package, Trust.of(shop.ledger)), worth)


def versions(shop: Shop) -> dict[str, int]:
    names = ("predictions", "outcomes", "feedback", "shadows", "assignments", "measures")
    return {name: shop.tables.version(name).version for name in names if shop.tables.exists(name)}


def served(shop: Shop, crowd: Crowd, *, day: int, known: np.ndarray | None = None, **columns: Any) -> list[str]:
    """A day's predictions with more columns, and the outcomes of those that are known; the predictions' ids."""
    rows = len(crowd.x)
    at = [T0 + day * DAY + timedelta(seconds=row) for row in range(rows)]
    ids = [f"20240101-{day}-{row}" for row in range(rows)]
    made = {
        "prediction_id": ids,
        "day": [moment.date() for moment in at],
        "time": at,
        "event_time": at,
        "package": [shop.package] * rows,
        "key": [f'{{"id":{row}}}' for row in range(rows)],
        "row": [f'{{"x":{x}}}' for x in crowd.x.tolist()],
        "score": crowd.score,
        "scores": pl.Series([None] * rows, dtype=pl.String),
        "decision": np.where(crowd.score >= 0.5, "act", "rest").tolist(),
        **{name: list(values) for name, values in columns.items()},
    }
    shop.tables.append("predictions", pl.DataFrame(made, strict=False))
    told = np.ones(rows, dtype=bool) if known is None else known
    shop.tables.append(
        "outcomes",
        pl.DataFrame(
            {
                "prediction_id": np.array(ids)[told],
                "outcome": np.where(crowd.happened, "yes", "no")[told],
                "time": [T0] * int(told.sum()),
                "day": [at[0].date()] * int(told.sum()),
            }
        ),
    )
    return ids


def gathered(shop: Shop, of: Experiment, plan: Plan = PLAN, *, always: bool = True, others: tuple[str, ...] = ()) -> Gathered:
    both = [measured(shop), *(measured(shop, other) for other in others)]
    return of_decisions(shop.tables, versions(shop), of, plan, both, always=always)


POLICIES = (Arm(name="control", share=0.5), Arm(name="eager", share=0.5, policy={"kind": "threshold", "threshold": 0.2}))


def test_each_arm_s_units_bring_what_their_decisions_earned(shop: Shop) -> None:
    crowd, rng = Crowd.of(400, seed=1), np.random.default_rng(1)
    arm = np.where(rng.random(400) < 0.5, "eager", "control")
    decision = np.where(crowd.score >= np.where(arm == "eager", 0.2, 0.5), "act", "rest")
    served(shop, crowd, day=0, arm=arm, experiment=[ID] * 400, decision=decision)
    found = gathered(shop, experiment(shop, "policy", *POLICIES), Plan(effect=1.0, covariate="expected", guards=("acted <= 0",)))
    money = np.where(decision == "act", np.where(crowd.happened, 10.0, -10.0), 0.0)
    for name in ("control", "eager"):
        own = arm == name
        assert found.assigned[name] == len(found.units[name]) == int(own.sum())
        assert found.units[name].mean == pytest.approx(money[own].mean())
        assert found.guarded["acted"][name].mean == pytest.approx((decision[own] == "act").mean())
        # What the champion's own policy lets expect, in either arm.
        expected = np.where(crowd.score >= 0.5, 20 * crowd.score - 10, 0.0)
        before = found.units[name].before
        assert before is not None and before.mean() == pytest.approx(expected[own].mean())


def test_a_unit_that_comes_again_is_one_unit_and_rows_of_no_experiment_are_none(shop: Shop) -> None:
    arm = np.array(["eager", "control"] * 25)
    for day in range(3):
        served(shop, Crowd.of(50, seed=day), day=day, arm=arm, experiment=[ID] * 50)
    served(shop, Crowd.of(50, seed=9), day=3, arm=arm, experiment=["another"] * 50)
    found = gathered(shop, experiment(shop, "policy", *POLICIES))
    assert found.assigned == {"control": 25, "eager": 25}
    assert set(found.units["eager"].count) == {3.0}


def test_rows_without_an_outcome_are_assigned_and_not_counted(shop: Shop) -> None:
    known = np.arange(100) < 40
    served(shop, Crowd.of(100, seed=1), day=0, known=known, arm=["eager", "control"] * 50, experiment=[ID] * 100)
    found = gathered(shop, experiment(shop, "policy", *POLICIES))
    assert (found.assigned["eager"], len(found.units["eager"])) == (50, 20)


def test_where_outcomes_hide_a_decision_counts_by_what_it_earned_above_resting(shop: Shop) -> None:
    crowd, rng = Crowd.of(4000, seed=3), np.random.default_rng(3)
    arm = np.where(rng.random(4000) < 0.5, "eager", "control")
    acts = crowd.score >= np.where(arm == "eager", 0.2, 0.5)
    known = acts & (rng.random(4000) < 0.5)
    served(shop, crowd, day=0, known=known, arm=arm, experiment=[ID] * 4000, decision=np.where(acts, "act", "rest"))
    worth = WorthSpec.model_validate({"act_right": 10, "act_wrong": -10, "miss": -4, "rest": 1})
    found = of_decisions(shop.tables, versions(shop), experiment(shop, "policy", *POLICIES), PLAN, [measured(shop, worth=worth)], always=False)
    above = np.where(acts, np.where(crowd.happened, 14.0, -11.0), 0.0)
    for name in ("control", "eager"):
        assert len(found.units[name]) == found.assigned[name]
        assert found.units[name].mean == pytest.approx(above[arm == name].mean(), abs=0.8)


def test_what_another_package_could_not_answer_counts_for_it(shop: Shop) -> None:
    other, _ = make_package(shop.lake, project="shop-2")

    vouch(shop.ledger, shop.blobs, other)
    crowd = Crowd.of(300, seed=4)
    package = [other if row % 3 == 0 else shop.package for row in range(300)]
    ids = served(shop, crowd, day=0, package=package, leg=[ID] * 300, ms=[1.0 + (row % 3 == 0) for row in range(300)])
    lost = [id for row, id in enumerate(ids) if row % 3 == 1][:20]
    shadows = {"prediction_id": lost, "leg": [ID] * 20, "kind": ["canary"] * 20, "day": [T0.date()] * 20}
    shop.tables.append("shadows", pl.DataFrame(shadows))
    arms = (Arm(name="control", share=0.6, package=shop.package), Arm(name="new", share=0.4, package=other))
    found = gathered(shop, experiment(shop, "package", *arms), Plan(effect=1.0, guards=("ms <= +5",)), others=(other,))
    assert found.assigned == {"control": 180, "new": 120}
    assert found.guarded["ms"]["control"].mean == 1.0 and found.guarded["ms"]["new"].mean == pytest.approx((100 * 2 + 20) / 120)


def test_what_is_held_out_is_in_no_arm(shop: Shop) -> None:
    served(shop, Crowd.of(100, seed=1), day=0, leg=[ID] * 100, holdout=[row < 10 for row in range(100)])
    arms = (Arm(name="control", share=0.5, package=shop.package), Arm(name="new", share=0.5, package="f" * 64))
    assert gathered(shop, experiment(shop, "package", *arms)).assigned["control"] == 90


def test_what_a_unit_earned_before_is_known_of_it(shop: Shop) -> None:
    early, late = Crowd.of(50, seed=5), Crowd.of(60, seed=6)
    served(shop, early, day=0)
    served(shop, late, day=2, arm=["eager", "control"] * 30, experiment=[ID] * 60)
    found = gathered(shop, experiment(shop, "policy", *POLICIES, began=1), Plan(effect=1.0, covariate="prior"))
    before = found.units["eager"].before
    assert before is not None and len(before) == 30
    assert np.sort(before)[:: len(before) - 1] == pytest.approx([early.money()[0::2].min(), early.money()[0::2].max()])


def test_customers_ratings_are_guarded(shop: Shop) -> None:
    ids = served(shop, Crowd.of(40, seed=1), day=0, arm=["eager", "control"] * 20, experiment=[ID] * 40)
    said = [{"prediction_id": id, "rating": 2.0 + (row % 2), "text": None, "who": "a", "time": T0, "day": T0.date()} for row, id in enumerate(ids[:30])]
    shop.tables.append("feedback", pl.DataFrame([*said, {**said[0], "who": "b", "rating": 4.0}], schema_overrides={"text": pl.String}))
    found = gathered(shop, experiment(shop, "policy", *POLICIES), Plan(effect=1.0, guards=("rating >= -1",)))
    assert found.guarded["rating"]["control"].mean == 3.0
    assert found.guarded["rating"]["eager"].mean == pytest.approx((14 * 2 + 3) / 15)


def feature(shop: Shop, plan: Plan) -> Gathered:
    arms = (Arm(name="old", share=0.5), Arm(name="new", share=0.5))
    return of_feature(shop.tables, versions(shop), experiment(shop, "feature", *arms), plan)


def assign(shop: Shop, rows: Mapping[str, str], *, prior: float | None = None, experiment: str = ID, day: int = 0) -> None:
    made = [{"assignment_id": id, "day": T0.date(), "time": T0 + day * DAY, "experiment": experiment, "arm": arm, "prior": prior} for id, arm in rows.items()]
    shop.tables.append("assignments", pl.DataFrame(made, schema_overrides={"prior": pl.Float64}))


def measure(shop: Shop, metric: str, values: Mapping[str, float], *, day: int = 1) -> None:
    made = [{"assignment_id": id, "metric": metric, "value": value, "time": T0 + day * DAY, "day": T0.date()} for id, value in values.items()]
    shop.tables.append("measures", pl.DataFrame(made))


def test_a_feature_s_units_bring_what_was_told_last(shop: Shop) -> None:
    assert feature(shop, Plan(effect=1.0)).assigned == {"old": 0, "new": 0}
    assign(shop, {"a": "old", "b": "new", "c": "new"}, prior=1.0)
    assign(shop, {"a": "old", "b": "new"}, prior=9.0, day=1)
    assign(shop, {"z": "old"}, experiment="another")
    measure(shop, "outcome", {"a": 1.0, "b": 2.0})
    measure(shop, "outcome", {"b": 5.0}, day=2)
    measure(shop, "other", {"c": 7.0})
    found = feature(shop, Plan(effect=1.0, metric="outcome", covariate="prior", guards=("other <= 0",)))
    assert found.assigned == {"old": 1, "new": 2}
    assert found.units["new"].total.tolist() == [5.0] and found.units["old"].total.tolist() == [1.0]
    assert found.units["new"].before is not None and found.units["new"].before.tolist() == [1.0]
    assert found.guarded["other"]["new"].total.tolist() == [7.0]
    whole = feature(shop, Plan(effect=1.0, metric="outcome", unmeasured="zero"))
    assert sorted(whole.units["new"].total.tolist()) == [0.0, 5.0]


def test_before_anything_is_served_there_is_nothing(shop: Shop) -> None:
    found = gathered(shop, experiment(shop, "policy", *POLICIES))
    assert found.assigned == {"control": 0, "eager": 0} and len(found.units["eager"]) == 0
    units, days = before_it(shop.tables, {}, measured(shop), PLAN, always=True, newest=100)
    assert (len(units), days) == (0, 0.0)


def test_what_was_served_before_tells_how_worth_scatters_and_how_many_come(shop: Shop) -> None:
    crowds = [Crowd.of(200, seed=day) for day in range(3)]
    for day, crowd in enumerate(crowds):
        shop.serve(crowd, day=day)
    units, days = before_it(shop.tables, versions(shop), measured(shop), Plan(effect=1.0, covariate="expected"), always=True, newest=10_000)
    assert (len(units), days) == (600, 3.0)
    assert units.mean == pytest.approx(np.concatenate([crowd.money() for crowd in crowds]).mean())
    fewer, _ = before_it(shop.tables, versions(shop), measured(shop), PLAN, always=True, newest=200)
    assert fewer.mean == pytest.approx(crowds[-1].money().mean())


def test_what_lies_on_earlier_days_is_not_read(shop: Shop) -> None:
    """That a file of an earlier day is gone troubles nobody who does not read it."""
    served(shop, Crowd.of(50, seed=0), day=0)
    (early,) = (shop.folder / "lake").rglob("predictions/*.parquet")
    served(shop, Crowd.of(60, seed=1), day=5, arm=["eager", "control"] * 30, experiment=[ID] * 60)
    early.unlink()
    assert gathered(shop, experiment(shop, "policy", *POLICIES, began=5)).assigned == {"control": 30, "eager": 30}
    with pytest.raises(FileNotFoundError):
        gathered(shop, experiment(shop, "policy", *POLICIES, began=1))
