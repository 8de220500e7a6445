import json

import pytest

from loopline.charter.spec import CharterSpec
from loopline.data.moments import Lookup, moments_of, resolved
from loopline.data.spec import DataSpec
from loopline.errors import Mistake
from loopline.project import parse

SOURCES = {"flights": {"path": "f.csv", "time": "due"}, "weather": {"path": "w.csv"}}


def data(**lookups):
    return DataSpec.model_validate({"sources": SOURCES, "lookups": lookups})


def charter(**more):
    return CharterSpec.model_validate({"predict": "late", "decided": "2h before due", **more})


def test_a_lookup_goes_by_the_moment_of_decision_unless_another_is_said():
    said = data(
        weather={"on": "origin", "as_of": "hour", "delay": "30min", "tolerance": "1d", "columns": ["temp"], "prefix": "w_"},
        later={"table": "weather", "on": {"place": "origin"}, "as_of": "hour", "no_later_than": "due"},
        sooner={"table": "weather", "on": "origin", "as_of": "hour", "no_later_than": "1h before due"},
        plain={"table": "weather", "on": "origin"},
    )
    weather, later, sooner, plain = resolved(said, charter())
    assert (weather.moment, weather.offset_us, weather.delay_us, weather.tolerance_us) == ("due", -7_200_000_000, 1_800_000_000, 86_400_000_000)
    assert (weather.columns, weather.ours, weather.says) == ({"temp": "w_temp"}, ("w_temp",), "as of 2h before due")
    assert (later.table, later.keys, later.moment, later.offset_us, later.says) == ("weather", (("origin", "place"),), "due", 0, "as of due")
    assert (sooner.moment, sooner.offset_us) == ("due", -3_600_000_000)
    assert (plain.moment, plain.as_of, plain.says) == (None, None, "as it is now")


def test_plain_values_give_the_same_lookup_and_the_same_digest():
    (lookup,) = resolved(data(weather={"on": "origin", "as_of": "hour", "columns": ["temp", "sky"]}), charter())
    again = Lookup.of(json.loads(json.dumps(lookup.plain())))
    assert again == lookup
    assert again.digest == lookup.digest
    assert lookup.only(frozenset({"sky"})).columns == {"sky": "sky"}
    assert lookup.only(frozenset({"sky"})).digest != lookup.digest


def test_without_a_moment_of_decision_it_is_asked_for():
    with pytest.raises(Mistake, match=r"data.lookups.weather: it goes by the moment of decision.*charter.decided"):
        resolved(data(weather={"on": "origin", "as_of": "hour"}), CharterSpec(predict="late"))


@pytest.mark.parametrize(
    ("lookup", "says"),
    [
        ({"table": "flights", "on": "origin"}, "could find itself"),
        ({"table": "flights", "on": "origin", "as_of": "landed"}, "could find itself"),
        ({"table": "flights", "on": "origin", "as_of": "due", "no_later_than": "due"}, "would find itself"),
        ({"table": "flights", "on": "origin", "as_of": "due", "no_later_than": "1h after due", "delay": "1h"}, "would find itself"),
    ],
)
def test_no_row_of_the_main_table_can_find_itself(lookup, says):
    with pytest.raises(Mistake, match=says):
        resolved(data(earlier=lookup), charter())


def test_earlier_rows_of_the_main_table_can_be_found():
    (lookup,) = resolved(data(earlier={"table": "flights", "on": "origin", "as_of": "due", "prefix": "last_"}), charter())
    assert lookup.offset_us < lookup.delay_us


@pytest.mark.parametrize(
    ("lookup", "says"),
    [
        ({"on": "origin", "delay": "1h"}, "delay belongs to a table with a time"),
        ({"on": "origin", "tolerance": "1h"}, "tolerance belongs to a table with a time"),
        ({"on": "origin", "as_of": "hour", "delay": "2h", "tolerance": "1h"}, "what is there after 2h is always older than 1h"),
        ({"on": [], "as_of": "hour"}, "say which columns must be equal"),
        ({"table": "wether", "on": "origin"}, "reads table 'wether', which is not declared"),
    ],
)
def test_a_lookup_that_makes_no_sense_is_a_mistake(lookup, says):
    with pytest.raises(ValueError, match=says):
        data(weather=lookup)


def test_rows_without_the_moment_are_refused_by_the_contract():
    text = """
project: p
charter: {predict: late, decided: 2h before due}
data:
  sources: {flights: {path: f.csv}, weather: {path: w.csv}}
  lookups: {weather: {on: origin, as_of: hour}}
  contract: {due: {type: datetime}}
"""
    due = parse(text).data.contract.columns["due"]
    assert (due.required, due.type) == (True, "datetime")
    assert not parse(text.replace("lookups: {weather: {on: origin, as_of: hour}}", "lookups: {weather: {on: origin}}")).data.contract.columns["due"].required
    assert moments_of(parse(text).data, CharterSpec(predict="late")) == frozenset()
