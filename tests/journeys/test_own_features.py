"""Features by key and time in a whole project: what was learned from, what a batch finds and what a real server answers are the same values."""

from __future__ import annotations

import random
import textwrap
import time
from datetime import datetime, timedelta

import polars as pl
import pytest
import yaml

from loopline.errors import CheckFailed, Mistake
from loopline.lake.tables import Tables
from loopline.loop import open_loop
from tests.data.turning import Turning
from tests.journeys.test_looked_up import Server, asked

START = datetime(2024, 1, 1)
FUNCTION = """
import polars as pl


def inbound(tables):
    flights = tables["flights"].with_columns(known_at=pl.col("due") + pl.duration(hours=4))
    return flights.group_by("tail", "known_at").agg(inbound_delay=pl.col("delay").mean())
"""
FEATURES = {
    "own": {"inbound": {"function": "features.py:inbound", "reads": ["flights"], "on": ["tail"]}},
    "lags": {"of": ["delay", "gate"], "by": ["carrier"], "steps": [1, 2]},
    "rolling": {"of": ["late", "delay"], "by": ["origin"], "windows": ["12h", "3d"], "take": ["mean", "count"]},
}
MADE = ["inbound", "lags_by_carrier", "lags_by_carrier_2", "rolling_by_origin"]
MODEL = {"families": ["linear"], "search": {"trials": 1}, "assess": {"refits": False}}


def flights(first, last):
    lot = random.Random(first)
    rows = []
    for number in range(first, last):
        due = START + timedelta(hours=number // 2, minutes=lot.randrange(30))
        delay = None if lot.random() < 0.05 else round(lot.gauss(5 * (due.hour > 12), 3), 2)
        late = "yes" if lot.random() < (0.7 if due.hour > 12 else 0.2) else "no"
        rows.append((number, lot.choice("ABC"), lot.choice("xyz"), f"N{lot.randrange(9)}", lot.choice(["g1", "g2", None]), due, delay, late))
    return pl.DataFrame(rows, schema=["id", "origin", "carrier", "tail", "gate", "due", "delay", "late"], orient="row")


class Featured(Turning):
    """A project whose declaration has features."""

    def __init__(self, folder):
        super().__init__(folder)
        self.features = dict(FEATURES)
        self.charter = {"predict": "late", "positive": "yes", "decided": "2h before due", "outcome_known": "3h after due"}
        self.charter["worth"] = {"act_right": 2, "act_wrong": -1, "miss": 0, "rest": 0}
        self.data = {"sources": {"flights": {"path": "flights*.csv", "key": "id", "time": "due"}}, "contract": {"delay": {"use": False}}}
        self.function(FUNCTION)

    def function(self, text):
        self.text("features.py", textwrap.dedent(text))

    def declare(self):
        super().declare()
        more = {
            "model": {**MODEL, "features": self.features},
            "release": {"approvals": {}, "latency_ms": 1000},
        }
        with (self.folder / "loopline.yaml").open("a") as file:
            file.write(yaml.safe_dump(more, sort_keys=False))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Featured(tmp_path_factory.mktemp("featured"))
    made.write("flights-1.csv", flights(0, 900))
    made.declare()
    with open_loop(made.folder) as loop:
        status = loop.run()
        assert status.champion, status
    return made


@pytest.fixture(scope="module")
def served(project):
    server = Server(project.folder)
    yield server
    server.process.terminate()
    assert server.process.wait(15) == 0
    server.process.stdout.close()


def found_by_hand(rows, row):
    """What was known when a row was decided on, told row by row."""
    moment = row["due"] - timedelta(hours=2)
    landed = [one for one in rows if one["due"] + timedelta(hours=3) <= moment]
    delays = [one["delay"] for one in landed if one["carrier"] == row["carrier"] and one["delay"] is not None]
    gates = [one["gate"] for one in rows if one["carrier"] == row["carrier"] and one["due"] < row["due"] and one["gate"] is not None]
    inside = [one for one in landed if one["origin"] == row["origin"] and one["due"] + timedelta(hours=3) > moment - timedelta(hours=12)]
    tail = [one["delay"] for one in rows if one["tail"] == row["tail"] and one["due"] + timedelta(hours=4) <= moment]
    return {
        "delay_lag1_by_carrier": delays[-1] if delays else None,
        "delay_lag2_by_carrier": delays[-2] if len(delays) > 1 else None,
        "gate_lag1_by_carrier": gates[-1] if gates else None,
        "late_count_12h_by_origin": len(inside),
        "late_mean_12h_by_origin": sum(one["late"] == "yes" for one in inside) / len(inside) if inside else None,
        "inbound_delay": tail[-1] if tail else None,
    }


def test_what_is_learned_from_was_known_when_each_row_was_decided_on(project):
    ordered = flights(0, 900).sort("due", maintain_order=True).to_dicts()
    joined = {row["id"]: row for row in project.rows("flights.joined").to_dicts()}
    for row in ordered:
        for name, expected in found_by_hand(ordered, row).items():
            given = joined[row["id"]][name]
            assert (given or 0 if name.startswith("late_count") else given) == (pytest.approx(expected) if isinstance(expected, float) else expected), name


def test_training_batches_and_requests_find_the_same(project, served):
    rows = flights(0, 900).drop("late", "delay")
    with open_loop(project.folder) as loop:
        joined = Tables(loop.workspace.lake).read("flights.joined").sort("__row").collect()
        batch = loop.score(rows)
    sent = rows.with_columns(pl.col("due").dt.strftime("%Y-%m-%dT%H:%M:%S")).to_dicts()
    answers = asked(served, sent)
    values = [{name: value for one in answer["looked_up"].values() for name, value in one["values"].items()} for answer in answers]
    assert len(values[0]) >= 10
    assert [{name: row[name] for name in values[0]} for row in joined.to_dicts()] == values
    assert batch["score"].to_list() == [answer["score"] for answer in answers]


def test_who_was_never_seen_is_answered_without(project, served):
    row = {"id": 9999, "origin": "Q", "carrier": "q", "tail": "Q1", "gate": "g1", "due": "2024-01-10T00:00:00"}
    (answer,) = asked(served, [row])
    assert {name: one["found"] for name, one in answer["looked_up"].items()} == dict.fromkeys(answer["looked_up"], False)


def test_a_turn_brings_the_tables_up_to_date_and_the_server_follows(project, served):
    row = {"id": 9998, "origin": "A", "carrier": "x", "tail": "N1", "gate": "g1", "due": (START + timedelta(hours=520)).isoformat()}
    before = asked(served, [row])[0]["looked_up"]["lags_by_carrier"]
    project.write("flights-2.csv", flights(900, 1000))
    with open_loop(project.folder) as loop:
        loop.run()
        told = {name: loop.state().facts("data", f"table {name}")["rows"] for name in MADE}
        counted = {one["name"]: one["found"] for one in loop.state().facts("data", "join")["lookups"]}
        table = Tables(loop.workspace.lake).read("lags_by_carrier").filter(pl.col("carrier") == "x").sort("known_at").tail(1).collect()
    assert all(told.values())
    assert set(counted) == set(MADE)
    expected, until = table["delay_lag1_by_carrier"].item(), time.monotonic() + 15
    while (after := asked(served, [row])[0]["looked_up"]["lags_by_carrier"])["as_of"] == before["as_of"] and time.monotonic() < until:
        time.sleep(0.1)
    assert after["as_of"] > before["as_of"]
    assert after["values"]["delay_lag1_by_carrier"] == expected


@pytest.fixture
def small(tmp_path):
    made = Featured(tmp_path)
    made.features = {"own": FEATURES["own"]}
    made.write("flights-1.csv", flights(0, 100))
    return made


BAD = [
    (
        "def inbound(tables):\n    raise ValueError('no such tail')",
        Mistake,
        r"model.features.own.inbound \(features.py, line 2\): ValueError: no such tail; mend",
    ),
    ("def inbound(tables):\n    return [1]", Mistake, "model.features.own.inbound: features:inbound returned list, and no frame; return a Polars LazyFrame"),
    ("def inbound():\n    return 1", Mistake, "TypeError: inbound.. takes 0 positional arguments but 1 was given"),
    ("def outbound(tables):\n    return 1", Mistake, "module 'features' has no function 'inbound'"),
    (
        "def inbound(tables):\n    frame = tables['flights'].collect()\n    return frame.insert_column(0, frame['id'].head(3).alias('x'))",
        Mistake,
        r"model.features.own.inbound \(features.py, line 3\): ShapeError: unable to add a column of length 3 to a DataFrame of height 100",
    ),
    ("def inbound(tables):\n    return tables['flights'].select('tail', 'delay')", Mistake, "the table has no column 'known_at'"),
    (
        "def inbound(tables):\n    return tables['flights'].select('tail', 'delay', known_at='carrier')",
        Mistake,
        "the time 'known_at' is String; make it a date",
    ),
    (
        "def inbound(tables):\n    import polars as pl\n    return tables['flights'].select('tail', 'delay', known_at=pl.lit('2024-01-01').str.to_date())",
        CheckFailed,
        "'inbound', which features:inbound returned, is not one row's own in 100 rows; the version before stays; mend the function",
    ),
]


@pytest.mark.parametrize(("function", "kind", "says"), BAD, ids=range(len(BAD)))
def test_a_function_that_does_not_do_its_part_is_named_and_the_version_before_stays(small, function, kind, says):
    small.run()
    before, joined = small.version("inbound"), small.version("flights.joined")
    small.function(function)
    with pytest.raises(kind, match=says):
        small.run()
    assert (small.version("inbound"), small.version("flights.joined")) == (before, joined)
    small.function(FUNCTION)
    small.run()
    assert small.version("inbound") == before


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ({"lags": {"of": "dealy", "by": "carrier"}}, r"model.features.lags.0: table 'flights' has no column 'dealy'; did you mean 'delay'"),
        ({"rolling": {"of": "gate", "by": "carrier", "windows": "1d"}}, "model.features.rolling.0: column 'gate' holds texts, and mean wants numbers"),
        ({"rolling": {"of": "delay", "by": "due", "windows": "1d"}}, None),
    ],
)
def test_features_of_columns_that_do_not_fit_are_said(small, features, says):
    small.features = features
    if says is None:
        small.run()
        assert small.rows("rolling_by_due").height
        return
    with pytest.raises(Mistake, match=says):
        small.run()
