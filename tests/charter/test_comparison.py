from datetime import date
from functools import cache

import pytest

from loopline.charter.comparison import compared
from loopline.charter.contender import Contender
from loopline.charter.report.comparing import beside, report
from loopline.charter.spec import CharterSpec
from loopline.charter.study import simulated, studied
from loopline.sheet.html import html
from loopline.sheet.plain import markdown
from tests.charter.test_study import BOOK, STATED

TODAY = date(2026, 11, 26)
SMALL = {"volume": "80..120 per day", "worth": {"currency": "USD", "act_right": "14..18", "act_wrong": -5.4}}
HOPELESS = {"volume": "2..3 per day", "worth": {"currency": "USD", "act_right": "5..9", "act_wrong": -9}}
REVIEW = {
    "currency": "USD",
    "realised": {"added": {"per_decision": 2.0, "low": 1.0, "high": 3.0, "per_year": 500_000.0}},
    "better_policy": {"gain": {"value": 0.5, "low": 0.1, "high": 0.9}},
    "learned": {"decisions_per_year": 100_000.0},
}


@cache
def _studied(said):
    charter = CharterSpec.model_validate({**STATED, **dict(said)})
    told = {"task": None, "sounding": None, "book": BOOK}
    return charter, studied(charter, outcome=None, **told), simulated(charter, **told)


def contender(name, project="", said=None, **more):
    charter, facts, simulation = _studied(_Frozen(said or {}))
    return Contender(name=name, project=project or name, told_by=f"{name}.yaml", charter=charter, facts=facts, simulation=simulation, **more)


class _Frozen(dict):
    """A charter's fields as a key."""

    def __hash__(self):
        return hash(repr(sorted(self.items())))


def compare(*contenders, **more):
    return compared(contenders, today=TODAY, **more)


def row(found, name):
    return next(one for one in found["charters"] if one["name"] == name)


def test_the_month_goes_where_it_brings_most():
    found = compare(contender("small", said=SMALL), contender("desk"), contender("hopeless", said=HOPELESS))
    assert [one["name"] for one in found["charters"]] == ["desk", "small", "hopeless"]
    assert (found["choice"]["kind"], found["choice"]["name"]) == ("build", "desk")
    assert "160 hours of work on desk promise" in found["choice"]["says"] and "next comes small" in found["choice"]["says"]
    assert row(found, "hopeless")["rank"] is None and row(found, "hopeless")["lack"].startswith("no-go: ")
    assert sum(one["best"] or 0 for one in found["charters"]) + found["nothing"] == pytest.approx(1)


def test_a_month_counts_the_part_that_is_built_in_it():
    whole, half = (row(compare(contender("desk"), contender("small", said=SMALL), hours=hours), "desk") for hours in (1e6, 100))
    assert whole["promised"]["value"] == pytest.approx(whole["npv"]["value"], rel=0.05)
    assert half["promised"]["value"] == pytest.approx(100 * half["per_hour"]["value"], rel=0.1)


def test_nothing_is_worth_a_month_where_all_are_no_gos():
    found = compare(contender("one", said=HOPELESS), contender("other", said={**HOPELESS, "volume": "1..2 per day"}))
    assert found["choice"]["kind"] == "nothing" and found["choice"]["name"] is None
    assert found["nothing"] is None
    assert "Nothing is worth the next month: one: no-go" in found["choice"]["says"]


def test_finding_out_is_named_where_an_answer_is_worth_more_than_a_day():
    unsure = {**STATED["study"], "expects": {"precision": "20%..40%", "recall": "10%..40%"}}
    found = compare(contender("unsure", said={"study": unsure}), contender("hopeless", said=HOPELESS))
    assert found["choice"]["kind"] == "find_out" and found["choice"]["name"] == "unsure"
    assert "how often the model is right when it acts" in found["choice"]["first"]
    assert all(one["hours"] > 8 for one in found["finding_out"])


def test_a_no_go_that_a_person_overrides_is_in_the_choice():
    unlikely = {**STATED["study"], "chance": "99%"}
    refused, overridden = (contender("desk", said={"study": unlikely}, overridden=by) for by in ("", "overridden by ann: we learn"))
    small = contender("small", said=SMALL)
    assert row(compare(refused, small), "desk")["rank"] is None
    assert row(compare(overridden, small), "desk")["rank"] == 1


def test_money_of_another_kind_is_compared_only_at_a_rate():
    euro = {**SMALL, "worth": {**SMALL["worth"], "currency": "EUR"}}
    desk, shop = contender("desk"), contender("shop", said=euro)
    apart = row(compare(desk, shop), "shop")
    assert (apart["rank"], apart["currency"]) == (None, "EUR") and "--rate EUR=" in apart["lack"]
    found = compare(desk, shop, rates={"EUR": 2.0})
    assert row(found, "shop")["npv"]["value"] == pytest.approx(2 * apart["npv"]["value"])
    assert (row(found, "shop")["rank"], row(found, "shop")["currency"]) == (2, "USD")
    assert "one EUR is taken as 2 USD" in found["notes"]


@pytest.mark.parametrize(
    ("said", "lack"),
    [
        ({"worth": {"act_right": 4, "act_wrong": -1}}, "points, not in money"),
        ({"study": {**STATED["study"], "effort": {"run": "5 hours per month"}}}, "say charter.study.effort.build"),
        ({"volume": None}, "say charter.volume"),
        ({"study": {}}, "how good a model would be"),
    ],
)
def test_what_cannot_be_told_is_not_ranked_and_says_what_is_missing(said, lack):
    found = compare(contender("desk", said=SMALL), contender("other", said=said))
    assert lack in row(found, "other")["lack"] and row(found, "other")["rank"] is None
    assert compare(contender("other", said=said))["choice"]["kind"] == "undecided"


def test_what_a_model_that_decides_took_to_build_is_spent():
    building, deciding = contender("desk"), contender("desk", decides=True)
    small = contender("small", said=SMALL)
    found = compare(deciding, small)
    kept = row(found, "desk")
    assert found["choice"]["name"] == "small" and kept["rank"] is None and kept["build_hours"] is None
    assert kept["npv"]["value"] > row(compare(building, small), "desk")["npv"]["value"]
    assert kept["more"] is None and any("desk: its model decides already" in said and "is not known" in said for said in beside(found))


def test_a_review_tells_what_is_earned_and_what_more_there_is():
    kept = row(compare(contender("desk", said={"target": "600000 per year"}, decides=True, review=REVIEW), contender("small", said=SMALL)), "desk")
    assert kept["is_realised"] and kept["per_year"] == {"value": 500_000, "low": 250_000, "high": 750_000}
    assert kept["target"] == {"per_year": 600_000, "chance": None, "reached": False}
    assert kept["more"] == {"what": "change_policy", "per_year": {"value": 50_000, "low": 10_000, "high": 90_000}}


def test_a_review_in_other_money_tells_nothing():
    kept = row(compare(contender("desk", decides=True, review={**REVIEW, "currency": "EUR"}), contender("small", said=SMALL)), "desk")
    assert not kept["is_realised"] and kept["more"] is None


def test_charters_of_one_project_are_told_by_what_differs():
    found = compare(contender("desk"), contender("desk (later.yaml)", project="desk", said={"volume": "900..1400 per day"}))
    assert found["differs"] == [
        {"one": "desk", "other": "desk (later.yaml)", "fields": [{"field": "volume", "one": "700..1100 per day", "other": "900..1400 per day"}]}
    ]
    assert compare(contender("desk"), contender("small", said=SMALL))["differs"] == []


def test_what_differs_is_told_in_the_words_of_the_charter():
    said = {
        "worth": {"currency": "USD", "act_right": 140},
        "acceptance": [{"id": "A1", "check": "recall >= 0.5"}],
        "stakeholders": {"business": ["ann", "bob"]},
    }
    (pair,) = compare(contender("desk"), contender("desk (later.yaml)", project="desk", said=said))["differs"]
    assert {one["field"]: (one["one"], one["other"]) for one in pair["fields"]} == {
        "acceptance.A1": (None, "recall >= 0.5"),
        "stakeholders.business": (None, "ann, bob"),
        "worth.act_right": ("100..180", "140"),
        "worth.act_wrong": ("-60", None),
    }


def test_what_is_not_reckoned_alike_is_named():
    found = compare(
        contender("desk"), contender("small", said={**SMALL, "study": {**STATED["study"], "years": 5, "discount": "10%"}}), contender("x", said=SMALL)
    )
    assert any("charter.study.years: desk 3 years, small 5 years" in note for note in found["notes"])
    assert any("charter.study.discount: desk 0.08 a year, small 0.1 a year" in note for note in found["notes"])


def test_the_document_reads_in_every_form():
    evil = "<b>*shop*|"
    found = compare(contender(evil, said=SMALL), contender("desk"), contender("kept", decides=True, review=REVIEW), contender("hopeless", said=HOPELESS))
    document = report("desk", found, made="2026-11-26", next="loopline run")
    assert document.verdict == "Work on desk" and document.first is not None
    page, plain = html(document), markdown(document)
    assert "<b>*shop" not in page and "nan" not in page and "None" not in plain
    for said in ("Where should the next month go?", "What an hour of building each model brings", "decides already", "Its review has found a policy"):
        assert said in page
    assert "**Find out first.**" in plain and "The charters side by side" in plain
