from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.filling import fill, is_guess
from loopline.charter.template import NAMES, holes, template

words = st.text(st.characters(codec="utf-8", exclude_characters="{}\n\r"), min_size=1, max_size=12)


def field(name, path, known=None, **more):
    return next(one for one in fill(template(name), known, **more) if one.entry.field == path)


def test_before_there_are_data_columns_have_their_usual_names_and_money_is_a_range():
    assert field("churn", "charter.predict").value == "churned"
    assert field("churn", "charter.worth.act_right").value == "15..60"
    assert field("delay", "charter.decided").value == "2h before sched_dep"
    assert field("credit", "charter.positive").value is None


def test_what_was_found_and_counted_takes_the_place_of_a_guess():
    known = {"target": "gone", "amount": "fee", "volume": "3..4 per day", "group": "shop"}
    assert (field("churn", "charter.predict", known).value, field("churn", "charter.predict", known).origin) == ("gone", "found")
    assert (field("churn", "charter.volume", known).value, field("churn", "charter.volume", known).origin) == ("3..4 per day", "counted")
    # The column is found, what it is multiplied with is not.
    worth = field("churn", "charter.worth.act_right", known)
    assert (worth.value, worth.origin) == ("fee * 12 * 0.1 - 10", "guess")
    assert field("churn", "charter.acceptance.A2", known).value["check"] == "worst_slice(shop).worth >= 0"


def test_what_needs_a_column_that_is_not_there_is_left_out_and_says_so():
    assert field("lead-scoring", "model.policy.capacity", {}).why == "no column for time was found"
    assert field("churn", "charter.acceptance.A2", {}).value is None


def test_an_outcome_that_comes_later_than_the_data_can_leave_out_is_not_declared():
    known = {"time": "issued"}
    assert field("credit", "charter.outcome_known", known, span=timedelta(days=4000)).value == "365d after issued"
    short = field("credit", "charter.outcome_known", known, span=timedelta(days=300))
    assert short.value is None
    assert "these data span 300 days" in short.why


@given(st.sampled_from(NAMES), st.data())
def test_a_guess_is_known_for_one_whatever_the_columns_are_called(name, data):
    kind = template(name)
    known = {hole: data.draw(words) for entry in kind.entries for hole in holes(entry.using)}
    for one in (*fill(kind, known), *fill(kind, None)):
        assert one.origin != "guess" or is_guess(kind, one.entry, one.value)
        assert not is_guess(kind, one.entry, "what a person says")
