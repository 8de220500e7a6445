import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.readiness.readiness import ENOUGH_IN_TEST, LEAST_IN_TEST, RULES, Column, Evidence, findings

NOW = datetime(2025, 1, 1, tzinfo=UTC)
CHARTER = CharterSpec.model_validate(
    {
        "predict": "late",
        "decided": "2h before at",
        "outcome_known": "1d after at",
        "volume": "100 per day",
        "worth": {"currency": "EUR", "act_right": "price * 2", "act_wrong": -1},
    }
)
GOOD = Evidence(
    table="flights",
    rows=50_000,
    columns={"late": Column(0.99), "at": Column(1.0), "price": Column(1.0), "wind": Column(0.9, with_outcome=0.9, without_outcome=0.88, served=0.9)},
    now=NOW,
    time="at",
    first=NOW - timedelta(days=500),
    last=NOW - timedelta(hours=5),
    per_day=98.0,
    gap_days=0.01,
    known=49_000,
    classes={"no": 40_000, "yes": 9_000},
    due=49_900,
    missing=100,
    key=("id",),
    worth_columns=("price",),
)


def told(charter=CHARTER, **changes):
    return findings(charter, replace(GOOD, **changes))


def one(name, charter=CHARTER, **changes):
    found = [finding for finding in told(charter, **changes) if finding.name == name and finding.state != "ready"]
    assert len(found) == 1, found
    return found[0]


def test_where_all_is_there_every_rule_says_so():
    assert [finding for finding in told() if finding.state != "ready"] == []
    assert len({finding.name for finding in told()}) == len(RULES)
    assert all(finding.says for finding in told())


def test_the_number_of_outcomes_follows_from_the_interval():
    assert ENOUGH_IN_TEST == math.ceil(1.96**2 * 0.25 / 0.1**2) == 97
    assert LEAST_IN_TEST == 11
    found = one("outcomes", classes={"no": 40_000, "yes": 400})
    assert (found.level, found.have, found.want) == ("should", "400", "485 (to within 10%)")
    assert "to within 11%" in found.says
    assert one("outcomes", classes={"no": 40_000, "yes": 40}).level == "must"
    assert one("outcomes", classes={"no": 40_000, "yes": 0}).level == "must"
    assert one("outcomes", classes={}, known=300).have == "300"
    assert one("outcomes", columns={"at": Column(1.0), "price": Column(1.0), "wind": Column(1.0)}).says.startswith("there is no column 'late'")


@pytest.mark.parametrize(
    ("days", "more", "level", "word"),
    [
        (3, {}, "must", "outcomes take 26 hours"),
        (20, {}, "should", "less than a week"),
        (100, {}, "should", "the course of a year"),
        (20, {"gap_days": 2.0}, "should", "year"),
    ],
)
def test_a_short_history_is_told(days, more, level, word):
    found = one("history", first=GOOD.last - timedelta(days=days), **more)
    assert (found.level, found.state) == (level, "gap")
    assert word in found.says


def test_without_a_time_nothing_tells_how_long_the_history_is():
    assert one("history", time=None, first=None, last=None).state == "unknown"


def test_what_is_known_only_later_is_told():
    found = one("coverage at the decision", columns={**GOOD.columns, "landed": Column(1.0, later=0.97)})
    assert (found.level, found.role, found.have) == ("must", "expert", "3% known")
    found = one("coverage at the decision", columns={**GOOD.columns, "delay": Column(0.9, with_outcome=1.0, without_outcome=0.0)})
    assert "comes with the outcome" in found.says
    assert one("coverage at the decision", columns={**GOOD.columns, "gate": Column(0.1)}).level == "should"
    assert told(columns={**GOOD.columns, "landed": Column(1.0, later=0.97, use=False)}) == told()
    assert one("coverage at the decision", columns={"late": Column(1.0), "at": Column(1.0), "price": Column(1.0, use=False)}).says.startswith(
        "no column is left"
    )
    assert one("coverage at the decision", charter=CHARTER.model_copy(update={"decided": None})).state == "unknown"


def test_late_and_missing_outcomes_are_told():
    found = one("delay of outcomes", missing=9_000)
    assert found.says.startswith("9,000 of 49,900 outcomes that should be known by now are not")
    assert one("delay of outcomes", delays_s=(3600.0, 400_000.0)).want == "26 hours (charter.outcome_known)"
    assert [finding.state for finding in told(delays_s=(3600.0, 7200.0)) if finding.name == "delay of outcomes"] == ["ready"]
    assert one("delay of outcomes", due=0, missing=0).state == "unknown"


def test_old_rows_are_told_by_the_contract_or_by_the_volume():
    found = one("freshness", last=NOW - timedelta(days=9))
    assert (found.have, found.want) == ("9 days", "2 days (charter.volume, 100 per day)")
    assert one("freshness", fresh_within=timedelta(hours=1)).want == "1 hours (data.contract.batch.fresh)"
    assert one("freshness", charter=CHARTER.model_copy(update={"volume": None})).state == "unknown"
    assert not [finding for finding in told(last=NOW + timedelta(days=3)) if finding.name == "freshness" and finding.state == "gap"]


def test_the_volume_and_the_requests_are_held_against_what_was_said():
    assert one("volume", per_day=30.0).role == "business"
    assert one("volume", per_day=300.0).have == "300 per day"
    found = one("training and serving", columns={**GOOD.columns, "wind": Column(0.9, served=0.1)})
    assert (found.level, found.role) == ("must", "devops")


def test_worth_and_keys_are_looked_at():
    columns = {name: facts for name, facts in GOOD.columns.items() if name != "price"}
    assert one("worth", columns=columns).level == "must"
    assert one("worth", columns={**columns, "price": Column(0.5)}).level == "should"
    assert one("worth", charter=CHARTER.model_copy(update={"worth": CHARTER.worth.model_copy(update={"currency": "points"})})).state == "unknown"
    assert one("keys", repeated=3).level == "must"
    assert one("keys", key=()).state == "unknown"
