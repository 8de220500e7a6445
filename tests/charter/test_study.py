import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.prices import Prices
from loopline.charter.rules import Case, findings
from loopline.charter.spec import BudgetSpec, CharterSpec, WorthSpec
from loopline.charter.study import studied
from loopline.charter.worth import Worth
from loopline.declaration import Rate
from loopline.errors import Mistake

STATED = {
    "predict": "late",
    "volume": "700..1100 per day",
    "worth": {"currency": "USD", "act_right": "100..180", "act_wrong": -60},
    "prices": "prices.yaml",
    "study": {
        "effort": {"build": "200..400 hours", "run": "5..10 hours per month"},
        "happens": "20%..30%",
        "expects": {"precision": "30%..60%", "recall": "10%..40%"},
        "ready": "13w",
    },
}
BOOK = Prices.model_validate({"people": "55..70 per hour", "machine": "0.10 per hour"})


def case(*, worth=None, do_nothing=None, perfect=None, **charter):
    spec = CharterSpec(predict="late", worth=worth or WorthSpec(currency="USD", act_right=140, act_wrong=-60), **charter)
    return Case(spec, "binary", Worth.of(spec.worth, "binary"), do_nothing, perfect, None)


def reasons(of):
    return [found["says"] for found in findings(of) if found["passed"] is False]


def study(book=BOOK, *, outcome=None, sounding=None, **said):
    charter = CharterSpec.model_validate({**STATED, **said})
    return studied(charter, task=None, outcome=outcome, sounding=sounding, book=book)


def one(facts, name):
    return next(found for found in facts["study"]["alternatives"] if found["name"] == name)


def test_a_charter_that_pays_has_no_reason_against_it():
    assert reasons(case(do_nothing=0.0, perfect=33.6, volume=Rate(amount=900, period="day"), target=Rate(amount=400_000, period="year"))) == []


def test_nothing_is_held_against_a_charter_before_the_outcomes_are_known():
    assert reasons(case(target=Rate(amount=1e12, period="year"))) == []


@pytest.mark.parametrize(
    ("against", "words"),
    [
        (case(worth=WorthSpec(act_right=-1, act_wrong=-2)), "never pay"),
        (case(do_nothing=5.0, perfect=5.0), "already"),
        (case(do_nothing=0.0, perfect=1.0, volume=Rate(amount=10, period="year"), target=Rate(amount=100, period="year")), "would add only 10"),
        (case(do_nothing=0.0, perfect=1.0, volume=Rate(amount=10, period="year"), budget=BudgetSpec(build=1000)), "the first year costs 1,000"),
    ],
)
def test_each_reason_says_what_stands_against_it(against, words):
    assert any(words in reason for reason in reasons(against))


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_model_can_help_exactly_when_the_perfect_one_earns_more(do_nothing, perfect):
    assert bool(reasons(case(do_nothing=do_nothing, perfect=perfect))) == (perfect <= do_nothing)


def test_before_there_are_data_a_study_rests_on_what_is_stated():
    facts = study()
    assert facts["verdict"] == "provisional"
    assert [found["name"] for found in facts["study"]["alternatives"]] == ["nothing", "break_even", "model", "perfect"]
    assert facts["study"]["evidence"] == "stated" and facts["study"]["today"] == "nothing" and facts["study"]["best"] == "model"


def test_a_stated_study_says_no_where_a_model_is_unlikely_to_pay():
    facts = study(study={**STATED["study"], "expects": {"precision": "20%..30%", "recall": "10%..40%"}})
    assert facts["verdict"] == "no-go"
    assert any("pays for itself within 3 years" in reason for reason in facts["reasons"])


def test_what_a_charter_does_not_say_is_asked_for():
    facts = studied(CharterSpec(predict="late"), task=None, outcome=None, sounding=None, book=None)
    assert facts["study"] is None and facts["verdict"] == "provisional"
    assert [missing.partition(":")[0] for missing in facts["missing"]] == [
        "what decisions are worth in money",
        "how many decisions come",
        "how good a model would be",
    ]


def test_hours_of_work_without_a_price_are_a_mistake_that_names_the_file():
    with pytest.raises(Mistake, match="write people: 60 per hour into prices.yaml"):
        study(Prices.model_validate({"machine": "0.10 per hour"}))


def test_without_efforts_the_budget_is_what_it_costs():
    facts = study(None, prices=None, study={"happens": 0.25, "expects": {"precision": 0.5, "recall": 0.3}}, budget={"build": 30_000, "run": "500 per month"})
    assert one(facts, "model")["build"]["value"] == 30_000
    assert one(facts, "model")["run"]["value"] == 6_000


def test_a_certain_study_is_what_a_person_reckons_by_hand():
    facts = study(
        Prices.model_validate({"people": "60 per hour"}),
        volume="1000 per year",
        worth={"currency": "USD", "act_right": 140, "act_wrong": -60},
        study={
            "effort": {"build": "100 hours", "run": "1 hours per month"},
            "happens": 0.25,
            "expects": {"precision": 0.5, "recall": 0.4},
            "years": 2,
            "discount": 0,
        },
    )
    model, worth = one(facts, "model"), 0.1 * 140 - 0.1 * 60
    assert model["per_decision"]["value"] == pytest.approx(worth)
    assert model["npv"]["value"] == pytest.approx(2 * (1000 * worth - 12 * 60) - 6000)
    assert model["payback_months"]["value"] == pytest.approx(12 * 6000 / (1000 * worth - 720))
    assert one(facts, "break_even")["per_decision"]["value"] == pytest.approx((6000 + 2 * 720) / 2000)
    assert facts["study"]["tornado"] == [] and facts["study"]["information"]["everything"] == 0


def test_what_is_done_today_is_what_a_change_is_held_against():
    facts = study(study={**STATED["study"], "today": {"precision": "45%..55%", "recall": "30%..40%"}})
    assert facts["study"]["today"] == "present"
    assert one(facts, "present")["npv"] == {"value": 0, "low": 0, "high": 0}
    assert one(facts, "nothing")["npv"]["value"] < 0
    assert facts["verdict"] == "no-go"


@pytest.mark.parametrize(
    ("task", "worth", "stated"),
    [
        ("multiclass", {"right": "1..2", "wrong": -1}, {"happens": "40%..50%", "expects": {"accuracy": "60%..80%"}}),
        ("regression", {"over": "-3..-2", "under": -1}, {"spread": "8..12", "expects": {"error": "4..6"}}),
    ],
)
def test_other_tasks_are_studied_too(task, worth, stated):
    facts = study(task=task, worth={"currency": "EUR", **worth}, study=stated)
    nothing, model, perfect = (one(facts, name)["per_decision"]["value"] for name in ("nothing", "model", "perfect"))
    assert nothing < model < perfect


OUTCOME = {"do_nothing": 0.0, "perfect": 33.5, "break_even": 0.31}


@pytest.mark.parametrize(
    ("outcome", "is_built", "says"), [(None, False, "deliver data"), (OUTCOME, False, "the data are there"), (OUTCOME, True, "the package that decides")]
)
def test_why_nothing_tells_how_good_a_model_would_be_is_what_is_so(outcome, is_built, says):
    charter = CharterSpec.model_validate(
        {"predict": "kind", "task": "multiclass", "worth": {"currency": "EUR", "right": 5, "wrong": -2}, "volume": "9 per day"}
    )
    missing = studied(charter, task="multiclass", outcome=outcome, sounding=None, book=None, is_built=is_built)["missing"]
    lack = next(one for one in missing if "how good" in one)
    assert says in lack and ("deliver data" in lack) == (outcome is None)


def measured(rows, *, judged=1000, blocks=50, scatter=0.01, happens=0.25, **more):
    """A sounding of ways to decide, by their names: how often each term falls due; acting for nothing is off by so much in each."""
    terms = 4 * len(rows)
    covariance = np.zeros((terms, terms))
    for at in range(len(rows)):
        wrong, rest = 4 * at + 1, 4 * at + 3
        covariance[[wrong, rest], [wrong, rest]] = scatter**2
        covariance[[wrong, rest], [rest, wrong]] = -(scatter**2)
    alternatives = [{"name": name, "says": name} for name in rows]
    known = {"alternatives": alternatives, "means": list(rows.values()), "covariance": covariance.tolist()}
    return {**known, "blocks": blocks, "judged": judged, "happens": happens, **more}


NOTHING, PERFECT = (0, 0, 0.25, 0.75), (0.25, 0, 0, 0.75)
POOR = {"nothing": NOTHING, "model": (0.05, 0.3, 0.2, 0.45), "perfect": PERFECT}


def rule(facts, name):
    return next(found for found in facts["rules"] if found["name"] == name)


def test_what_was_measured_on_hardly_any_row_binds_nobody():
    enough, few = (study(outcome=OUTCOME, sounding=measured(POOR, judged=judged)) for judged in (1000, 30))
    assert (enough["verdict"], enough["rests_on"]) == ("no-go", "data")
    assert few["verdict"] == "go" and "the rows are too few to tell" in rule(few, "it_is_likely_to_pay")["says"]
    still = study(outcome=OUTCOME, sounding=measured({**POOR, "model": NOTHING}, scatter=0.0))
    assert rule(still, "it_is_likely_to_pay")["passed"] is None


def test_what_is_seen_only_where_somebody_acted_binds_nobody_and_stands_for_those_cases_alone():
    whole, part = (study(outcome=OUTCOME, sounding=measured(POOR, shown=shown)) for shown in (1.0, 0.25))
    assert part["verdict"] == "go" and any("nobody acted" in missing for missing in part["missing"])
    assert one(part, "model")["per_year"]["value"] == pytest.approx(one(whole, "model")["per_year"]["value"] / 4)


def test_a_no_go_of_what_is_stated_is_one_of_the_data_once_these_cannot_tell():
    hopeless = {**STATED["study"], "expects": {"precision": "10%..20%", "recall": "10%..20%"}}
    assert study(study=hopeless, outcome=OUTCOME)["rests_on"] == "stated", "nobody has looked at the data yet"
    assert study(study=hopeless, outcome=OUTCOME, sounding={"absent": "too few rows"})["rests_on"] == "data"


def test_a_model_that_decides_has_nothing_left_to_build():
    charter = CharterSpec.model_validate(STATED)
    new, kept = (studied(charter, task=None, outcome=None, sounding=None, book=BOOK, is_built=is_built) for is_built in (False, True))
    assert one(new, "model")["build"]["value"] > 0 and one(kept, "model")["build"]["value"] == 0
    assert kept["study"]["ready_months"] == 0 and one(kept, "model")["npv"]["value"] > one(new, "model")["npv"]["value"]
    assert not any("effort.build" in assumption["name"] for assumption in kept["study"]["assumptions"])


def test_points_are_no_money():
    facts = study(worth={})
    assert one(facts, "model")["npv"] is None and one(facts, "model")["per_decision"] is not None and facts["verdict"] == "provisional"


def test_people_are_paid_once():
    book = Prices.model_validate({"people": "60 per hour", "machine": {"price": "0.10 per hour", "people": {"hours": "10 per month", "rate": "60 per hour"}}})
    facts = study(book, study={**STATED["study"], "effort": {"build": "100 hours", "run": "10 hours per month"}})
    assert one(facts, "model")["run"]["value"] == pytest.approx(10 * 60 * 12 + 0.10 * 8766, rel=0.01)
    assert any("not by the people of the price book again" in counted for counted in facts["study"]["counted"])


def test_a_model_is_held_against_one_decision_for_all_which_costs_nothing():
    always, model = (0.7, 0.3, 0, 0), (0.65, 0.25, 0.05, 0.05)
    rows = {"nothing": (0, 0, 0.7, 0.3), "always": always, "model": model, "perfect": (0.7, 0, 0, 0.3)}
    outcome = {"do_nothing": 0.0, "perfect": 98.0, "break_even": 0.3}
    facts = study(outcome=outcome, sounding=measured(rows, happens=0.7, scatter=0.001), target="1000000 per year")
    assert facts["study"]["constant"] == "always"
    assert one(facts, "model")["added"]["low"] > 1_000_000 > one(facts, "model")["above_constant"]["high"]
    assert {found["name"] for found in facts["rules"] if found["passed"] is False} >= {"the_target_is_in_reach", "it_is_likely_to_pay"}


def test_no_precision_is_asked_for_that_cannot_be():
    rows = {"nothing": (0, 0, 0.1, 0.9), "model": (0.06, 0.4, 0.04, 0.5), "perfect": (0.1, 0, 0, 0.9)}
    facts = study(outcome={**OUTCOME, "perfect": 13.0}, sounding=measured(rows, happens=0.1))
    assert "right in" not in one(facts, "break_even")["says"]


def test_what_is_done_today_is_asked_for_whole():
    facts = study(study={**STATED["study"], "today": {"precision": "30%..40%"}})
    assert any(missing.startswith("what is done today") for missing in facts["missing"])
