import pytest

from loopline.charter.spec import CharterSpec
from loopline.charter.template import NAMES, template, templates
from loopline.errors import Mistake


@pytest.mark.parametrize("name", NAMES)
def test_a_template_asks_eight_to_fourteen_questions_and_each_says_why_and_what_if_it_is_wrong(name):
    kind = template(name)
    assert 8 <= len(kind.asked) <= 14
    assert len({entry.field for entry in kind.entries}) == len(kind.entries)
    for entry in kind.asked:
        assert entry.question.asks[-1] in "?.)", entry.field
        assert entry.question.why.endswith("."), entry.field
        assert entry.question.wrong.endswith("."), entry.field
        assert entry.guess is not None or entry.using is not None or entry.example, entry.field


@pytest.mark.parametrize("name", NAMES)
def test_fields_stand_in_the_order_of_the_declaration(name):
    order = list(CharterSpec.model_fields)
    places = [order.index(entry.field.split(".")[1]) for entry in template(name).entries if entry.field.startswith("charter.")]
    assert places == sorted(places)


def test_every_role_that_is_asked_has_a_place_for_its_people_and_is_told_what_it_answers():
    for kind in templates():
        for entry in kind.asked:
            held = next(one for one in kind.entries if one.field == f"charter.stakeholders.{entry.question.role}")
            if held.question is None:
                assert entry.field.removeprefix("charter.") in held.says


def test_columns_are_found_by_their_whole_name_first_and_then_by_words_in_it():
    churn = template("churn")
    assert churn.find("target", ["customer_churn_flag", "Churn"]) == ["Churn", "customer_churn_flag"]
    assert churn.find("amount", ["MonthlyCharges", "tenure"]) == ["MonthlyCharges"]
    assert churn.find("target", ["leftovers", "churner"]) == []
    # One letter says something only where it is the whole name.
    assert template("lead-scoring").find("target", ["y_pred", "y"]) == ["y"]


def test_default_says_the_contrary_of_what_granting_is_right_for():
    assert template("credit").says_contrary("loan_default")
    assert not template("credit").says_contrary("repaid")


@pytest.mark.parametrize(("said", "remedy"), [("chrun", "did you mean 'churn'"), ("xyzzy", "there are: churn, credit")])
def test_a_template_that_is_not_there_is_told_with_the_nearest(said, remedy):
    with pytest.raises(Mistake, match=remedy):
        template(said)
