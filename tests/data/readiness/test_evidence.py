from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.readiness.evidence import evidence
from loopline.errors import Mistake

START = datetime(2024, 1, 1)


@pytest.fixture
def flights(room):
    room.sources = {"flights": {"path": "f.csv", "key": ["id"], "time": "at"}}
    room.contract = {"gate": {"use": False}, "batch": {"fresh": "3d"}}
    count = 200
    room.tables.append(
        "flights",
        pl.DataFrame(
            {
                "id": [0, *range(count - 1)],
                "at": [START + timedelta(hours=6 * number) for number in range(count)],
                "landed": [START + timedelta(hours=6 * number + 2) for number in range(count)],
                "wind": [None if number % 4 == 0 else number for number in range(count)],
                "delay": [number if number < 150 else None for number in range(count)],
                "late": [("yes" if number % 5 == 0 else "no") if number < 150 else None for number in range(count)],
                "gate": ["a"] * count,
                "__batch": ["b"] * count,
                "__line": range(count),
                "__row": range(count),
            }
        ),
    )
    return room


def charter(**more):
    return CharterSpec.model_validate({"predict": "late", "decided": "2h before at", "outcome_known": "1h after landed", **more})


def seen(room, made=None, at=START + timedelta(days=60)):
    return evidence(room.data, made or charter(), room.tables, test_share=0.25, at=at.replace(tzinfo=UTC))


def test_the_evidence_is_counted_from_the_table(flights):
    found = seen(flights)
    assert (found.table, found.rows, found.known, found.classes) == ("flights", 200, 150, {"yes": 30, "no": 120})
    assert (found.first, found.last) == (START.replace(tzinfo=UTC), (START + timedelta(hours=6 * 199)).replace(tzinfo=UTC))
    assert (found.due, found.missing, found.repeated, found.key) == (200, 50, 1, ["id"])
    assert found.per_day == pytest.approx(4, rel=0.02)
    assert found.gap_days == pytest.approx(0.25)
    assert found.delays_s == (5 * 3600, 5 * 3600)
    assert found.fresh_within == timedelta(days=3)
    assert found.columns["landed"].later == 1.0
    assert found.columns["at"].later == 0.0
    assert (found.columns["wind"].known, found.columns["wind"].served) == (0.75, None)
    assert (found.columns["delay"].with_outcome, found.columns["delay"].without_outcome) == (1.0, 0.0)
    assert (found.columns["gate"].use, found.columns["id"].use) == (False, False)
    assert "__batch" not in found.columns


def test_outcomes_are_due_by_the_moment_of_looking(flights):
    assert seen(flights, at=START + timedelta(days=10)).due == 40


def test_what_was_served_and_how_late_its_outcomes_came_is_counted(flights):
    start = START.replace(tzinfo=UTC)
    rows = [
        (f"p{number}", start + timedelta(hours=number), start + timedelta(hours=number), '{"wind": 1}' if number % 2 else '{"wind": null, "gate": "a"}')
        for number in range(40)
    ]
    flights.tables.append("predictions", pl.DataFrame(rows, schema=["prediction_id", "time", "event_time", "row"], orient="row"))
    told = [(f"p{number}", start + timedelta(hours=number + 7)) for number in range(30)]
    flights.tables.append("outcomes", pl.DataFrame(told, schema=["prediction_id", "time"], orient="row"))
    found = seen(flights)
    assert found.delays_s == (7 * 3600, 7 * 3600)
    assert (found.columns["wind"].served, found.columns["landed"].served) == (0.5, None)


def test_of_a_large_log_as_many_delays_are_read_as_tell_them(flights, monkeypatch):
    start, many = START.replace(tzinfo=UTC), 4000
    ids = [f"p{number}" for number in range(many)]
    made = {"prediction_id": ids, "time": [start] * many, "event_time": [start] * many, "row": ['{"wind": 1}'] * many}
    flights.tables.append("predictions", pl.DataFrame(made))
    # One in ten comes after a day, and is corrected later: the first word counts.
    told = [(id, start + timedelta(hours=24 if number % 10 == 0 else 1)) for number, id in enumerate(ids)]
    corrected = [(id, start + timedelta(days=9)) for id in ids]
    flights.tables.append("outcomes", pl.DataFrame([*told, *corrected], schema=["prediction_id", "time"], orient="row"))
    whole = seen(flights).delays_s
    monkeypatch.setattr("loopline.data.readiness.evidence._DELAYS", 800)
    assert seen(flights).delays_s == whole == (3600, 24 * 3600)


def test_outcomes_of_what_was_not_served_here_hide_no_delay(flights, monkeypatch):
    start, served = START.replace(tzinfo=UTC), [f"p{number}" for number in range(300)]
    flights.tables.append(
        "predictions", pl.DataFrame({"prediction_id": served, "time": [start] * 300, "event_time": [start] * 300, "row": ['{"wind": 1}'] * 300})
    )
    told = [(f"p{number}", start + timedelta(hours=1)) for number in range(4000)]
    flights.tables.append("outcomes", pl.DataFrame(told, schema=["prediction_id", "time"], orient="row"))
    monkeypatch.setattr("loopline.data.readiness.evidence._DELAYS", 100)
    assert seen(flights).delays_s == (3600, 3600)


def test_numbers_have_no_classes_and_a_worth_its_columns(flights):
    found = seen(flights, charter(predict="delay", task="regression", worth={"currency": "EUR", "over": "wind * 2", "under": 1}))
    assert (found.classes, found.known, list(found.worth_columns)) == ({}, 150, ["wind"])
    assert seen(flights, charter(predict="none")).known == 0
    assert seen(flights, charter(decided="2h before gate", outcome_known="1d after gate")).due == 0


def test_nothing_taken_in_yet_is_told(room):
    with pytest.raises(Mistake, match="nothing was taken in; loopline run --until data"):
        seen(room)
