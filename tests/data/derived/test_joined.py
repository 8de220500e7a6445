"""The join step over real files: what enters the table, and what is done again when something is new."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from loopline.data.derived import joined
from loopline.errors import Mistake
from loopline.lake.tables import Tables
from loopline.loop import open_loop
from tests.data.turning import Turning

START = datetime(2024, 1, 1)


def flights(first, last):
    """A departure every two hours from the first hour on."""
    hours = range(first, last)
    return pl.DataFrame(
        {
            "id": list(hours),
            "origin": ["ABC"[hour % 3] for hour in hours],
            "due": [START + timedelta(hours=2 * hour) for hour in hours],
            "late": [int(hour % 3 == 0) for hour in hours],
        }
    )


def weather(first, last, shift=0.0):
    hours = range(first, last)
    rows = [(place, START + timedelta(hours=hour), hour + shift + number / 10) for hour in hours for number, place in enumerate("AB")]
    return pl.DataFrame(rows, schema=["origin", "hour", "temp"], orient="row")


@pytest.fixture
def project(tmp_path):
    made = Turning(tmp_path)
    made.charter["decided"] = "2h before due"
    made.data = {
        "sources": {"flights": {"path": "flights*.csv", "key": "id", "time": "due"}, "weather": {"path": "weather*.csv"}},
        "lookups": {"weather": {"on": "origin", "as_of": "hour", "delay": "30min"}},
    }
    made.write("flights-1.csv", flights(0, 60))
    made.write("weather-1.csv", weather(0, 120))
    return made


def expected(row):
    """The temperature that was known: of the last whole hour that was over for half an hour, two hours before."""
    hour = int((row["due"].replace(tzinfo=None) - START - timedelta(hours=2, minutes=30)) // timedelta(hours=1))
    place = "AB".find(row["origin"])
    return None if hour < 0 or place < 0 else hour + place / 10


def test_the_main_table_gets_what_was_known_and_the_model_is_pointed_at_it(project):
    facts, done = project.run()
    assert done == ["join"]
    rows = project.rows("flights.joined")
    assert rows.columns == ["id", "origin", "due", "late", "temp"]
    assert rows["temp"].to_list() == [expected(row) for row in rows.iter_rows(named=True)]
    join = facts["join"]
    assert (join["main"], join["task"], join["tables"]["flights.joined"]["rows"]) == ("flights.joined", "binary", 60)
    assert join["columns"][-1] == {"name": "temp", "type": "number", "use": True}
    (told,) = join["lookups"]
    assert (told["asked"], told["found"], told["left_out"], told["warnings"]) == (60, 38, 0, [])
    assert "weather found for 63.3% of rows, as of 2h before due" in join["says"]
    assert "outcome" not in facts["ingest"]


def test_nothing_is_joined_again_when_nothing_that_it_reads_has_changed(project):
    project.run()
    assert project.run()[1] == []
    project.charter["problem"] = "Too late."
    project.data["lookups"]["weather"]["no_later_than"] = "2h before due"
    assert project.run()[1] == []
    project.data["lookups"]["weather"]["tolerance"] = "3h"
    facts, done = project.run()
    assert (done, facts["join"]["joined"]["why"]) == (["join"], "it is declared otherwise, or was changed since")


def after(project, **files):
    """What is joined with more files, at once and from the beginning."""
    for name, frame in files.items():
        project.write(f"{name.replace('_', '-')}.csv", frame)
    facts, _ = project.run()
    incremental = project.rows("flights.joined")
    anew = Turning(project.folder / "anew")
    anew.folder.mkdir()
    for file in project.folder.glob("*.csv"):
        (anew.folder / file.name).write_bytes(file.read_bytes())
    anew.charter, anew.data = project.charter, project.data
    anew.run()
    assert incremental.equals(anew.rows("flights.joined"))
    return facts["join"]["joined"]


def test_only_new_rows_are_joined_where_the_past_cannot_have_changed(project):
    project.run()
    made = after(project, flights_2=flights(60, 70), weather_2=weather(120, 140))
    assert (made["added"], made["rows"], made["incremental"]) == (10, 70, True)


def test_everything_is_joined_again_where_something_was_known_earlier_than_thought(project):
    project.run()
    made = after(project, flights_2=flights(60, 70), weather_2=weather(30, 31, shift=0.5))
    assert (made["added"], made["incremental"]) == (70, False)
    assert made["why"] == "weather has new rows that were known at the moment of earlier rows of flights"


def test_everything_is_joined_again_where_rows_were_taken_back(project):
    project.run()
    made = after(project, flights_1=flights(1, 60))
    assert (made["added"], made["why"]) == (59, "rows of flights were changed or taken out, not only added")
    made_again = after_weather(project)
    assert made_again["why"] == "rows of weather were changed or taken out, not only added"


def after_weather(project):
    project.write("weather-1.csv", weather(0, 119))
    facts, _ = project.run()
    return facts["join"]["joined"]


def test_everything_is_joined_again_where_a_table_without_a_time_has_changed(project):
    project.data["sources"]["places"] = {"path": "places.csv", "mode": "replace"}
    project.data["lookups"]["places"] = {"on": {"place": "origin"}}
    project.text("places.csv", "place,runways\nA,2\nB,3\nA,4\n")
    facts, _ = project.run()
    rows = project.rows("flights.joined")
    assert rows.group_by("origin").agg(pl.col("runways").first()).sort("origin").rows() == [("A", 4), ("B", 3), ("C", None)]
    assert "its values are those of now" in facts["join"]["lookups"][1]["warnings"][0]
    project.write("flights-2.csv", flights(60, 63))
    assert project.run()[0]["join"]["joined"]["incremental"]
    project.text("places.csv", "place,runways\nA,2\nB,3\nC,1\n")
    assert project.run()[0]["join"]["joined"]["why"] == "places has changed, and is joined as it is now"


def test_a_table_changed_behind_its_back_is_made_anew(project):
    project.run()
    with open_loop(project.folder) as loop:
        Tables(loop.workspace.lake).delete("flights.joined", "id < 10")
    project.write("flights-2.csv", flights(60, 61))
    facts, _ = project.run()
    assert (facts["join"]["joined"]["rows"], facts["join"]["joined"]["incremental"]) == (61, False)


def test_rows_come_in_chunks_and_none_is_lost(project, monkeypatch):
    monkeypatch.setattr(joined, "CHUNK", 7)
    facts, _ = project.run()
    assert facts["join"]["joined"]["rows"] == 60
    assert project.rows("flights.joined")["id"].to_list() == list(range(60))


def test_rows_for_which_nothing_is_found_are_left_out_where_that_is_said(project):
    project.data["lookups"]["weather"]["required"] = True
    project.write("flights-2.csv", flights(60, 90))
    facts, _ = project.run()
    (told,) = facts["join"]["lookups"]
    assert (told["found"], told["left_out"], facts["join"]["joined"]["rows"]) == (58, 32, 58)
    assert project.rows("flights.joined")["temp"].null_count() == 0
    assert project.rows("flights").height == 90


def test_a_row_without_its_moment_is_refused_when_it_comes(project):
    project.text("flights-2.csv", "id,origin,due,late\n60,A,,1\n61,A,2024-01-06T00:00:00,1\n")
    project.data["sources"]["flights"].pop("time")
    facts, _ = project.run()
    assert facts["ingest"]["reasons"] == {"due is missing": 1}
    assert facts["join"]["joined"]["rows"] == 61


def test_worth_may_speak_of_what_is_looked_up(project):
    project.charter["worth"] = {"act_right": "temp / 10", "act_wrong": -1, "miss": 0, "rest": 0}
    facts, _ = project.run()
    assert facts["join"]["outcome"]["known"] == 60


def test_the_contract_of_the_looked_up_table_says_what_its_columns_are(project):
    project.data["sources"]["weather"]["contract"] = {"temp": {"type": "number", "use": False}}
    facts, _ = project.run()
    assert facts["join"]["columns"][-1] == {"name": "temp", "type": "number", "use": False}


def test_a_day_without_a_delay_is_warned_about(project):
    project.data["lookups"]["weather"].pop("delay")
    project.write("weather-1.csv", weather(0, 120).with_columns(pl.col("hour").dt.date()))
    facts, _ = project.run()
    assert "say delay: 1d" in facts["join"]["lookups"][0]["warnings"][0]


def test_what_does_not_fit_is_one_mistake_and_the_step_is_not_done(project):
    project.data["lookups"]["weather"]["on"] = "id"
    with pytest.raises(Mistake, match="table 'weather' has no column 'id'"):
        project.run()
    project.data["lookups"]["weather"]["on"] = {"hour": "id"}
    with pytest.raises(Mistake, match="never equal"):
        project.run()


def test_lookups_that_are_taken_out_leave_the_main_table_as_it_was(project):
    project.run()
    lookups = project.data.pop("lookups")
    facts, done = project.run()
    assert done == []
    assert facts["ingest"]["outcome"]["rows"] == 60
    project.data["lookups"] = lookups
    assert project.run()[1] == []
