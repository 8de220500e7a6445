import pytest

from loopline.charter.questions import answers, standings
from loopline.charter.template import template

CHURN = template("churn")
TEXT = """project: shop
charter:
  template: churn
  predict: left    # ? found
  volume: 3..4 per day    # ? counted
  worth:
    act_right: fee * 12 * 0.1 - 10    # ? guess
    act_wrong: -15..-5    # ? guess
  study:
    effort: {build: 80..240 hours, run: 4..16 hours per month}    # ? guess
  acceptance:
    - {id: A1, says: "Of the customers who get an offer, at least one in four was about to leave", check: precision >= 0.25}    # ? guess
  stakeholders:
    business: []    # ? guess
data:
  sources: {}
"""
BOOK = "people: 45..75 per hour    # ? guess\nmachine: 0.10 per hour\n"


def is_open(field, text=TEXT, book=BOOK):
    return next(one.is_open for one in standings(CHURN, text, book) if one.entry.field == field)


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("charter.predict", "left    # ? found", "left"),
        ("charter.volume", "    # ? counted", "    # counted in May"),
        ("charter.worth.act_right", "fee * 12 * 0.1 - 10", "fee * 12 * 0.2 - 8"),
        ("charter.worth.act_right", "fee * 12 * 0.1 - 10    # ? guess", "fee * 12 * 0.1 - 10"),
        ("charter.worth.act_wrong", "-15..-5", "-9"),
        ("charter.study.effort", "80..240 hours", "300 hours"),
        ("charter.acceptance.A1", "precision >= 0.25", "precision >= 0.3"),
        ("charter.stakeholders.business", "business: []", "business: [owner@example.com]"),
    ],
)
def test_a_question_is_answered_by_another_value_or_by_taking_the_mark_away(field, before, after):
    assert is_open(field)
    assert before in TEXT
    assert not is_open(field, TEXT.replace(before, after))


def test_what_was_counted_or_found_is_open_until_somebody_has_looked_at_it():
    assert is_open("charter.volume", TEXT.replace("3..4 per day", "5..6 per day"))
    assert is_open("charter.predict", TEXT.replace("predict: left", "predict: gone"))


def test_a_field_that_is_not_said_is_open_and_one_in_the_price_book_is_looked_for_there():
    assert is_open("value.holdout")
    assert not is_open("value.holdout", f"{TEXT}value: {{holdout: 0%}}\n")
    assert is_open("charter.stakeholders.business", TEXT.replace("business: []", "business:"))
    assert is_open("prices.people")
    assert not is_open("prices.people", book="people: 60 per hour    # ? guess\n")
    assert is_open("prices.people", book="")


def test_a_guess_of_the_name_before_there_are_data_is_answered_by_another_name():
    text = TEXT.replace("left    # ? found", "churned    # ? guess")
    assert is_open("charter.predict", text)
    assert not is_open("charter.predict", text.replace("churned", "left"))


def test_answers_are_what_a_person_has_said():
    assert answers(CHURN, TEXT, BOOK) == {}
    text = TEXT.replace("-15..-5", "-9").replace("predict: left    # ? found", "predict: left\n  decision: Call them?")
    assert answers(CHURN, text, BOOK) == {"charter.predict": "left", "charter.decision": "Call them?", "charter.worth.act_wrong": "-9"}
