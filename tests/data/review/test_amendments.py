import pytest
import yaml

from loopline.data.review.amendments import Amendment, amended, rule_in
from loopline.data.spec import ColumnSpec, DataSpec
from loopline.errors import Mistake

TEXT = """\
data:
  sources:
    orders: {path: o.csv}
    lines: {path: l.csv, contract: {price: {type: number, max: 9}}}
  # the contract
  contract:
    pages: {type: integer, min: 1, max: 8, severity: warn, why: known}   # eight
    carrier:
      values: [AA, DL]    # two
      clean: trim
    city: {clean: [trim]}
"""


def change(column, action, field, value, *, table="orders", why="ann, today: so"):
    return Amendment(table, column, action, field, value, why)


def after(*amendments):
    data = DataSpec.model_validate(yaml.safe_load(TEXT)["data"])
    text, left = amended(TEXT, data, amendments)
    assert "# the contract" in text
    assert "# eight" in text
    DataSpec.model_validate(yaml.safe_load(text)["data"])
    return yaml.safe_load(text)["data"], left


@pytest.mark.parametrize(
    ("amendment", "want"),
    [
        (change("pages", "set", "max", 12), {"max": 12}),
        (change("pages", "severity", "severity", {"max": "refuse"}), {"severity": {"min": "warn", "max": "refuse"}}),
        (change("pages", "severity", "severity", {"max": "refuse", "min": "refuse"}), {"severity": "refuse"}),
        (change("carrier", "add", "values", "B6"), {"values": ["AA", "DL", "B6"]}),
        (change("carrier", "add", "values", "DL"), {"values": ["AA", "DL"]}),
        (change("carrier", "remove", "values", "DL"), {"values": ["AA"]}),
        (change("carrier", "map", "clean", {"dl": "DL"}), {"clean": [{"trim": True}, {"map": {"dl": "DL"}}]}),
        (change("city", "map", "clean", {"Lodon": "London"}), {"clean": ["trim", {"map": {"Lodon": "London"}}]}),
        (change("rules", "set", "type", "text"), None),
    ],
)
def test_a_column_is_amended_and_says_who_said_so(amendment, want):
    data, left = after(amendment)
    assert not left
    contract = data["contract"]
    if want is None:
        assert contract["columns"]["rules"]["type"] == "text"
        return
    column = contract[amendment.column]
    assert {name: column[name] for name in want} == want
    assert column["why"] == ("known; ann, today: so" if amendment.column == "pages" else "ann, today: so")


def test_several_amendments_build_on_each_other():
    data, left = after(
        change("carrier", "add", "values", "B6"),
        change("carrier", "add", "values", "UA", why="bob, today: too"),
        change("price", "set", "max", 12, table="lines"),
        change("", "rule", "rules", {"check": "pages > 0", "name": "a page at least"}),
        change("", "rule", "rules", {"check": "pages < 99", "name": "not all"}),
    )
    assert not left
    assert data["contract"]["carrier"]["values"] == ["AA", "DL", "B6", "UA"]
    assert data["contract"]["carrier"]["why"] == "ann, today: so; bob, today: too"
    assert data["sources"]["lines"]["contract"]["price"]["max"] == 12
    assert [rule["check"] for rule in data["contract"]["rules"]] == ["pages > 0", "pages < 99"]


def test_what_does_not_fit_is_left_to_be_done_by_hand():
    data, left = after(change("pages", "set", "max", 0), change("pages", "set", "min", 2))
    assert left == ("ann, today: so: pages: min 1 is above max 0; swap them",)
    assert (data["contract"]["pages"]["max"], data["contract"]["pages"]["min"]) == (8, 2)


def test_a_rule_is_fields_of_the_column_or_a_condition():
    spec = ColumnSpec(type="integer")
    (made,) = rule_in("max: 12", "orders", "pages", spec, why="w", by="ann")
    assert (made.action, made.field, made.value) == ("set", "max", 12)
    assert [one.field for one in rule_in("{min: 9, max: 12, severity: refuse}", "orders", "pages", ColumnSpec(max=8), why="w", by="ann")] == [
        "min",
        "max",
        "severity",
    ]
    (made,) = rule_in("end >= start", "orders", "pages", spec, why="w", by="ann")
    assert (made.action, made.value["check"], made.value["name"]) == ("rule", "end >= start", "end >= start, says ann")


@pytest.mark.parametrize("words", ["max: twelve", "maxx: 1", "why: so", "import os", "a = b", "}", "pattern: '('", "min: 9, max: 1"])
def test_what_is_no_rule_is_told(words):
    with pytest.raises(Mistake):
        rule_in(words, "orders", "pages", ColumnSpec(), why="w", by="ann")
