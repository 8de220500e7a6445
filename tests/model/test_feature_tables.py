"""Features by key and time become plain tables and lookups; what could not be honest is refused with the remedy."""

from datetime import timedelta

import pytest
import yaml

from loopline.data.moments import resolved
from loopline.errors import Mistake
from loopline.model.feature_tables import with_features
from loopline.project import Declaration, parse

CHARTER = {"predict": "late", "positive": "yes", "decided": "2h before due", "outcome_known": "1d after due"}
SOURCES = {"flights": {"path": "flights.csv", "key": "id", "time": "due"}, "weather": {"path": "weather.csv"}}


def declared(features, *, charter=CHARTER, sources=SOURCES, model=None, **data):
    return {"project": "p", "charter": charter, "data": {"sources": sources, **data}, "model": {"features": features, **(model or {})}}


def made(features, **said):
    return parse(yaml.safe_dump(declared(features, **said), sort_keys=False)).data


def past(data, name):
    return data.tables[name].past


def test_without_features_the_data_is_what_was_declared():
    assert not made({}).tables
    assert not made({}).lookups


def test_lags_are_a_table_of_the_past_and_a_lookup_into_it():
    data = made({"lags": {"of": ["dep_delay"], "by": ["carrier"], "steps": [1, 2, 7]}})
    spec = past(data, "lags_by_carrier")
    assert (spec.table, spec.by, spec.known, spec.after) == ("flights", ("carrier",), "2h before due", "2h before due")
    assert {name: column.step for name, column in spec.columns.items()} == {f"dep_delay_lag{step}_by_carrier": step for step in (1, 2, 7)}
    (lookup,) = resolved(data, parse(yaml.safe_dump(declared({}))).charter)
    assert (lookup.table, lookup.keys, lookup.as_of, lookup.moment, lookup.offset_us) == (
        "lags_by_carrier",
        (("carrier", "carrier"),),
        "known_at",
        "due",
        -7_200_000_000,
    )
    assert lookup.ours == tuple(spec.columns)


def test_windows_give_a_column_for_each_figure():
    data = made({"rolling": {"of": ["delay"], "by": ["origin", "to place"], "windows": ["7d", "36h"], "take": ["mean", "std"]}})
    columns = past(data, "rolling_by_origin_to_place").columns
    assert list(columns) == [f"delay_{take}_{window}_by_origin_to_place" for window in ("7d", "36h") for take in ("mean", "std")]
    assert columns["delay_std_36h_by_origin_to_place"].window == timedelta(hours=36)


@pytest.mark.parametrize(
    ("of", "said", "known"),
    [
        ("late", {}, "1d after due"),
        ("landed", {"contract": {"landed": {"use": False}}}, "1d after due"),
        ("landed", {"model": {"leave_out": ["landed"]}}, "1d after due"),
        ("distance", {}, "2h before due"),
    ],
)
def test_what_no_row_may_learn_from_is_known_with_the_outcome_and_all_else_with_the_decision(of, said, known):
    assert past(made({"lags": {"of": of, "by": "carrier"}}, **said), "lags_by_carrier").known == known


@pytest.mark.parametrize(
    ("word", "known"), [("decided", "2h before due"), ("outcome", "1d after due"), ("1h after landed", "1h after landed"), ("seen", "seen")]
)
def test_one_may_say_when_a_value_is_known(word, known):
    data = made({"lags": {"of": "delay", "by": "carrier", "known": word}}, contract={"delay": {"use": False}})
    assert past(data, "lags_by_carrier").known == known


def test_columns_that_are_known_at_other_times_have_tables_of_their_own():
    data = made({"lags": {"of": ["late", "distance"], "by": "carrier"}, "rolling": {"of": "late", "by": "carrier", "windows": "7d"}})
    assert {name: spec.past.known for name, spec in data.tables.items()} == {
        "lags_by_carrier": "1d after due",
        "lags_by_carrier_2": "2h before due",
        "rolling_by_carrier": "1d after due",
    }


def test_declarations_with_one_entity_share_a_table():
    data = made({"lags": [{"of": "a", "by": "carrier"}, {"of": "b", "by": "carrier", "steps": [3]}]})
    assert list(past(data, "lags_by_carrier").columns) == ["a_lag1_by_carrier", "b_lag3_by_carrier"]


def test_the_positive_outcome_counts_as_one():
    columns = past(made({"rolling": {"of": ["late", "sky"], "by": "carrier", "windows": ["7d"], "take": "count"}}), "rolling_by_carrier").columns
    assert columns["late_count_7d_by_carrier"].true == "yes"


def test_without_a_moment_of_decision_rows_go_by_their_time():
    charter = {"predict": "late", "outcome_known": "1d after due"}
    data = made({"lags": {"of": "distance", "by": "carrier"}}, charter=charter)
    assert (past(data, "lags_by_carrier").known, data.lookups["lags_by_carrier"].no_later_than) == ("due", "due")
    assert data.contract.columns["due"].required


def test_own_features_are_a_table_of_the_function_and_a_lookup():
    said = {"function": "features.py:inbound", "reads": ["flights"], "on": ["tail"], "as_of": "landed", "delay": "10min", "columns": ["lateness"]}
    data = made({"own": {"inbound": said}})
    table, lookup = data.tables["inbound"], data.lookups["inbound"]
    assert (table.function, table.reads, table.key, table.time) == ("features:inbound", ("flights",), ("tail", "landed"), "landed")
    assert (lookup.on, lookup.as_of, lookup.delay, lookup.columns) == (("tail",), "landed", timedelta(minutes=10), ("lateness",))


def test_a_function_alone_makes_features_by_the_main_key_and_says_when_they_are_known():
    for said in ("features.py:inbound", {"inbound": "features:inbound"}):
        data = made({"own": said})
        assert (data.tables["inbound"].key, data.tables["inbound"].reads) == (("id", "known_at"), ("flights", "weather"))
        assert (data.lookups["inbound"].on, data.lookups["inbound"].as_of) == (("id",), "known_at")


def test_features_that_are_compiled_twice_stay_as_they_are():
    said = parse(yaml.safe_dump(declared({"lags": {"of": "late", "by": "carrier"}, "own": "features:inbound"})))
    again = with_features(said.data, said.model, said.charter)
    assert again == said.data
    assert Declaration.model_validate(said.model_dump()).data == said.data


@pytest.mark.parametrize(
    ("features", "said", "says"),
    [
        ({"lags": {"of": "late", "by": "carrier"}}, {"charter": {"predict": "late", "decided": "2h before due"}}, "say charter.outcome_known, as in"),
        (
            {"lags": {"of": "late", "by": "carrier"}},
            {"charter": {**CHARTER, "outcome_known": "3h before due"}},
            "'late' is known 3h before due, which is not later than its own row's decision",
        ),
        ({"lags": {"of": "late", "by": "carrier", "known": "decided"}}, {}, "'late' is the outcome, and is known when the charter says, not 'decided'"),
        ({"rolling": {"of": "late", "by": "carrier", "windows": "7d", "known": "due"}}, {}, "leave known out, or mend charter.outcome_known"),
        ({"lags": {"of": "delay", "by": "late"}}, {}, "'late' is the outcome; no entity is named by it"),
        ({"lags": {"of": "delay", "by": "carrier"}}, {"charter": {"predict": "late"}, "sources": {"t": {"path": "t.csv"}}}, "say charter.decided, as in"),
        ({"lags": [{"of": "delay", "by": "carrier"}, {"of": "delay", "by": "carrier"}]}, {}, "delay_lag1_by_carrier is asked for twice"),
        ({"lags": {"of": "delay", "by": "carrier", "steps": [0]}}, {}, "write at least 1"),
        ({"rolling": {"of": "delay", "by": "carrier", "windows": ["0d"]}}, {}, "a window of no time holds nothing"),
        ({"rolling": {"of": "delay", "by": "carrier", "windows": ["7"]}}, {}, "'7' is not a span of time"),
        ({"rolling": {"of": "delay", "by": "carrier", "windows": ["7d"], "take": ["median"]}}, {}, "'median' is not one of"),
        ({"lags": {"of": "delay"}}, {}, "add by:"),
        ({"own": {"inbound": {"function": "features"}}}, {}, "names no function; write it as module:function"),
        ({"own": {"weather": {"function": "f:g", "on": "origin"}}}, {}, "its table is called 'weather', and another table or lookup is too"),
        ({"own": {"inbound": {"function": "f:g", "reads": ["wether"]}}}, {}, "reads 'wether', which is not declared"),
        ({"own": {"inbound": {"function": "f:g", "as_of": None}}}, {}, "it is made of flights, which holds the outcomes"),
        ({"own": "f:g"}, {"sources": {"t": {"path": "t.csv"}}}, r"say on: \[COLUMN\], or give source t its key"),
    ],
)
def test_what_cannot_be_honest_is_refused_with_its_line_and_the_remedy(features, said, says):
    with pytest.raises(Mistake, match=says) as caught:
        made(features, **said)
    assert "loopline.yaml, line " in caught.value.where


def test_what_is_made_of_the_main_table_by_another_table_is_made_of_it_too():
    daily = {"daily": {"sql": "select origin, avg(late) as share from flights group by origin"}}
    with pytest.raises(Mistake, match="it is made of flights, which holds the outcomes"):
        made({"own": {"inbound": {"function": "f:g", "on": "origin", "reads": ["daily"], "as_of": None}}}, tables=daily)
    data = made({"own": {"inbound": {"function": "f:g", "on": "origin", "reads": ["weather"], "as_of": None}}}, tables=daily)
    assert data.lookups["inbound"].as_of is None


def test_a_mistake_names_the_line_of_the_declaration_that_it_is_in():
    text = yaml.safe_dump(declared({"lags": [{"of": "a", "by": "carrier"}, {"of": "late", "by": "carrier", "known": "decided"}]}), sort_keys=False)
    line = 1 + next(number for number, one in enumerate(text.splitlines()) if one.strip() == "known: decided")
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert caught.value.where == f"loopline.yaml, line {line}"
